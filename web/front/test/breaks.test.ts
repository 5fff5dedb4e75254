import { describe, expect, test } from 'vitest';
import type { Interval } from '../src/api/types';
import { buildAxis } from '../src/core/axis';
import { breaks } from '../src/core/breaks';
import { HOUR } from '../src/core/timeframes';

/** Bars at some hours of 40; slots of the others are empty, or folded where the venue is closed. */
const axis = (hours: readonly number[], closed: readonly Interval[] = []) =>
  buildAxis({
    times: hours.map(hour => hour * HOUR),
    endOf: start => start + HOUR,
    step: HOUR,
    from: 0,
    to: 40 * HOUR,
    closed,
    holes: [],
  });

describe('a line', () => {
  test('is broken behind the bar before a hole', () => {
    expect(breaks(axis([0, 1, 2, 6, 7]), [[3 * HOUR, 6 * HOUR]])).toEqual([2]);
  });

  test('is broken where the hole is a part of what is empty', () => {
    expect(breaks(axis([0, 1, 6, 7]), [[3 * HOUR, 3.5 * HOUR]])).toEqual([1]);
  });

  test('goes on through open hours in which nothing happened', () => {
    expect(breaks(axis([0, 1, 2, 6, 7]), [])).toEqual([]);
    expect(breaks(axis([0, 1, 4, 5, 6]), [[6 * HOUR, 7 * HOUR]])).toEqual([]);
  });

  test('is broken at a long closed time, and not at one that has no slot', () => {
    const closed: Interval[] = [
      [2 * HOUR, 4 * HOUR],
      [6 * HOUR, 30 * HOUR],
    ];
    expect(breaks(axis([0, 1, 4, 5, 30, 31], closed), closed)).toEqual([3]);
  });

  test('that ends is not broken, nor one that has not begun', () => {
    expect(
      breaks(axis([10, 11]), [
        [0, 10 * HOUR],
        [12 * HOUR, 40 * HOUR],
      ]),
    ).toEqual([]);
  });

  test('is broken at each of several holes', () => {
    const holes: Interval[] = [
      [HOUR, 3 * HOUR],
      [4 * HOUR, 8 * HOUR],
    ];
    expect(breaks(axis([0, 3, 8, 9]), holes)).toEqual([0, 3]);
  });
});
