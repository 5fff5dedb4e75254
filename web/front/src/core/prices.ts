/** The prices of a picture as one side of the market sees them. */

import type { Picture } from './picture';
import type { Side } from './url';

export interface Ohlc {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** The middle of two decimal numbers, without the digits that binary halves would add. */
function middle(a: number, b: number): number {
  return Number(((a + b) / 2).toPrecision(12));
}

function quoted(picture: Picture, side: Side, bid: string, ask: string, bar: number): number {
  if (side === 'bid') return picture.columns[bid]![bar]!;
  if (side === 'ask') return picture.columns[ask]![bar]!;
  return middle(picture.columns[bid]![bar]!, picture.columns[ask]![bar]!);
}

/** A candle's prices. High and low of the middle are those of both sides' highs and lows. */
export function candleAt(picture: Picture, bar: number, side: Side): Ohlc {
  const part = (name: string) =>
    picture.kind === 'quotes'
      ? quoted(picture, side, `bid_${name}`, `ask_${name}`, bar)
      : picture.columns[name]![bar]!;
  return { open: part('open'), high: part('high'), low: part('low'), close: part('close') };
}

/** A tick's price. */
export function priceAt(picture: Picture, bar: number, side: Side): number {
  return picture.kind === 'quotes' ? quoted(picture, side, 'bid', 'ask', bar) : picture.columns.price![bar]!;
}

export function volumeAt(picture: Picture, bar: number, side: Side): number {
  const { columns, kind, timeframe } = picture;
  if (kind === 'trades') return columns[timeframe === 'tick' ? 'quantity' : 'volume']![bar]!;
  if (side === 'bid') return columns.bid_volume![bar]!;
  if (side === 'ask') return columns.ask_volume![bar]!;
  return columns.bid_volume![bar]! + columns.ask_volume![bar]!;
}

/** Whether a bar closed above its open, or a tick above the one before; trades: whether it was bought. */
export function isUp(picture: Picture, bar: number, side: Side): boolean {
  if (picture.timeframe !== 'tick') {
    const { open, close } = candleAt(picture, bar, side);
    return close >= open;
  }
  if (picture.kind === 'trades') return picture.columns.side![bar]! > 0;
  return bar === 0 || priceAt(picture, bar, side) >= priceAt(picture, bar - 1, side);
}
