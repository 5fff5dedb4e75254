import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PictureCache } from '../src/core/cache';
import type { Picture } from '../src/core/picture';
import type { Timeframe } from '../src/core/timeframes';

const REACH = { first: 0, last: 10_000 };

function picture(from: number, to: number, points: number, timeframe: Timeframe = '1m'): Picture {
  return {
    timeframe,
    kind: 'quotes',
    from,
    to,
    series: [],
    boundary: null,
    columns: { time_us: Array.from({ length: points }, (_, i) => from + i) },
    gaps: [],
    closed: [],
    missing: [],
    finer: null,
    coarser: null,
    stale: null,
    position: null,
  };
}

test('gives the narrowest picture that shows all of a view', () => {
  const cache = new PictureCache(1000);
  const narrow = picture(100, 300, 10);
  cache.put(picture(0, 450, 10));
  cache.put(narrow);
  expect(cache.find({ from: 150, to: 250 }, REACH, null)).toBe(narrow);
  expect(cache.find({ from: 90, to: 250 }, REACH, null)?.from).toBe(0);
  expect(cache.find({ from: 400, to: 500 }, REACH, null)).toBeNull();
});

test('does not give one whose bars are too coarse for the view', () => {
  const cache = new PictureCache(1000);
  cache.put(picture(0, 1000, 10));
  expect(cache.find({ from: 100, to: 150 }, REACH, null)).toBeNull();
  expect(cache.find({ from: 100, to: 150 }, REACH, '1m')).not.toBeNull();
});

test('does not ask for what lies beyond the history', () => {
  const cache = new PictureCache(1000);
  cache.put(picture(0, 10_000, 10));
  expect(cache.find({ from: -5000, to: 12_000 }, REACH, null)).not.toBeNull();
});

test('drops what ends at or after a time', () => {
  const cache = new PictureCache(1000);
  cache.put(picture(0, 500, 10));
  cache.put(picture(500, 1000, 10));
  cache.dropFrom(800);
  expect(cache.size).toBe(1);
  expect(cache.points).toBe(10);
});

test('puts a newer answer in place of an older one', () => {
  const cache = new PictureCache(1000);
  cache.put(picture(0, 500, 10));
  cache.put(picture(0, 500, 12));
  expect(cache.size).toBe(1);
  expect(cache.points).toBe(12);
});

type Step =
  | { what: 'put'; from: number; length: number; points: number }
  | { what: 'find'; from: number; length: number }
  | { what: 'drop'; time: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant('put' as const),
      from: fc.integer({ min: 0, max: 9000 }),
      length: fc.integer({ min: 1, max: 1000 }),
      points: fc.integer({ min: 0, max: 80 }),
    }),
    fc.record({
      what: fc.constant('find' as const),
      from: fc.integer({ min: -100, max: 9000 }),
      length: fc.integer({ min: 1, max: 2000 }),
    }),
    fc.record({ what: fc.constant('drop' as const), time: fc.integer({ min: 0, max: 12_000 }) }),
  ),
  { maxLength: 60 },
);

test('stays within its bound, and what it gives covers the view', () => {
  fc.assert(
    fc.property(steps, all => {
      const cache = new PictureCache(200);
      for (const step of all) {
        if (step.what === 'put') {
          const put = picture(step.from, step.from + step.length, step.points);
          cache.put(put);
          expect(cache.find({ from: put.from, to: put.to }, REACH, null)).not.toBeNull();
        } else if (step.what === 'drop') {
          cache.dropFrom(step.time);
        } else {
          const view = { from: step.from, to: step.from + step.length };
          const found = cache.find(view, REACH, null);
          if (found !== null) {
            expect(found.from).toBeLessThanOrEqual(Math.max(view.from, REACH.first));
            expect(found.to).toBeGreaterThanOrEqual(Math.min(view.to, REACH.last));
          }
        }
        expect(cache.points <= 200 || cache.size === 1).toBe(true);
      }
    }),
  );
});
