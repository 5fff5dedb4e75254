import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Columns, Kind } from '../src/api/types';
import { applyTicks, LiveTail, type PlacedTick, ticksOf, trimmed } from '../src/core/live';
import type { Picture } from '../src/core/picture';
import { Resume } from '../src/core/positions';
import {
  CANDLES,
  type CandleTimeframe,
  candleStart,
  HOUR,
  type Timeframe,
  tradingDay,
} from '../src/core/timeframes';

const START = Date.UTC(2026, 10, 2, 10) * 1000;
const CRYPTO = tradingDay('crypto');
const QUOTE_CANDLE = [
  'time_us',
  ...['bid', 'ask'].flatMap(side => ['open', 'high', 'low', 'close'].map(part => `${side}_${part}`)),
  'bid_volume',
  'ask_volume',
  'ticks',
];
const TRADE_CANDLE = ['time_us', 'open', 'high', 'low', 'close', 'volume', 'buy_volume', 'trades'];
const TRADE = ['time_us', 'trade_id', 'price', 'quantity', 'side'];

function empty(timeframe: Timeframe, kind: Kind, position = '1:-1'): Picture {
  const names = timeframe === 'tick' ? TRADE : kind === 'quotes' ? QUOTE_CANDLE : TRADE_CANDLE;
  const columns: Columns = Object.fromEntries(names.map(name => [name, [] as number[]]));
  return {
    timeframe,
    kind,
    from: START,
    to: START,
    series: [],
    boundary: null,
    columns,
    gaps: [],
    closed: [],
    missing: [],
    finer: null,
    coarser: null,
    stale: null,
    position,
  };
}

const trade = (entry: number, time_us: number, price: number, quantity = 1, side = 1): PlacedTick => ({
  position: `1:${entry}`,
  tick: { time_us, trade_id: entry, price, quantity, side },
});

/** Trades whose times never fall, over some hours, with prices of whole numbers so that sums are exact. */
const trades = fc
  .array(
    fc.record({
      wait: fc.integer({ min: 0, max: 900_000_000 }),
      price: fc.integer({ min: 90, max: 110 }),
      quantity: fc.integer({ min: 1, max: 9 }),
      side: fc.constantFrom(1, -1),
    }),
    { minLength: 1, maxLength: 80 },
  )
  .map(all => {
    let time = START;
    return all.map(({ wait, price, quantity, side }, entry) => {
      time += wait;
      return trade(entry, time, price, quantity, side);
    });
  });

/** Candles as docs/data-model.md defines them, made anew from all ticks. */
function reference(timeframe: CandleTimeframe, ticks: readonly PlacedTick[]): Columns {
  const columns = empty(timeframe, 'trades').columns;
  const groups = new Map<number, PlacedTick[]>();
  for (const one of ticks) {
    const start = candleStart(timeframe, one.tick.time_us!, CRYPTO);
    groups.set(start, [...(groups.get(start) ?? []), one]);
  }
  for (const [start, group] of groups) {
    const prices = group.map(({ tick }) => tick.price!);
    const sum = (of: (one: PlacedTick) => number) => group.reduce((total, one) => total + of(one), 0);
    const row = [
      start,
      prices[0]!,
      Math.max(...prices),
      Math.min(...prices),
      prices.at(-1)!,
      sum(({ tick }) => tick.quantity!),
      sum(({ tick }) => (tick.side === 1 ? tick.quantity! : 0)),
      group.length,
    ];
    TRADE_CANDLE.forEach((name, i) => {
      columns[name]!.push(row[i]!);
    });
  }
  return columns;
}

describe('candles', () => {
  test('of live ticks are those that are made of all ticks at once, however they come', () => {
    fc.assert(
      fc.property(trades, fc.constantFrom(...CANDLES), fc.array(fc.nat(80)), (ticks, timeframe, cuts) => {
        const picture = empty(timeframe, 'trades');
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), ticks.length]) {
          applyTicks(picture, ticks.slice(from, cut), CRYPTO);
          from = Math.max(from, cut);
        }
        expect(picture.columns).toEqual(reference(timeframe, ticks));
      }),
    );
  });

  test('do not change when ticks are told twice', () => {
    fc.assert(
      fc.property(trades, fc.nat(80), (ticks, again) => {
        const picture = empty('1m', 'trades');
        applyTicks(picture, ticks.slice(0, again), CRYPTO);
        applyTicks(picture, ticks, CRYPTO);
        applyTicks(picture, ticks, CRYPTO);
        expect(picture.columns).toEqual(reference('1m', ticks));
      }),
    );
  });

  test('of both sides grow from quotes', () => {
    const picture = empty('1m', 'quotes');
    const quote = (entry: number, bid: number, ask: number): PlacedTick => ({
      position: `1:${entry}`,
      tick: { time_us: START + entry, bid, ask, bid_volume: 2, ask_volume: 3 },
    });
    applyTicks(picture, [quote(0, 10, 12), quote(1, 9, 13), quote(2, 11, 12)], CRYPTO);
    expect(Object.values(picture.columns).flat()).toEqual([START, 10, 11, 9, 11, 12, 13, 12, 12, 6, 9, 3]);
  });

  test('tell a tick that falls before the last one', () => {
    const picture = empty('1m', 'trades');
    applyTicks(picture, [trade(0, START + HOUR, 100)], CRYPTO);
    expect(applyTicks(picture, [trade(1, START, 100)], CRYPTO)).toEqual({ from: null, late: true });
  });
});

test('ticks are added as they come', () => {
  const picture = empty('tick', 'trades');
  const applied = applyTicks(picture, [trade(0, START, 100), trade(1, START, 101, 2, -1)], CRYPTO);
  expect(applied).toEqual({ from: 0, late: false });
  expect(picture.columns.price).toEqual([100, 101]);
  expect(picture.columns.side).toEqual([1, -1]);
  expect(picture.position).toBe('1:1');
});

test('a long picture loses its front', () => {
  const picture = empty('tick', 'trades');
  applyTicks(
    picture,
    [0, 1, 2].map(entry => trade(entry, START + entry, 100)),
    CRYPTO,
  );
  const cut = trimmed(picture, 2);
  expect(cut.columns.time_us).toEqual([START + 1, START + 2]);
  expect(cut.from).toBe(START + 1);
});

test('a message tells each tick with its position', () => {
  const message = { id: '1:2', position: ['1:1', '1:2'], time_us: [5, 6], price: [1, 2] };
  expect(ticksOf(message)).toEqual([
    { position: '1:1', tick: { time_us: 5, price: 1 } },
    { position: '1:2', tick: { time_us: 6, price: 2 } },
  ]);
});

describe('the tail', () => {
  test('brings a picture of any position since its begin up to date', () => {
    fc.assert(
      fc.property(trades, fc.nat(80), fc.nat(80), (ticks, first, second) => {
        const begin = Math.min(first, second, ticks.length - 1);
        const stored = Math.min(Math.max(first, second), ticks.length);
        const tail = new LiveTail(1000);
        tail.begin(Resume.parse(`1:${begin - 1}`));
        tail.push(ticks.slice(begin));

        const picture = empty('1m', 'trades', `1:${stored - 1}`);
        picture.columns.time_us = [];
        Object.assign(picture.columns, reference('1m', ticks.slice(0, stored)));
        applyTicks(picture, tail.since(Resume.parse(picture.position!))!, CRYPTO);
        expect(picture.columns).toEqual(reference('1m', ticks));
      }),
    );
  });

  test('is bounded, and says when it does not reach back', () => {
    const tail = new LiveTail(8);
    tail.begin(Resume.parse('1:-1'));
    for (let entry = 0; entry < 40; entry += 1) {
      tail.push([trade(entry, START + entry, 100)]);
      expect(tail.size).toBeLessThanOrEqual(8);
    }
    expect(tail.since(Resume.parse('1:3'))).toBeNull();
    expect(tail.since(Resume.parse('1:38'))).not.toBeNull();
    expect(tail.end?.toString()).toBe('1:39');
  });

  test('takes nothing twice', () => {
    const tail = new LiveTail(8);
    tail.begin(Resume.parse('1:0'));
    expect(tail.push([trade(0, START, 1), trade(1, START, 1)])).toHaveLength(1);
    expect(tail.push([trade(1, START, 1)])).toHaveLength(0);
  });
});

describe('a position', () => {
  const hour = START;
  const text = `1:5;${hour}=1:9`;

  test('is written as it was read', () => {
    expect(Resume.parse(text).toString()).toBe(text);
  });

  test('knows more of an hour that is stored further', () => {
    const known = Resume.parse(text);
    expect(known.knows('1:8', hour + 1)).toBe(true);
    expect(known.knows('1:8', hour + HOUR)).toBe(false);
    expect(known.knows('1:5', hour + HOUR)).toBe(true);
    expect(known.knows('2:0', hour)).toBe(false);
  });

  test('forgets hours that all that is known includes', () => {
    expect(Resume.parse(text).advanced('1:7').toString()).toBe(`1:7;${hour}=1:9`);
    expect(Resume.parse(text).advanced('1:9').toString()).toBe('1:9');
  });

  test('includes another that knows no more', () => {
    expect(Resume.parse(text).includes(Resume.parse('1:5'))).toBe(true);
    expect(Resume.parse('1:5').includes(Resume.parse(text))).toBe(false);
    expect(Resume.parse('1:9').includes(Resume.parse(text))).toBe(true);
  });
});
