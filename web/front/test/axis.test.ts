import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Axis, apart, buildAxis } from '../src/core/axis';
import { HOUR, MINUTE } from '../src/core/timeframes';

const START = Date.UTC(2026, 10, 2) * 1000;

function hours(times: readonly number[], to: number, closed: [number, number][] = []): Axis {
  return buildAxis({
    times: times.map(hour => START + hour * HOUR),
    endOf: start => start + HOUR,
    step: HOUR,
    from: START,
    to: START + to * HOUR,
    closed: closed.map(([from, end]) => [START + from * HOUR, START + end * HOUR] as const),
    holes: [],
  });
}

describe('bars', () => {
  test('follow each other, each in a slot', () => {
    const axis = hours([0, 1, 2], 3);
    expect(axis.bars).toEqual([0, 1, 2]);
    expect(axis.logicalOf(START + 1.5 * HOUR)).toBeCloseTo(1);
  });

  test('keep the width of open time without bars', () => {
    expect(hours([0, 3], 4).bars).toEqual([0, -1, -1, 1]);
  });

  test('have a long closed time folded into one slot', () => {
    const axis = hours([0, 49], 50, [[1, 49]]);
    expect(axis.bars).toEqual([0, -1, 1]);
    expect(axis.logicalOf(START + 25 * HOUR)).toBeCloseTo(1);
  });

  test('have a short closed time folded into none', () => {
    const axis = hours([0, 2], 3, [[1, 2]]);
    expect(axis.bars).toEqual([0, 1]);
    expect(axis.logicalOf(START + 2 * HOUR)).toBeCloseTo(0.5);
  });

  test('reach to the end of what was asked for', () => {
    expect(hours([0], 4).bars).toEqual([0, -1, -1, -1]);
    expect(hours([], 3).bars).toEqual([-1, -1, -1]);
  });
});

describe('ticks', () => {
  const ticks = (times: number[], holes: [number, number][] = []) =>
    buildAxis({ times, endOf: null, step: 1000, from: 0, to: 0, closed: [], holes });

  test('of one microsecond lie beside each other', () => {
    expect(ticks([5, 5, 5, 9]).starts).toEqual([5, 6, 7, 9]);
  });

  test('have a hole between them in one slot', () => {
    const axis = ticks([0, 1000, 90_000], [[2000, 80_000]]);
    expect(axis.bars).toEqual([0, 1, -1, 2]);
    expect(axis.starts[2]).toBe(2000);
  });

  test('are moved apart without changing their order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), times => {
        const rising = [...times].sort((a, b) => a - b);
        const moved = apart(rising);
        expect(moved.length).toBe(rising.length);
        moved.forEach((time, i) => {
          expect(time).toBeGreaterThanOrEqual(rising[i]!);
          if (i > 0) expect(time).toBeGreaterThan(moved[i - 1]!);
        });
      }),
    );
  });
});

const axes = fc
  .record({
    minutes: fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
    closed: fc.array(fc.tuple(fc.integer({ min: 0, max: 380 }), fc.integer({ min: 1, max: 60 })), {
      maxLength: 3,
    }),
  })
  .map(({ minutes, closed }) => {
    const shut = closed
      .map(([from, length]) => [from, from + length] as const)
      .sort((a, b) => a[0] - b[0])
      .filter(([from], i, all) => all.slice(0, i).every(other => other[1] < from));
    return buildAxis({
      times: minutes.sort((a, b) => a - b).map(minute => START + minute * MINUTE),
      endOf: start => start + MINUTE,
      step: MINUTE,
      from: START,
      to: START + 401 * MINUTE,
      closed: shut.map(([from, to]) => [START + from * MINUTE, START + to * MINUTE] as const),
      holes: [],
    });
  });

test('each place has a time and each time a place', () => {
  fc.assert(
    fc.property(axes, fc.double({ min: -50, max: 500, noNaN: true }), (axis, minute) => {
      const time = START + minute * MINUTE;
      expect(Math.abs(axis.timeOf(axis.logicalOf(time)) - time)).toBeLessThan(1);
    }),
  );
});

test('later times lie further to the right', () => {
  fc.assert(
    fc.property(
      axes,
      fc.array(fc.double({ min: -50, max: 500, noNaN: true }), { minLength: 2 }),
      (axis, minutes) => {
        const places = minutes.sort((a, b) => a - b).map(minute => axis.logicalOf(START + minute * MINUTE));
        places.forEach((place, i) => {
          if (i > 0) expect(place).toBeGreaterThanOrEqual(places[i - 1]!);
        });
      },
    ),
  );
});

test('slots rise strictly and hold each bar once', () => {
  fc.assert(
    fc.property(axes, axis => {
      axis.starts.forEach((start, i) => {
        if (i > 0) expect(start).toBeGreaterThan(axis.starts[i - 1]!);
      });
      const held = axis.bars.filter(bar => bar >= 0);
      expect(held).toEqual(held.map((_bar, i) => i));
    }),
  );
});
