import type { Series } from '../api/types';
import { bytes, plural, short } from '../core/format';

/** All series together, in a line. */
export function Totals({ series }: { series: readonly Series[] }) {
  const sum = (of: (one: Series) => number) => series.reduce((total, one) => total + of(one), 0);
  const lacking = sum(one => one.hours.failed) + sum(one => one.open_gaps);
  return (
    <p class="totals">
      <span>{plural(series.length, 'series', 'series')}</span>
      <span>{short(sum(one => one.ticks))} ticks</span>
      <span>{bytes(sum(one => one.bytes))}</span>
      <span data-bad={lacking > 0}>
        {lacking === 0
          ? 'nothing failed'
          : `${plural(
              sum(one => one.hours.failed),
              'failed hour',
            )}, ${plural(
              sum(one => one.open_gaps),
              'open gap',
            )}`}
      </span>
    </p>
  );
}
