/** Values under the crosshair, or of the newest bar that is seen. */

import { grouped, short } from '../core/format';
import { type Picture, timesOf } from '../core/picture';
import { candleAt, priceAt, volumeAt } from '../core/prices';
import type { Side } from '../core/url';
import { newestBar, type View } from '../core/view';
import { timeText, type ZoneName } from '../core/zones';
import type { Shown } from './plot';

interface Props {
  shown: Shown;
  view: View;
  slot: number | null;
  side: Side;
  zone: ZoneName;
  digits: number;
}

interface Value {
  name: string;
  label: string;
  text: string;
  tone?: 'up' | 'down';
}

function candleValues(picture: Picture, bar: number, side: Side, digits: number): Value[] {
  const { open, high, low, close } = candleAt(picture, bar, side);
  const tone = close >= open ? 'up' : 'down';
  const change = ((close - open) / open) * 100;
  const price = (name: string, label: string, value: number): Value => ({
    name,
    label,
    text: value.toFixed(digits),
    tone,
  });
  const values = [
    price('O', 'open', open),
    price('H', 'high', high),
    price('L', 'low', low),
    price('C', 'close', close),
    {
      name: '',
      label: 'change',
      text: `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(2)}%`,
      tone,
    } as const,
    { name: 'Vol', label: 'volume', text: short(volumeAt(picture, bar, side)) },
  ];
  if (picture.kind === 'quotes') {
    const spread = picture.columns.ask_close![bar]! - picture.columns.bid_close![bar]!;
    values.push({ name: 'Spread', label: 'spread at the close', text: spread.toFixed(digits) });
    values.push({ name: 'Ticks', label: 'ticks', text: grouped(picture.columns.ticks![bar]!) });
  } else {
    values.push({ name: 'Bought', label: 'volume bought', text: short(picture.columns.buy_volume![bar]!) });
    values.push({ name: 'Trades', label: 'trades', text: grouped(picture.columns.trades![bar]!) });
  }
  return values;
}

function tickValues(picture: Picture, bar: number, side: Side, digits: number): Value[] {
  const { columns } = picture;
  if (picture.kind === 'trades') {
    const isBuy = columns.side![bar]! > 0;
    return [
      { name: 'Price', label: 'price', text: priceAt(picture, bar, side).toFixed(digits) },
      { name: '', label: 'taker', text: isBuy ? 'buy' : 'sell', tone: isBuy ? 'up' : 'down' },
      { name: 'Qty', label: 'quantity', text: String(columns.quantity![bar]) },
      { name: 'Trade', label: 'trade id', text: String(columns.trade_id![bar]) },
    ];
  }
  const bid = columns.bid![bar]!;
  const ask = columns.ask![bar]!;
  return [
    { name: 'Bid', label: 'bid', text: bid.toFixed(digits) },
    { name: 'Ask', label: 'ask', text: ask.toFixed(digits) },
    { name: 'Spread', label: 'spread', text: (ask - bid).toFixed(digits) },
    { name: 'Bid vol', label: 'bid volume', text: short(columns.bid_volume![bar]!) },
    { name: 'Ask vol', label: 'ask volume', text: short(columns.ask_volume![bar]!) },
  ];
}

export function Legend({ shown, view, slot, side, zone, digits }: Props) {
  const { picture, axis } = shown;
  const times = timesOf(picture);
  const bar = slot === null ? newestBar(view, axis) : (axis.bars[slot] ?? -1);
  const time = bar >= 0 ? times[bar] : slot === null ? undefined : axis.starts[slot];
  const isTick = picture.timeframe === 'tick';
  const values =
    bar < 0 ? [] : isTick ? tickValues(picture, bar, side, digits) : candleValues(picture, bar, side, digits);
  const precision = isTick
    ? 'micro'
    : picture.timeframe === '1d' || picture.timeframe === '1w'
      ? 'day'
      : 'minute';
  return (
    <dl class="values" data-bar={bar}>
      {time !== undefined && <dt class="values-time">{timeText(zone, time, precision)}</dt>}
      {bar < 0 && slot !== null && <dd class="values-none">no ticks</dd>}
      {values.map(value => (
        <div key={value.label}>
          {value.name !== '' && (
            <dt>
              <abbr title={value.label}>{value.name}</abbr>
            </dt>
          )}
          <dd data-tone={value.tone} data-value={value.label}>
            {value.text}
          </dd>
        </div>
      ))}
    </dl>
  );
}
