/** Why there are no bars here. */

import { useEffect, useRef } from 'preact/hooks';
import { duration } from '../core/format';
import { timeText, type ZoneName } from '../core/zones';
import type { Band, BandKind } from './bands';

interface Props {
  band: Band;
  x: number;
  y: number;
  zone: ZoneName;
  series: readonly string[];
  onClose: () => void;
}

const TITLES: Readonly<Record<BandKind, string>> = {
  closed: 'Closed',
  gap: 'A known gap',
  pending: 'Not there yet',
  failed: 'Failed',
};

const EXPLANATIONS: Readonly<Record<BandKind, string>> = {
  closed: 'The venue does not trade in these hours, or it has confirmed that nothing happened in them.',
  gap: 'What happened here is known to be lost: the venue did not send it, and could not give it again.',
  pending: 'These hours have not been judged: too young, still running, or never asked for.',
  failed: 'These hours were asked for, and what came was no valid answer. Nothing of it was kept.',
};

const WIDTH = 320;

export function Why({ band, x, y, zone, series, onClose }: Props) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => element.current?.focus(), []);
  const left = Math.max(
    8,
    Math.min(x - WIDTH / 2, (element.current?.parentElement?.clientWidth ?? 9999) - WIDTH - 8),
  );
  return (
    <div
      ref={element}
      class="why"
      role="dialog"
      aria-label={TITLES[band.kind]}
      tabIndex={-1}
      data-kind={band.kind}
      style={{ left: `${left}px`, top: `${y + 14}px` }}
      onKeyDown={event => event.key === 'Escape' && onClose()}
    >
      <button type="button" class="quiet icon close" aria-label="Close" onClick={onClose}>
        ×
      </button>
      <h3>{TITLES[band.kind]}</h3>
      <p class="why-span">
        <time>{timeText(zone, band.from, 'second')}</time>
        <span>
          to <time>{timeText(zone, band.to, 'second')}</time>, {duration((band.to - band.from) / 1e6)}
        </span>
      </p>
      {band.reason !== '' && <p class="why-reason">{band.reason}</p>}
      <p class="note">{EXPLANATIONS[band.kind]}</p>
      {band.kind !== 'closed' && series[0] !== undefined && (
        <a href={`/settings#${series[0]}`}>Repair or backfill in settings</a>
      )}
    </div>
  );
}
