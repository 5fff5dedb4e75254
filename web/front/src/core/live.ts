/** Live ticks joined to a picture: each becomes part of its candle, exactly once. */

import type { Columns, Kind, LiveTicks } from '../api/types';
import type { Picture } from './picture';
import { numberOf, timesOf } from './picture';
import { Resume } from './positions';
import { type CandleTimeframe, candleStart, type TradingDay } from './timeframes';

export type Tick = Readonly<Record<string, number>>;

export interface PlacedTick {
  readonly position: string;
  readonly tick: Tick;
}

/** The ticks of a message of the stream, each with its position. */
export function ticksOf({ id: _id, position, ...rest }: LiveTicks): PlacedTick[] {
  const columns = Object.entries(rest as Record<string, (number | string)[]>);
  return position.map((at, row) => ({
    position: at,
    tick: Object.fromEntries(columns.map(([name, column]) => [name, numberOf(column[row])])),
  }));
}

/**
 * The newest live ticks, so that a picture that was had at any position since can be brought up to date.
 *
 * Bounded: a picture from before the oldest that is kept must be asked for again.
 */
export class LiveTail {
  readonly #ticks: PlacedTick[] = [];
  /** What was known before the oldest tick that is here, and what is known with all of them. */
  #begin: Resume | null = null;
  #end: Resume | null = null;

  constructor(readonly most: number) {}

  /** Up to where all is here. */
  get end(): Resume | null {
    return this.#end;
  }

  get size(): number {
    return this.#ticks.length;
  }

  /** Forgets all; what comes next is what was not known then. */
  begin(known: Resume): void {
    this.#ticks.length = 0;
    this.#begin = known;
    this.#end = known;
  }

  /** Takes what came, but not what it has: a stream that was interrupted may say things twice. */
  push(ticks: readonly PlacedTick[]): PlacedTick[] {
    const end = this.#end;
    if (end === null) return [];
    const fresh = ticks.filter(({ position, tick }) => !end.knows(position, tick.time_us!));
    if (fresh.length === 0) return [];
    this.#ticks.push(...fresh);
    this.#end = end.advanced(fresh.at(-1)!.position);
    if (this.#ticks.length > this.most) {
      // A quarter at once: to move the rest for each tick would cost more than it saves.
      const dropped = this.#ticks.splice(0, Math.max(this.#ticks.length - this.most, this.most >> 2));
      this.#begin = this.#begin!.advanced(dropped.at(-1)!.position);
    }
    return fresh;
  }

  /** Ticks among which is all that is not known yet; null if some of that is not here. */
  since(known: Resume): readonly PlacedTick[] | null {
    return this.#begin !== null && known.includes(this.#begin) ? this.#ticks : null;
  }
}

export interface Applied {
  /** The first bar that changed; null: none did. */
  readonly from: number | null;
  /** A tick fell before the last bar: only the server knows its place in that hour. */
  readonly late: boolean;
}

/** Adds to a picture's columns, in order, those ticks that it does not know, and moves its position on. */
export function applyTicks(picture: Picture, ticks: readonly PlacedTick[], day: TradingDay): Applied {
  let from: number | null = null;
  let late = false;
  if (picture.position === null || ticks.length === 0) return { from, late };
  const known = Resume.parse(picture.position);
  for (const { position, tick } of ticks) {
    if (known.knows(position, tick.time_us!)) continue;
    const changed = picture.timeframe === 'tick' ? addTick(picture, tick) : addToCandle(picture, tick, day);
    if (changed === null) late = true;
    else from = Math.min(from ?? changed, changed);
    picture.to = Math.max(picture.to, tick.time_us!);
  }
  picture.position = known.advanced(ticks.at(-1)!.position).toString();
  return { from, late };
}

function addTick(picture: Picture, tick: Tick): number | null {
  const times = timesOf(picture);
  if (times.length > 0 && tick.time_us! < times.at(-1)!) return null;
  for (const [name, column] of Object.entries(picture.columns)) column.push(tick[name] ?? Number.NaN);
  return times.length - 1;
}

function addToCandle(picture: Picture, tick: Tick, day: TradingDay): number | null {
  const times = timesOf(picture);
  const start = candleStart(picture.timeframe as CandleTimeframe, tick.time_us!, day);
  const last = times.at(-1);
  if (last !== undefined && start < last) return null;
  if (start !== last) open(picture.columns, picture.kind, start, tick);
  else grow(picture.columns, picture.kind, times.length - 1, tick);
  return times.length - 1;
}

/** The candle columns that follow a price of the ticks, by the prefix of their names. */
const PRICES: Readonly<Record<Kind, readonly [prefix: string, tick: string][]>> = {
  quotes: [
    ['bid_', 'bid'],
    ['ask_', 'ask'],
  ],
  trades: [['', 'price']],
};

/** What a tick adds to the sums of its candle. */
function sums(kind: Kind, tick: Tick): Record<string, number> {
  if (kind === 'quotes') return { bid_volume: tick.bid_volume!, ask_volume: tick.ask_volume!, ticks: 1 };
  return { volume: tick.quantity!, buy_volume: tick.side! > 0 ? tick.quantity! : 0, trades: 1 };
}

function open(columns: Columns, kind: Kind, start: number, tick: Tick): void {
  columns.time_us!.push(start);
  for (const [prefix, name] of PRICES[kind]) {
    for (const part of ['open', 'high', 'low', 'close']) columns[prefix + part]!.push(tick[name]!);
  }
  for (const [name, value] of Object.entries(sums(kind, tick))) columns[name]!.push(value);
}

function grow(columns: Columns, kind: Kind, row: number, tick: Tick): void {
  for (const [prefix, name] of PRICES[kind]) {
    const price = tick[name]!;
    columns[`${prefix}high`]![row] = Math.max(columns[`${prefix}high`]![row]!, price);
    columns[`${prefix}low`]![row] = Math.min(columns[`${prefix}low`]![row]!, price);
    columns[`${prefix}close`]![row] = price;
  }
  for (const [name, value] of Object.entries(sums(kind, tick))) columns[name]![row]! += value;
}

/** Drops bars from the front of a picture that has grown long; its span then begins later. */
export function trimmed(picture: Picture, most: number): Picture {
  const times = timesOf(picture);
  const surplus = times.length - most;
  if (surplus <= 0) return picture;
  const columns = Object.fromEntries(
    Object.entries(picture.columns).map(([name, column]) => [name, column.slice(surplus)]),
  );
  return { ...picture, columns, from: columns.time_us![0]! };
}
