/** Bands behind the bars: closed hours, known gaps, hours not had; and the border of history and live. */

import type { IPanePrimitive, IPanePrimitivePaneView, IPrimitivePaneRenderer } from 'lightweight-charts';
import type { Microseconds } from './scale';

export type BandKind = 'closed' | 'gap' | 'pending' | 'failed';

export interface Band {
  readonly kind: BandKind;
  readonly from: number;
  readonly to: number;
  /** Edges in pixels of the pane. */
  readonly left: number;
  readonly right: number;
  readonly reason: string;
}

export interface BandColors {
  readonly closed: string;
  readonly gap: string;
  readonly pending: string;
  readonly failed: string;
  readonly boundary: string;
  readonly boundaryText: string;
}

export interface Boundary {
  readonly x: number;
  readonly left: string;
  readonly right: string;
}

type Target = Parameters<IPrimitivePaneRenderer['draw']>[0];

const HATCH = 7;

function hatch(
  context: CanvasRenderingContext2D,
  left: number,
  width: number,
  height: number,
  pitch: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, 0, width, height);
  context.clip();
  context.beginPath();
  // Counted from the pane's corner, not from the band's: stripes of neighbours then meet.
  const first = Math.floor((left - height) / pitch) * pitch;
  for (let x = first; x < left + width; x += pitch) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}

/** `bands` and `boundary` are asked for at each frame, so that they follow the view. */
export class Bands implements IPanePrimitive<Microseconds> {
  #requestUpdate: (() => void) | null = null;
  readonly #views: readonly IPanePrimitivePaneView[];

  constructor(
    private readonly source: {
      bands(): readonly Band[];
      boundary(): Boundary | null;
      colors(): BandColors;
    },
  ) {
    const renderer: IPrimitivePaneRenderer = { draw: target => this.#draw(target) };
    this.#views = [{ zOrder: () => 'bottom', renderer: () => renderer }];
  }

  attached({ requestUpdate }: { requestUpdate: () => void }): void {
    this.#requestUpdate = requestUpdate;
  }

  detached(): void {
    this.#requestUpdate = null;
  }

  update(): void {
    this.#requestUpdate?.();
  }

  paneViews(): readonly IPanePrimitivePaneView[] {
    return this.#views;
  }

  #draw(target: Target): void {
    const colors = this.source.colors();
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio: ratio }) => {
      for (const band of this.source.bands()) {
        const left = Math.max(Math.round(band.left * ratio), 0);
        const right = Math.min(Math.round(band.right * ratio), bitmapSize.width);
        const width = Math.max(right - left, Math.ceil(ratio));
        if (right < 0 || left > bitmapSize.width) continue;
        const color = colors[band.kind];
        context.fillStyle = color;
        context.fillRect(left, 0, width, bitmapSize.height);
        if (band.kind !== 'closed' && width > 2) {
          context.strokeStyle = color;
          context.lineWidth = ratio;
          hatch(context, left, width, bitmapSize.height, HATCH * ratio);
        }
      }
      const boundary = this.source.boundary();
      if (boundary === null) return;
      const x = Math.round(boundary.x * ratio);
      context.strokeStyle = colors.boundary;
      context.lineWidth = Math.ceil(ratio);
      context.setLineDash([4 * ratio, 4 * ratio]);
      context.beginPath();
      context.moveTo(x + 0.5, 0);
      context.lineTo(x + 0.5, bitmapSize.height);
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = colors.boundaryText;
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      context.textBaseline = 'bottom';
      const y = bitmapSize.height - 6 * ratio;
      context.textAlign = 'right';
      context.fillText(boundary.left, x - 8 * ratio, y);
      // Near the right edge both are written at the left, one above the other.
      const hasRoom = x + 8 * ratio + context.measureText(boundary.right).width < bitmapSize.width;
      context.textAlign = hasRoom ? 'left' : 'right';
      if (hasRoom) context.fillText(boundary.right, x + 8 * ratio, y);
      else context.fillText(`${boundary.right} →`, x - 8 * ratio, y - 15 * ratio);
    });
  }
}
