/**
 * Where times lie on the chart.
 *
 * A chart draws slots of one width. Each bar has a slot; time that is open but has no bar keeps its width in
 * empty slots, so that a hole looks like one; a long closed time is folded into one slot, a short one into
 * none. Slots adjoin, so each time has a place and each place a time, and a picture of another timeframe can be
 * laid so that both edges of the view stay at their times. Slot i reaches from i − ½ to i + ½.
 */

import type { Interval } from '../api/types';

/** Closed time of this many bars or more has a slot of its own. */
const FOLD = 8;
/** A span without bars has so many empty slots at most: a year's hole seen by the minute. */
const MOST_EMPTY = 2000;

export interface Axis {
  /** Starts of the slots, rising strictly. */
  readonly starts: readonly number[];
  /** The end of the last slot. */
  readonly end: number;
  /** Which bar a slot holds; -1: none. */
  readonly bars: readonly number[];
  /** What a slot beyond the first and the last one would last. */
  readonly step: number;
  logicalOf(time: number): number;
  timeOf(logical: number): number;
}

export interface AxisInput {
  readonly times: readonly number[];
  /** The end of a bar by its start; of a tick: null, it lasts until the next. */
  readonly endOf: ((start: number) => number) | null;
  readonly step: number;
  readonly from: number;
  readonly to: number;
  /** Rising, apart from each other. */
  readonly closed: readonly Interval[];
  /** Known holes: between ticks, the only times that are drawn with a slot of their own. */
  readonly holes: readonly Interval[];
}

class Slots implements Axis {
  readonly starts: number[] = [];
  readonly bars: number[] = [];
  end = Number.NEGATIVE_INFINITY;

  constructor(readonly step: number) {}

  /** Adds a slot; the one before it reaches up to its start, whatever end was said for that. */
  add(start: number, end: number, bar: number): void {
    this.starts.push(start);
    this.bars.push(bar);
    this.end = end;
  }

  logicalOf(time: number): number {
    const count = this.starts.length;
    if (count === 0) return time / this.step;
    const first = this.starts[0]!;
    if (time < first) return (time - first) / this.step - 0.5;
    if (time >= this.end) return count - 0.5 + (time - this.end) / this.step;
    const slot = lastAtOrBefore(this.starts, time);
    const start = this.starts[slot]!;
    const end = slot + 1 < count ? this.starts[slot + 1]! : this.end;
    return slot - 0.5 + (time - start) / (end - start);
  }

  timeOf(logical: number): number {
    const count = this.starts.length;
    if (count === 0) return logical * this.step;
    const place = logical + 0.5;
    if (place < 0) return this.starts[0]! + place * this.step;
    if (place >= count) return this.end + (place - count) * this.step;
    const slot = Math.floor(place);
    const start = this.starts[slot]!;
    const end = slot + 1 < count ? this.starts[slot + 1]! : this.end;
    return start + (place - slot) * (end - start);
  }
}

/** The index of the last value that is not above `wanted`; -1 if all are. */
export function lastAtOrBefore(rising: readonly number[], wanted: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Times of ticks made to rise strictly: of several in one microsecond, each later one is moved on by one. */
export function apart(times: readonly number[]): number[] {
  const moved: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const time of times) {
    last = Math.max(time, last + 1);
    moved.push(last);
  }
  return moved;
}

export function buildAxis(input: AxisInput): Axis {
  return input.endOf === null ? ofTicks(input) : ofBars(input, input.endOf);
}

function ofTicks({ times, step, closed, holes }: AxisInput): Axis {
  const slots = new Slots(step);
  const breaks = [...closed, ...holes].sort((a, b) => a[0] - b[0]);
  let next = 0;
  let before: number | null = null;
  apart(times).forEach((time, bar) => {
    while (next < breaks.length && breaks[next]![1] <= (before ?? time)) next += 1;
    const pause = breaks[next];
    if (before !== null && pause !== undefined && pause[0] < time) {
      const start = Math.max(pause[0], before + 1);
      if (start < time) slots.add(start, time, -1);
    }
    slots.add(time, time + step, bar);
    before = time;
  });
  return slots;
}

function ofBars({ times, step, from, to, closed }: AxisInput, endOf: (start: number) => number): Axis {
  const slots = new Slots(step);
  let next = 0;

  const addEmpty = (start: number, stop: number) => {
    const whole = Math.floor((stop - start) / step + 1e-9);
    const count = Math.min(whole, MOST_EMPTY);
    const width = count === whole ? step : (stop - start) / count;
    for (let i = 0; i < count; i += 1) slots.add(start + i * width, start + (i + 1) * width, -1);
  };

  const addBetween = (start: number, stop: number) => {
    let at = start;
    while (next < closed.length && closed[next]![1] <= at) next += 1;
    for (let i = next; i < closed.length && closed[i]![0] < stop; i += 1) {
      const shut = Math.max(closed[i]![0], at);
      const open = Math.min(closed[i]![1], stop);
      addEmpty(at, shut);
      if (open - shut >= FOLD * step) slots.add(shut, open, -1);
      at = open;
    }
    addEmpty(at, stop);
  };

  let at = times.length > 0 ? Math.min(from, times[0]!) : from;
  times.forEach((time, bar) => {
    if (time > at) addBetween(at, time);
    at = endOf(time);
    slots.add(time, at, bar);
  });
  if (at < to) addBetween(at, to);
  return slots;
}
