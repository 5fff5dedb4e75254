import { expect, test } from 'vitest';
import { bytes, duration, grouped, short } from '../src/core/format';
import { heatMap, toneOf } from '../src/core/heat';

const day = (text: string, hours: Partial<Record<string, number>>) => ({
  day: text,
  data: 0,
  closed: 0,
  pending: 0,
  failed: 0,
  gaps: 0,
  ...hours,
});

test('a day shows the worst that is true of it', () => {
  expect(toneOf(day('', { data: 23, failed: 1 }))).toBe('failed');
  expect(toneOf(day('', { data: 24, gaps: 1 }))).toBe('partial');
  expect(toneOf(day('', { data: 20, pending: 4 }))).toBe('pending');
  expect(toneOf(day('', { data: 2, closed: 22 }))).toBe('data');
  expect(toneOf(day('', { closed: 24 }))).toBe('closed');
  expect(toneOf(day('', {}))).toBe('none');
});

test('weeks are columns and Monday is the first row', () => {
  const map = heatMap([day('2026-11-02', { data: 24 })], '2026-10-30', '2026-11-03');
  expect(map.cells.map(cell => [cell.day, cell.column, cell.row])).toEqual([
    ['2026-10-30', 0, 4],
    ['2026-10-31', 0, 5],
    ['2026-11-01', 0, 6],
    ['2026-11-02', 1, 0],
    ['2026-11-03', 1, 1],
  ]);
  expect(map.columns).toBe(2);
  expect(map.months).toEqual([{ column: 0, month: 11, year: 2026 }]);
  expect(map.cells[3]?.share).toBe(1);
});

test('numbers are written for people', () => {
  expect(grouped(1234567)).toBe('1\u202f234\u202f567');
  expect(grouped(-1234.5, 2)).toBe('−1\u202f234.50');
  expect(short(1_530_000)).toBe('1.53M');
  expect(bytes(1_934_000_000)).toBe('1.93\u202fGB');
  expect(duration(0.25)).toBe('250\u202fms');
  expect(duration(12_060)).toBe('3\u202fh 21\u202fm');
  expect(duration(59.7)).toBe('60\u202fs');
});
