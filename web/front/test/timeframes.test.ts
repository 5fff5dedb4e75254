import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANDLES, candleEnd, candleStart, DAY, tradingDay } from '../src/core/timeframes';
import { isoText, offsetAt, parseIso, timeText } from '../src/core/zones';

const at = (text: string) => parseIso(text)!;
const startOf = (timeframe: (typeof CANDLES)[number], text: string, assetClass: string) =>
  isoText(candleStart(timeframe, at(text), tradingDay(assetClass)));

describe('candles begin', () => {
  test('the FX day at 17:00 New York, in winter and in summer', () => {
    expect(startOf('1d', '2026-01-15T12:00', 'forex')).toBe('2026-01-14T22:00:00Z');
    expect(startOf('1d', '2026-07-15T12:00', 'forex')).toBe('2026-07-14T21:00:00Z');
  });

  test('the FX week on Sunday, that of crypto on Monday, that of a share on Sunday 00:00 UTC', () => {
    expect(startOf('1w', '2026-11-26T12:00', 'metal')).toBe('2026-11-22T22:00:00Z');
    expect(startOf('1w', '2026-11-26T12:00', 'crypto')).toBe('2026-11-23T00:00:00Z');
    expect(startOf('1w', '2026-11-26T12:00', 'equity')).toBe('2026-11-22T00:00:00Z');
  });

  test('four hours from the turn, the last cut where the clocks shorten the day', () => {
    expect(startOf('4h', '2026-11-26T01:59', 'forex')).toBe('2026-11-25T22:00:00Z');
    const last = at('2026-03-08T18:00');
    expect(candleStart('4h', last, tradingDay('forex'))).toBe(last);
    expect(isoText(candleEnd('4h', last, tradingDay('forex')))).toBe('2026-03-08T21:00:00Z');
  });
});

const times = fc.integer({ min: at('2000-01-01'), max: at('2040-01-01') });

test('each time lies in its candle, and candles adjoin', () => {
  const classes = fc.constantFrom('forex', 'crypto', 'equity');
  fc.assert(
    fc.property(times, classes, fc.constantFrom(...CANDLES), (time, assetClass, timeframe) => {
      const day = tradingDay(assetClass);
      const start = candleStart(timeframe, time, day);
      const end = candleEnd(timeframe, start, day);
      expect(start).toBeLessThanOrEqual(time);
      expect(end).toBeGreaterThan(time);
      expect(candleStart(timeframe, end, day)).toBe(end);
      expect(candleStart(timeframe, end - 1, day)).toBe(start);
    }),
  );
});

describe('time zones', () => {
  test('turn their clocks to the second', () => {
    const turn = at('2026-11-01T06:00');
    expect(offsetAt('America/New_York', turn - 1)).toBe((-4 * DAY) / 24);
    expect(offsetAt('America/New_York', turn)).toBe((-5 * DAY) / 24);
  });

  test('are shown with what digits are wanted', () => {
    const time = at('2026-11-03T14:05:09.123456');
    expect(timeText('UTC', time, 'micro')).toBe('Tue 2026-11-03 14:05:09.123456');
    expect(timeText('America/New_York', time, 'minute')).toBe('Tue 2026-11-03 09:05');
  });

  test('ISO texts are read as they were written', () => {
    fc.assert(
      fc.property(times, time => {
        expect(parseIso(isoText(time))).toBe(time);
      }),
    );
    expect(parseIso('yesterday')).toBeNull();
    expect(parseIso('2026-13-45')).toBeNull();
  });
});
