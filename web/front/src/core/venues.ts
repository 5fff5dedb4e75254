/** What of an instrument is collected, and what could be. */

import type { Instrument } from '../api/types';

/** Venues that give trades and quotes, each as a series; all others give one of them. */
const TWO_KINDS: readonly string[] = ['kraken'];

/** The venues of which an instrument has fewer series than there may be. */
export function lacking({ venues, series }: Pick<Instrument, 'venues' | 'series'>): string[] {
  return venues.filter(venue => {
    const collected = series.filter(name => name.startsWith(`${venue}:`)).length;
    return collected < (TWO_KINDS.includes(venue) ? 2 : 1);
  });
}
