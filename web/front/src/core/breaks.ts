/** Where a line through bars must not go on: what lies up to the next bar is drawn as a band. */

import type { Interval } from '../api/types';
import type { Axis } from './axis';

/**
 * Slots of the bars that a band lies right behind. Open time in which nothing happened is no reason to break a line.
 *
 * @param bands rising, apart from each other
 */
export function breaks({ starts, bars }: Axis, bands: readonly Interval[]): number[] {
  const found: number[] = [];
  let next = 0;
  let before = -1;
  for (let slot = 0; slot < starts.length; slot += 1) {
    if (bars[slot]! < 0) continue;
    if (before >= 0 && slot > before + 1) {
      const empty = starts[before + 1]!;
      while (next < bands.length && bands[next]![1] <= empty) next += 1;
      if (next < bands.length && bands[next]![0] < starts[slot]!) found.push(before);
    }
    before = slot;
  }
  return found;
}
