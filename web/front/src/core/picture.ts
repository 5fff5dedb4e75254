/** One answer of the server about a span: the bars or ticks in it, and what is not there and why. */

import type { Bars, Columns, Gap, Interval, Kind, Missing } from '../api/types';
import type { Timeframe } from './timeframes';

export interface Picture {
  readonly timeframe: Timeframe;
  readonly kind: Kind;
  readonly from: number;
  to: number;
  readonly series: readonly string[];
  readonly boundary: number | null;
  readonly columns: Columns;
  readonly gaps: readonly Gap[];
  readonly closed: readonly Interval[];
  readonly missing: readonly Missing[];
  readonly finer: Timeframe | null;
  readonly coarser: Timeframe | null;
  readonly stale: string | null;
  /** The last live message that is in it; null where no live ticks belong to it. */
  position: string | null;
}

export function pictureOf(bars: Bars, kind: Kind): Picture {
  return {
    timeframe: bars.timeframe,
    kind,
    from: bars.from_us,
    to: bars.to_us,
    series: bars.series,
    boundary: bars.boundary_us,
    columns: numbersOf(bars.columns),
    gaps: bars.gaps,
    closed: bars.closed,
    missing: bars.missing,
    finer: bars.finer,
    coarser: bars.coarser,
    stale: bars.stale,
    position: bars.position ?? null,
  };
}

export function timesOf(picture: Picture): number[] {
  return picture.columns.time_us ?? [];
}

/** The taker's side of a trade is told as a word. */
const SIDES: Readonly<Record<string, number>> = { buy: 1, sell: -1 };

export function numberOf(value: number | string | undefined): number {
  return typeof value === 'string' ? (SIDES[value] ?? Number(value)) : (value ?? Number.NaN);
}

function numbersOf({ side, ...columns }: Bars['columns']): Columns {
  const numbers = columns as Columns;
  return side === undefined ? numbers : { ...numbers, side: side.map(numberOf) };
}
