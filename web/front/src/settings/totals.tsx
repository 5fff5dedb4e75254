import type { Series } from '../api/types';
import { bytes, plural, short } from '../core/format';

/** All series together, in a line. */
export function Totals({ series }: { series: readonly Series[] }) {
  const sum = (of: (one: Series) => number) => series.reduce((total, one) => total + of(one), 0);
  const failed = sum(one => one.hours.failed);
  const gaps = sum(one => one.open_gaps);
  const lacking = [
    ...(failed > 0 ? [plural(failed, 'failed hour')] : []),
    ...(gaps > 0 ? [plural(gaps, 'open gap')] : []),
  ];
  return (
    <p class="totals">
      <span>{plural(series.length, 'series', 'series')}</span>
      <span>{short(sum(one => one.ticks))} ticks</span>
      <span>{bytes(sum(one => one.bytes))}</span>
      <span data-bad={lacking.length > 0}>{lacking.join(', ') || 'nothing failed'}</span>
    </p>
  );
}
