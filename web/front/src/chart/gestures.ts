/** Wheel, drag and pinch on the chart, told as zooms about a place and moves. Places and moves are in pixels. */

export interface Gestures {
  zoom(x: number, factor: number): void;
  move(pixels: number): void;
  tap(x: number, y: number): void;
  /** Back to where the price axis scales itself. */
  reset(): void;
}

/** A notch of a usual wheel (100 pixels) zooms by a sixth. */
const ZOOM_PER_PIXEL = 0.0018;
const LINE_PIXELS = 33;
const TAP_PIXELS = 4;

export function attachGestures(
  element: HTMLElement,
  paneWidth: () => number,
  gestures: Gestures,
): () => void {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const pointers = new Map<number, { x: number; y: number }>();
  let travelled = 0;

  const placeOf = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener(
    'wheel',
    event => {
      const { x } = placeOf(event);
      if (x > paneWidth()) return;
      event.preventDefault();
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1;
      const along = (event.shiftKey ? event.deltaY : event.deltaX) * unit;
      if (Math.abs(along) > Math.abs(event.shiftKey ? 0 : event.deltaY * unit)) gestures.move(along);
      else gestures.zoom(x, Math.exp(Math.max(-600, Math.min(600, event.deltaY * unit)) * ZOOM_PER_PIXEL));
    },
    { ...options, passive: false },
  );

  element.addEventListener(
    'pointerdown',
    event => {
      const place = placeOf(event);
      if (place.x > paneWidth() || event.button !== 0) return;
      pointers.set(event.pointerId, place);
      travelled = 0;
    },
    options,
  );

  window.addEventListener(
    'pointermove',
    event => {
      const before = pointers.get(event.pointerId);
      if (before === undefined) return;
      const place = placeOf(event);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, place);
      travelled += Math.abs(place.x - before.x) + Math.abs(place.y - before.y);
      if (other === undefined) {
        gestures.move(before.x - place.x);
        return;
      }
      const wide = Math.max(Math.abs(place.x - other.x), 10);
      const was = Math.max(Math.abs(before.x - other.x), 10);
      gestures.zoom((place.x + other.x) / 2, was / wide);
      gestures.move((before.x - place.x) / 2);
    },
    options,
  );

  const end = (event: PointerEvent) => {
    const place = pointers.get(event.pointerId);
    if (place === undefined) return;
    pointers.delete(event.pointerId);
    if (event.type === 'pointerup' && travelled < TAP_PIXELS) gestures.tap(place.x, place.y);
  };
  window.addEventListener('pointerup', end, options);
  window.addEventListener('pointercancel', end, options);
  element.addEventListener('dblclick', () => gestures.reset(), options);

  return () => stop.abort();
}
