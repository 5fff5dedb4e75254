import { expect, test } from 'vitest';
import { lacking } from '../src/core/venues';

test('an instrument of which nothing is collected lacks all of its venues', () => {
  expect(lacking({ venues: ['dukascopy', 'oanda'], series: [] })).toEqual(['dukascopy', 'oanda']);
});

test('one of which only the history is collected lacks what is live', () => {
  expect(lacking({ venues: ['dukascopy', 'oanda'], series: ['dukascopy:audcad:quotes'] })).toEqual(['oanda']);
});

test('one of both kinds of a venue is not all of it', () => {
  const series = ['dukascopy:btcusd:quotes', 'kraken:btcusd:quotes'];
  expect(lacking({ venues: ['dukascopy', 'kraken'], series })).toEqual(['kraken']);
  expect(lacking({ venues: ['dukascopy', 'kraken'], series: [...series, 'kraken:btcusd:trades'] })).toEqual(
    [],
  );
});
