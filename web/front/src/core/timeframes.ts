/** Timeframes, and where their candles begin and end. */

import { offsetAt, type ZoneName } from './zones';

export const CANDLES = ['1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w'] as const;
export type CandleTimeframe = (typeof CANDLES)[number];
export type Timeframe = CandleTimeframe | 'tick';
export const TIMEFRAMES: readonly Timeframe[] = ['tick', ...CANDLES];

export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What a candle nominally lasts; a trading day or week that the clocks shorten is shorter. */
export const NOMINAL: Readonly<Record<CandleTimeframe, number>> = {
  '1m': MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1h': HOUR,
  '4h': 4 * HOUR,
  '1d': DAY,
  '1w': 7 * DAY,
};

export function isTimeframe(text: string | null): text is Timeframe {
  return TIMEFRAMES.includes(text as Timeframe);
}

/** When a trading day turns, and on which of its days (0: Sunday) a week begins. */
export interface TradingDay {
  readonly zone: ZoneName;
  readonly turn: number;
  readonly weekday: number;
}

export function tradingDay(assetClass: string): TradingDay {
  switch (assetClass) {
    case 'forex':
    case 'metal':
      return { zone: 'America/New_York', turn: 17 * HOUR, weekday: 0 };
    case 'crypto':
      return { zone: 'UTC', turn: 0, weekday: 1 };
    default:
      return { zone: 'UTC', turn: 0, weekday: 0 };
  }
}

/** The trading day's number, counted from 1970-01-01 on the wall clock of its zone. */
function dayNumber(time: number, day: TradingDay): number {
  return Math.floor((time + offsetAt(day.zone, time) - day.turn) / DAY);
}

function dayStart(number: number, day: TradingDay): number {
  const wall = number * DAY + day.turn;
  return wall - offsetAt(day.zone, wall - offsetAt(day.zone, wall));
}

function weekNumber(number: number, day: TradingDay): number {
  const weekday = (((number + 4) % 7) + 7) % 7;
  return number - ((weekday - day.weekday + 7) % 7);
}

/** The start of the candle that holds this time. */
export function candleStart(timeframe: CandleTimeframe, time: number, day: TradingDay): number {
  switch (timeframe) {
    case '1w':
      return dayStart(weekNumber(dayNumber(time, day), day), day);
    case '1d':
      return dayStart(dayNumber(time, day), day);
    case '4h': {
      const turn = dayStart(dayNumber(time, day), day);
      return turn + Math.floor((time - turn) / NOMINAL['4h']) * NOMINAL['4h'];
    }
    default:
      return Math.floor(time / NOMINAL[timeframe]) * NOMINAL[timeframe];
  }
}

/** The end of the candle that begins at this time: the earliest start of the next one. */
export function candleEnd(timeframe: CandleTimeframe, start: number, day: TradingDay): number {
  switch (timeframe) {
    case '1w':
      return dayStart(dayNumber(start, day) + 7, day);
    case '1d':
      return dayStart(dayNumber(start, day) + 1, day);
    case '4h':
      return Math.min(start + NOMINAL['4h'], dayStart(dayNumber(start, day) + 1, day));
    default:
      return start + NOMINAL[timeframe];
  }
}
