import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChartState, parseState, START, stateText } from '../src/core/url';
import { parseIso } from '../src/core/zones';

const states: fc.Arbitrary<ChartState> = fc.record({
  subject: fc.constantFrom('audcad', 'kraken:btcusd:trades', 'AAPL.US/USD'),
  from: fc.integer({ min: 0, max: 1_700_000_000_000_000 }),
  to: fc.integer({ min: 1_700_000_000_000_001, max: 2_000_000_000_000_000 }),
  timeframe: fc.constantFrom('tick', '1m', '4h', '1w'),
  locked: fc.boolean(),
  side: fc.constantFrom('bid', 'mid', 'ask'),
  style: fc.constantFrom('candles', 'line'),
  zone: fc.constantFrom('utc', 'ny', 'local'),
});

test('an address says all of what is seen', () => {
  fc.assert(
    fc.property(states, state => {
      expect(parseState(stateText(state))).toEqual(state);
    }),
  );
});

test('an address can be read', () => {
  const state = {
    ...START,
    subject: 'kraken:btcusd:trades',
    from: parseIso('2026-11-02'),
    to: parseIso('2026-11-03'),
  };
  expect(stateText(state)).toBe(
    '?s=kraken:btcusd:trades&from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z&side=bid&style=candles&tz=utc',
  );
});

test('what makes no sense is left out', () => {
  expect(parseState('?from=2026-11-03&to=2026-11-02&tf=2h&side=left')).toEqual(START);
});
