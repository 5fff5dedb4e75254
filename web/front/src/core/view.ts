/** What part of time is seen, and how it moves. */

import type { Axis } from './axis';
import { type CandleTimeframe, DAY, HOUR, NOMINAL } from './timeframes';

/** Below this it is single ticks that are hoped for: the less is asked for around them, the sooner they are few. */
export const NARROW = 3 * HOUR;

export interface View {
  readonly from: number;
  readonly to: number;
}

export interface Reach {
  readonly first: number;
  readonly last: number;
}

/** All of the history, with some air at its right. */
export function whole({ first, last }: Reach): View {
  const span = Math.max(last - first, 60_000_000);
  return { from: first - span * 0.02, to: last + span * 0.04 };
}

/** A view whose edges do not leave the history by more than half of what is seen. */
export function within(view: View, reach: Reach): View {
  const all = whole(reach);
  const span = Math.min(view.to - view.from, (all.to - all.from) * 1.15);
  const earliest = reach.first - span / 2;
  const latest = reach.last + span / 2;
  let from = view.from + (view.to - view.from - span) / 2;
  from = Math.max(Math.min(from, latest - span), earliest);
  return { from, to: from + span };
}

/** A held timeframe is shown with so many bars at most: its window, up to five times as wide, is then not refused. */
const MOST_HELD = 900;
/** Where somebody names a timeframe the server gives 5000 bars and no more. */
const MOST_NAMED = 4500;

/** A view cut at its left to what a held timeframe allows; one that lies beyond the history shows the newest bars. */
export function limited(view: View, timeframe: CandleTimeframe, reach: Reach): View {
  const most = NOMINAL[timeframe] * MOST_HELD;
  if (view.to - view.from <= most) return view;
  const to = view.to > reach.last ? Math.min(view.to, reach.last + most * 0.05) : view.to;
  return { from: to - most, to };
}

/** Whether a window may be asked for with the timeframe named. */
export function hasRoom(window: View, timeframe: CandleTimeframe): boolean {
  return window.to - window.from <= NOMINAL[timeframe] * MOST_NAMED;
}

/** Zooms about a place, a fraction of the width from the left; a factor below 1 comes nearer. */
export function zoomed(view: View, axis: Axis, at: number, factor: number, fewest: number): View {
  const left = axis.logicalOf(view.from);
  const right = axis.logicalOf(view.to);
  const width = right - left;
  const wanted = factor < 1 ? Math.min(width, Math.max(width * factor, fewest)) : width * factor;
  const anchor = left + width * at;
  return { from: axis.timeOf(anchor - wanted * at), to: axis.timeOf(anchor + wanted * (1 - at)) };
}

/** Moves by a fraction of the width; to the right where it is positive. */
export function moved(view: View, axis: Axis, fraction: number): View {
  const left = axis.logicalOf(view.from);
  const right = axis.logicalOf(view.to);
  const by = (right - left) * fraction;
  return { from: axis.timeOf(left + by), to: axis.timeOf(right + by) };
}

/** The same width and the same distance from the last bar, on an axis that has grown. */
export function following(view: View, before: Axis, after: Axis): View {
  const left = before.logicalOf(view.from) - before.starts.length;
  const right = before.logicalOf(view.to) - before.starts.length;
  const count = after.starts.length;
  return { from: after.timeOf(count + left), to: after.timeOf(count + right) };
}

export function isAtEdge(view: View, axis: Axis): boolean {
  const last = axis.starts.at(-1);
  return last !== undefined && view.to >= last && view.from <= last;
}

/** The newest bar that is seen, if only in part; -1: none is. */
export function newestBar(view: View, axis: Axis): number {
  const left = axis.logicalOf(view.from);
  const right = axis.logicalOf(view.to);
  for (
    let slot = Math.min(axis.bars.length, Math.ceil(right + 0.5)) - 1;
    slot >= 0 && slot + 0.5 > left;
    slot -= 1
  ) {
    if (axis.bars[slot]! >= 0) return axis.bars[slot]!;
  }
  return -1;
}

/**
 * The span to ask the server for so that a view can move before it must ask again.
 *
 * Its bounds lie on a grid that the size of the view gives: views near to each other need the same window, which
 * is then in the cache, in the browser's or in the page's own.
 */
export function windowFor(view: View, reach: Reach): View {
  const span = Math.max(view.to - view.from, 1000);
  const margin = span < NARROW ? 0.25 : 0.75;
  const size = 2 ** (Math.ceil(Math.log2(span) * 2) / 2);
  const grid = Math.max(Math.round(size / 4), 1);
  const down = (time: number) => Math.floor(time / grid) * grid;
  // A step more than the history: its first bar may begin before its first tick.
  const from = Math.max(down(view.from - size * margin), down(reach.first) - grid);
  const to = Math.min(down(view.to + size * margin) + grid, down(reach.last) + grid);
  // A view beyond the history still needs a window, or there is nothing to draw the emptiness in.
  return from < to ? { from, to } : { from: down(view.from), to: down(view.to) + grid };
}

/** The widths that the keys 1 to 6 show. */
export const WIDTHS: readonly (readonly [name: string, us: number])[] = [
  ['1 hour', DAY / 24],
  ['1 day', DAY],
  ['1 week', 7 * DAY],
  ['1 month', 30 * DAY],
  ['1 year', 365 * DAY],
];
