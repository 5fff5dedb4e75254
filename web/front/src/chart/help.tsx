import { Dialog } from '../shared/dialog';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['wheel, pinch, + −', 'nearer and wider, down to single ticks'],
  ['drag, ← →', 'along time; with Shift a whole screen'],
  ['Home, End', 'the first bars, the newest bars'],
  ['0', 'the whole history'],
  ['1 2 3 4 5', 'an hour, a day, a week, a month, a year'],
  ['/', 'another instrument'],
  ['B M A', 'bid, middle, ask'],
  ['C L', 'candles, line'],
  ['T', 'next time zone'],
  ['click on a band', 'why there is nothing'],
  ['double click', 'price scale by itself again'],
  ['?', 'this list'],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys and gestures" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <ul class="bands-key" aria-label="Bands">
        <li data-kind="closed">closed hours</li>
        <li data-kind="gap">a known gap</li>
        <li data-kind="pending">not there yet</li>
        <li data-kind="failed">failed</li>
      </ul>
      <p class="note">
        Drawn with{' '}
        <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
          TradingView Lightweight Charts™
        </a>
        , © TradingView, Inc.
      </p>
    </Dialog>
  );
}
