import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildAxis } from '../src/core/axis';
import { CANDLES, DAY, HOUR, MINUTE } from '../src/core/timeframes';
import {
  following,
  hasRoom,
  isAtEdge,
  limited,
  moved,
  newestBar,
  type View,
  whole,
  windowFor,
  within,
  zoomed,
} from '../src/core/view';

const bars = (count: number) =>
  buildAxis({
    times: Array.from({ length: count }, (_, i) => i * HOUR),
    endOf: start => start + HOUR,
    step: HOUR,
    from: 0,
    to: count * HOUR,
    closed: [],
    holes: [],
  });

const REACH = { first: 0, last: 1000 * HOUR };

describe('a zoom', () => {
  test('keeps the time under the mouse where it is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        (at, factor) => {
          const view = { from: 100 * HOUR, to: 300 * HOUR };
          const next = zoomed(view, bars(1000), at, factor, 8);
          const before = view.from + (view.to - view.from) * at;
          const after = next.from + (next.to - next.from) * at;
          expect(Math.abs(after - before)).toBeLessThan(1000);
        },
      ),
    );
  });

  test('does not come nearer than a few bars, but may go away from there', () => {
    const near = { from: 100 * HOUR, to: 108 * HOUR };
    expect(zoomed(near, bars(1000), 0.5, 0.5, 8)).toEqual(near);
    expect(zoomed(near, bars(1000), 0.5, 2, 8).to).toBeGreaterThan(near.to);
  });
});

test('a move keeps the width', () => {
  const next = moved({ from: 100 * HOUR, to: 200 * HOUR }, bars(1000), 0.25);
  expect(next).toEqual({ from: 125 * HOUR, to: 225 * HOUR });
});

test('a view that follows keeps its distance from the newest bar', () => {
  const view = { from: 50 * HOUR, to: 102 * HOUR };
  expect(isAtEdge(view, bars(100))).toBe(true);
  expect(following(view, bars(100), bars(101))).toEqual({ from: 51 * HOUR, to: 103 * HOUR });
  expect(isAtEdge({ from: 0, to: 50 * HOUR }, bars(100))).toBe(false);
});

test('the newest bar that is seen may be seen in part', () => {
  expect(newestBar({ from: 0, to: 10.1 * HOUR }, bars(100))).toBe(10);
  expect(newestBar({ from: 0, to: 10 * HOUR }, bars(100))).toBe(9);
  expect(newestBar({ from: 50 * HOUR, to: 200 * HOUR }, bars(100))).toBe(99);
  expect(newestBar({ from: 150 * HOUR, to: 200 * HOUR }, bars(100))).toBe(-1);
});

const views: fc.Arbitrary<View> = fc
  .tuple(fc.double({ min: -500, max: 1500, noNaN: true }), fc.double({ min: 1e-6, max: 3000, noNaN: true }))
  .map(([from, length]) => ({ from: from * HOUR, to: (from + length) * HOUR }));

test('a view stays near the history', () => {
  fc.assert(
    fc.property(views, view => {
      const kept = within(view, REACH);
      const span = kept.to - kept.from;
      expect(span).toBeLessThanOrEqual((whole(REACH).to - whole(REACH).from) * 1.15 + 1);
      expect(kept.from).toBeGreaterThanOrEqual(REACH.first - span / 2 - 1);
      expect(kept.to).toBeLessThanOrEqual(REACH.last + span / 2 + 1);
    }),
  );
});

describe('a held timeframe', () => {
  test('is asked for with no more bars than are given, whatever the view was', () => {
    fc.assert(
      fc.property(views, fc.constantFrom(...CANDLES), (view, timeframe) => {
        const kept = within(limited(view, timeframe, REACH), REACH);
        expect(hasRoom(windowFor(kept, REACH), timeframe)).toBe(true);
      }),
    );
  });

  test('leaves a view that it has room for', () => {
    const view = { from: 0, to: 15 * HOUR };
    expect(limited(view, '1m', REACH)).toBe(view);
  });

  test('cuts a wide view at its left', () => {
    expect(limited({ from: 0, to: 500 * HOUR }, '1m', REACH)).toEqual({ from: 485 * HOUR, to: 500 * HOUR });
  });

  test('shows the newest bars, and not the air behind them', () => {
    const { from, to } = limited(whole(REACH), '1m', REACH);
    expect(to - from).toBe(900 * MINUTE);
    expect(to).toBe(REACH.last + 45 * MINUTE);
  });

  test('has no room in a week of minutes', () => {
    expect(hasRoom({ from: 0, to: 7 * DAY }, '1m')).toBe(false);
    expect(hasRoom({ from: 0, to: DAY }, '1m')).toBe(true);
  });
});

test('a window covers its view as far as the history reaches, and is not much wider', () => {
  fc.assert(
    fc.property(views, asked => {
      const view = within(asked, REACH);
      const window = windowFor(view, REACH);
      expect(Number.isInteger(window.from) && Number.isInteger(window.to)).toBe(true);
      expect(window.from).toBeLessThan(window.to);
      expect(window.from).toBeLessThanOrEqual(Math.max(view.from, REACH.first));
      expect(window.to).toBeGreaterThanOrEqual(Math.min(view.to, REACH.last));
      expect(window.to - window.from).toBeLessThanOrEqual(Math.max((view.to - view.from) * 5, 5000));
    }),
  );
});

test('views near to each other need the same window', () => {
  const window = windowFor({ from: 100 * HOUR, to: 200 * HOUR }, REACH);
  expect(windowFor({ from: 100.1 * HOUR, to: 200.1 * HOUR }, REACH)).toEqual(window);
});
