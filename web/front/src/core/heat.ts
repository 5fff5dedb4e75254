/** The calendar heat map: a column a week, a row a weekday, a cell a UTC day. */

import type { Day } from '../api/types';

export type Tone = 'none' | 'closed' | 'data' | 'partial' | 'pending' | 'failed';

export interface Cell {
  readonly day: string;
  readonly column: number;
  readonly row: number;
  readonly tone: Tone;
  /** How much of the day holds data, 0 to 1. */
  readonly share: number;
  readonly hours: Day | null;
}

export interface HeatMap {
  readonly cells: readonly Cell[];
  readonly columns: number;
  /** Months by the column in which they begin. */
  readonly months: readonly { readonly column: number; readonly month: number; readonly year: number }[];
}

/** The worst thing that is true of the day: a hole must not hide behind what is there. */
export function toneOf(hours: Day): Tone {
  if (hours.failed > 0) return 'failed';
  if (hours.gaps > 0) return 'partial';
  if (hours.pending > 0) return 'pending';
  if (hours.data > 0) return 'data';
  return hours.closed > 0 ? 'closed' : 'none';
}

const DAY_MS = 86_400_000;

/** Cells of all days from one to another, both included, by `YYYY-MM-DD`. */
export function heatMap(days: readonly Day[], first: string, last: string): HeatMap {
  const known = new Map(days.map(day => [day.day, day]));
  const start = Date.parse(`${first}T00:00:00Z`);
  const end = Date.parse(`${last}T00:00:00Z`);
  const monday = start - ((new Date(start).getUTCDay() + 6) % 7) * DAY_MS;
  const cells: Cell[] = [];
  const months: { column: number; month: number; year: number }[] = [];
  for (let at = start; at <= end; at += DAY_MS) {
    const date = new Date(at);
    const day = date.toISOString().slice(0, 10);
    const index = Math.round((at - monday) / DAY_MS);
    const column = Math.floor(index / 7);
    const hours = known.get(day) ?? null;
    cells.push({
      day,
      column,
      row: index % 7,
      tone: hours === null ? 'none' : toneOf(hours),
      share: hours === null ? 0 : hours.data / 24,
      hours,
    });
    if (date.getUTCDate() === 1) {
      months.push({ column, month: date.getUTCMonth() + 1, year: date.getUTCFullYear() });
    }
  }
  return { cells, months, columns: (cells.at(-1)?.column ?? -1) + 1 };
}
