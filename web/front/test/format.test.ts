import { expect, test } from 'vitest';
import { pace } from '../src/core/format';

test('a pace is told in the unit of time that makes it more than one', () => {
  expect(pace(12.4, 'day')).toBe('12 days per second');
  expect(pace(2.54, 'day')).toBe('2.5 days per second');
  expect(pace(0.5, 'day')).toBe('30 days per minute');
  expect(pace(0.05, 'day')).toBe('3.0 days per minute');
  expect(pace(0.001, 'day')).toBe('3.6 days per hour');
});
