/** What the server answers. Times are integer microseconds since 1970 UTC; their names end in `_us`. */

import type { Timeframe } from '../core/timeframes';

export type Kind = 'quotes' | 'trades';
export type Interval = readonly [from_us: number, to_us: number];

export interface Instrument {
  symbol: string;
  name: string;
  asset_class: string;
  description: string;
  first_tick_us: number | null;
  venues: string[];
  series: string[];
}

export interface Subject {
  id: string;
  title: string;
  asset_class: string;
  series: string[];
}

export interface Span {
  first_us: number | null;
  last_us: number | null;
  boundary_us: number | null;
  history: string | null;
  live: string | null;
  kind: Kind;
  price_scale: number;
  volume_scale: number;
}

export type Columns = Record<string, number[]>;

export interface Gap {
  from_us: number;
  to_us: number;
  reason: string;
  series: string;
}

export interface Missing {
  from_us: number;
  to_us: number;
  state: 'pending' | 'failed';
  reason: string;
}

export interface Bars {
  timeframe: Timeframe;
  finer: Timeframe | null;
  coarser: Timeframe | null;
  from_us: number;
  to_us: number;
  series: string[];
  boundary_us: number | null;
  columns: Record<string, (number | string)[]>;
  gaps: Gap[];
  closed: Interval[];
  missing: Missing[];
  stale: string | null;
  position?: string | null;
}

/** Ticks that came together, as columns, each with its position; `id`: up to where all is known with them. */
export interface LiveTicks {
  id: string;
  position: string[];
  time_us: number[];
  [column: string]: (number | string)[] | string;
}

export interface Step {
  name: string;
  text: string;
  state: 'waiting' | 'running' | 'done' | 'failed';
  error: string | null;
  remedy: string | null;
  at_us: number | null;
}

export interface Job {
  id: string;
  symbol: string;
  state: 'running' | 'done' | 'failed';
  steps: Step[];
  series: string[];
}

export interface Hours {
  data: number;
  closed: number;
  pending: number;
  failed: number;
}

export interface Backfill {
  done: number;
  total: number;
  rate_per_s: number | null;
  eta_s: number | null;
  url: string | null;
}

export interface Series {
  name: string;
  venue: string;
  symbol: string;
  kind: Kind;
  title: string;
  asset_class: string;
  price_scale: number;
  live: boolean;
  paused: boolean;
  state: string;
  state_text: string;
  hours: Hours;
  ticks: number;
  bytes: number;
  first_us: number | null;
  last_tick_us: number | null;
  lag_s: number | null;
  open_gaps: number;
  backfill: Backfill | null;
}

export interface Day extends Hours {
  day: string;
  gaps: number;
}

export interface HourRow {
  hour_us: number;
  state: keyof Hours;
  ticks: number;
  gaps: Interval[];
  reason: string | null;
}

export interface Part {
  name: string;
  state: 'ok' | 'warn' | 'down' | 'off';
  text: string;
  remedy: string | null;
  dagster_url: string | null;
}

export interface Health {
  at_us: number;
  parts: Part[];
}

export interface Setting {
  name: string;
  set: boolean;
  source: string;
  secret: boolean;
  value: string | null;
}

export interface Tested {
  ok: boolean;
  text: string;
  remedy: string | null;
}
