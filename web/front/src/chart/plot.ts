/** Draws a picture with lightweight-charts: bars of a view on an axis. Knows nothing of where they come from. */

import {
  CandlestickSeries,
  type CandlestickSeriesOptions,
  ColorType,
  CrosshairMode,
  createChartEx,
  type DeepPartial,
  HistogramSeries,
  type IChartApiBase,
  type ISeriesApi,
  LineSeries,
  type LineSeriesOptions,
  LineStyle,
  LineType,
  type Logical,
  type SeriesType,
} from 'lightweight-charts';
import type { Axis } from '../core/axis';
import { breaks } from '../core/breaks';
import { merged } from '../core/intervals';
import type { Picture } from '../core/picture';
import { candleAt, isUp, priceAt, volumeAt } from '../core/prices';
import type { Side, Style } from '../core/url';
import type { View } from '../core/view';
import type { Precision, ZoneName } from '../core/zones';
import { type Band, type BandKind, Bands, type Boundary } from './bands';
import { currentLook, type Look } from './look';
import { type Microseconds, ZonedScale } from './scale';

type Series<T extends SeriesType> = ISeriesApi<T, Microseconds>;

export interface Shown {
  readonly picture: Picture;
  readonly axis: Axis;
}

export interface Manner {
  readonly side: Side;
  readonly style: Style;
  readonly zone: ZoneName;
  readonly digits: number;
}

/** The library draws a line through slots without a value: only a colour of its own makes a piece of it vanish. */
const UNSEEN = 'transparent';
const AXIS_HIT_PIXELS = 3;
/** The legend lies on the plot: bars begin below it. */
const LEGEND_PIXELS = 92;
const MOST_LEGEND = 0.25;

function precisionOf(picture: Picture): Precision {
  if (picture.timeframe === 'tick') return picture.kind === 'quotes' ? 'milli' : 'micro';
  return picture.timeframe === '1d' || picture.timeframe === '1w' ? 'day' : 'minute';
}

export class Plot {
  /** Not displayed before there is a picture: the library draws an empty chart as slowly as a full one. */
  readonly #host = document.createElement('div');
  readonly #scale = new ZonedScale();
  readonly #chart: IChartApiBase<Microseconds>;
  readonly #candles: Series<'Candlestick'>;
  readonly #line: Series<'Line'>;
  readonly #bid: Series<'Line'>;
  readonly #ask: Series<'Line'>;
  readonly #volume: Series<'Histogram'>;
  /** Has a value in each slot: the library takes the place of the last value for where its scale ends. */
  readonly #anchor: Series<'Line'>;
  readonly #bands: Bands;
  #look: Look = currentLook();
  #shown: Shown | null = null;
  #view: View | null = null;
  #manner: Manner = { side: 'bid', style: 'candles', zone: 'UTC', digits: 5 };
  #drawnSlots = 0;
  #drawnBreak = -1;
  readonly #filled = new Set<unknown>();

  constructor(
    readonly element: HTMLElement,
    onHover: (slot: number | null) => void,
  ) {
    this.#host.hidden = true;
    element.append(this.#host);
    this.#chart = createChartEx<Microseconds, ZonedScale>(this.#host, this.#scale, {
      autoSize: false,
      handleScroll: false,
      handleScale: {
        axisPressedMouseMove: { time: false, price: true },
        axisDoubleClickReset: { time: false, price: true },
        mouseWheel: false,
        pinch: false,
      },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { minBarSpacing: 0.001, rightBarStaysOnScroll: false, shiftVisibleRangeOnNewBar: false },
      layout: { attributionLogo: false },
    });
    const quiet = { lastValueVisible: false, priceLineVisible: false } as const;
    const line = (options: DeepPartial<LineSeriesOptions>) =>
      this.#chart.addSeries(LineSeries, { ...quiet, crosshairMarkerRadius: 3, ...options });
    this.#volume = this.#chart.addSeries(HistogramSeries, {
      ...quiet,
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
    });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.#anchor = line({
      priceScaleId: 'anchor',
      lineVisible: false,
      crosshairMarkerVisible: false,
      autoscaleInfoProvider: () => null,
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { priceLineVisible: false });
    this.#bid = line({ lineType: LineType.WithSteps });
    this.#ask = line({ lineType: LineType.WithSteps });
    this.#line = line({ lastValueVisible: true });
    this.#bands = new Bands({
      bands: () => this.bands(),
      boundary: () => this.#boundary(),
      colors: () => this.#look.bands,
    });
    this.#chart.panes()[0]!.attachPrimitive(this.#bands);
    this.#chart.subscribeCrosshairMove(({ logical, point }) =>
      onHover(point === undefined || logical === undefined ? null : Math.round(logical)),
    );
    this.relook();
  }

  /** Width of the part in which bars are drawn; before that is known, of the whole. */
  get width(): number {
    return this.#host.hidden ? this.element.clientWidth : this.#chart.timeScale().width();
  }

  resize(): void {
    if (this.#host.hidden) return;
    const { clientWidth, clientHeight } = this.element;
    this.#chart.resize(clientWidth, clientHeight);
    const top = Math.min(LEGEND_PIXELS / Math.max(clientHeight, 1), MOST_LEGEND);
    this.#chart.priceScale('right').applyOptions({ scaleMargins: { top, bottom: 0.2 } });
    this.#place();
  }

  /** Takes the colours of the theme that now holds. */
  relook(): void {
    const look = currentLook();
    this.#look = look;
    const label = {
      color: look.cross,
      labelBackgroundColor: look.label,
      style: LineStyle.Dashed,
      width: 1,
    } as const;
    this.#chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: look.ground },
        textColor: look.text,
        fontFamily: 'system-ui, sans-serif',
        fontSize: 11,
      },
      grid: { vertLines: { color: look.grid }, horzLines: { color: look.grid } },
      crosshair: { vertLine: label, horzLine: label },
      rightPriceScale: { borderColor: look.border },
      timeScale: { borderColor: look.border },
    });
    const candle: DeepPartial<CandlestickSeriesOptions> = {
      upColor: look.up,
      downColor: look.down,
      wickUpColor: look.up,
      wickDownColor: look.down,
      borderVisible: false,
    };
    this.#candles.applyOptions(candle);
    this.#line.applyOptions({ color: look.line, lineWidth: 2, crosshairMarkerBackgroundColor: look.line });
    this.#bid.applyOptions({ color: look.bid, lineWidth: 1 });
    this.#ask.applyOptions({ color: look.ask, lineWidth: 1 });
    this.#draw(0);
  }

  setManner(manner: Manner): void {
    this.#manner = manner;
    this.#scale.zone = manner.zone;
    const priceFormat = { type: 'price', precision: manner.digits, minMove: 10 ** -manner.digits } as const;
    for (const series of [this.#candles, this.#line, this.#bid, this.#ask])
      series.applyOptions({ priceFormat });
    this.#draw(0);
    this.#place();
  }

  show(shown: Shown, view: View): void {
    this.#shown = shown;
    this.#view = view;
    this.#scale.precision = precisionOf(shown.picture);
    this.#draw(0);
    if (this.#host.hidden) {
      this.#host.hidden = false;
      this.resize();
    } else {
      this.#place();
    }
  }

  /** The same picture with bars changed or added from a slot on. */
  grow(shown: Shown, view: View, slot: number): void {
    this.#shown = shown;
    this.#view = view;
    this.#draw(slot);
    this.#place();
  }

  setView(view: View): void {
    this.#view = view;
    this.#place();
  }

  autoscale(): void {
    this.#chart.priceScale('right').applyOptions({ autoScale: true });
  }

  xOf(time: number): number {
    if (this.#shown === null || this.#view === null) return Number.NaN;
    const { axis } = this.#shown;
    const left = axis.logicalOf(this.#view.from);
    const right = axis.logicalOf(this.#view.to);
    return ((axis.logicalOf(time) - left) / (right - left)) * this.width - 1;
  }

  /** The bands of the picture, closed times first: a hole lies upon them. */
  bands(): Band[] {
    const shown = this.#shown;
    if (shown === null) return [];
    const band = (kind: BandKind, from: number, to: number, reason: string): Band => {
      const left = this.xOf(from);
      return { kind, from, to, reason, left, right: Math.max(this.xOf(to), left + 1) };
    };
    const { closed, gaps, missing } = shown.picture;
    return [
      ...closed.map(([from, to]) => this.#foldedTo(band('closed', from, to, ''))),
      ...missing.map(one => band(one.state, one.from_us, one.to_us, one.reason)),
      ...gaps.map(one => band('gap', one.from_us, one.to_us, one.reason)),
    ].filter(one => one.right >= 0 && one.left <= this.width);
  }

  bandAt(x: number): Band | null {
    const near = this.bands().filter(
      one => x >= one.left - AXIS_HIT_PIXELS && x <= one.right + AXIS_HIT_PIXELS,
    );
    return near.at(-1) ?? null;
  }

  remove(): void {
    this.#chart.remove();
    this.#host.remove();
  }

  /** A closed time without a slot of its own lies within the bar before it: drawn as a line at that bar's end. */
  #foldedTo(band: Band): Band {
    const { axis } = this.#shown!;
    const before = Math.floor(axis.logicalOf(band.from) + 0.5);
    const isFolded = (axis.bars[before] ?? -1) >= 0 && axis.starts[before]! < band.from;
    return isFolded ? { ...band, left: band.right - 1 } : band;
  }

  #holes({ closed, gaps, missing }: Picture) {
    return merged([...closed, ...[...gaps, ...missing].map(one => [one.from_us, one.to_us] as const)]);
  }

  #boundary(): Boundary | null {
    const picture = this.#shown?.picture;
    if (picture?.boundary == null) return null;
    const [history, live] = picture.series;
    return {
      x: this.xOf(picture.boundary),
      left: `history${history === undefined ? '' : ` · ${history.split(':')[0]}`}`,
      right: `live${live === undefined ? '' : ` · ${live.split(':')[0]}`}`,
    };
  }

  #place(): void {
    if (this.#shown === null || this.#view === null || this.element.clientWidth === 0) return;
    const { axis } = this.#shown;
    if (axis.starts.length === 0) return;
    const from = (axis.logicalOf(this.#view.from) + 0.5) as Logical;
    const to = (axis.logicalOf(this.#view.to) - 0.5) as Logical;
    if (from <= to) this.#chart.timeScale().setVisibleLogicalRange({ from, to });
    this.#bands.update();
  }

  /** Hands slots from `from` on to the library: all of them, or only what it lacks. */
  #draw(from: number): void {
    const shown = this.#shown;
    if (shown === null) return;
    const { picture, axis } = shown;
    const { side, style } = this.#manner;
    const isTick = picture.timeframe === 'tick';
    const isQuotes = picture.kind === 'quotes';
    const look = this.#look;

    const candle = (time: number, bar: number) =>
      bar < 0 ? { time } : { time, ...candleAt(picture, bar, side) };
    const ticks = (chosen: Side) => (time: number, bar: number, slot: number) => {
      if (bar >= 0) return { time, value: priceAt(picture, bar, chosen) };
      // Between ticks an empty slot is a closed time or a hole: the price before holds until there.
      const before = axis.bars[slot - 1] ?? -1;
      return before < 0 ? { time } : { time, value: priceAt(picture, before, chosen), color: UNSEEN };
    };
    // A bar with holes on both sides would be no line at all: its price holds until its end.
    const isAlone = (slot: number) => broken.has(slot) && (axis.bars[slot - 1] ?? -1) < 0;
    const closes = (time: number, bar: number, slot: number) => {
      const shown = bar < 0 && isAlone(slot - 1) ? axis.bars[slot - 1]! : bar;
      if (shown < 0) return { time };
      const { close: value } = candleAt(picture, shown, side);
      // A point's colour is that of the line from it to the next.
      const ends = bar < 0 || (broken.has(slot) && !isAlone(slot));
      return ends ? { time, value, color: UNSEEN } : { time, value };
    };
    const volume = (time: number, bar: number) =>
      bar < 0
        ? { time }
        : {
            time,
            value: volumeAt(picture, bar, side),
            color: isUp(picture, bar, side) ? look.upVolume : look.downVolume,
          };

    const usesLine = isTick ? !isQuotes || side === 'mid' : style === 'line';
    const broken = new Set(usesLine && !isTick ? breaks(axis, this.#holes(picture)) : []);
    const lastBreak = Math.max(-1, ...broken);
    // A bar that was the last one, with nothing behind it, may now have a hole behind it.
    const first = lastBreak !== this.#drawnBreak && lastBreak < from ? 0 : from;
    this.#drawnBreak = lastBreak;
    this.#line.applyOptions({ lineType: isTick ? LineType.WithSteps : LineType.Simple });
    this.#bid.applyOptions({ lineWidth: side === 'bid' ? 2 : 1, lastValueVisible: isTick && isQuotes });
    this.#ask.applyOptions({ lineWidth: side === 'ask' ? 2 : 1, lastValueVisible: isTick && isQuotes });
    this.#fill(this.#anchor, axis, first, time => ({ time, value: 0 }));
    this.#fill(this.#volume, axis, first, volume);
    this.#fill(this.#candles, axis, first, !isTick && style === 'candles' ? candle : null);
    this.#fill(this.#line, axis, first, usesLine ? (isTick ? ticks(side) : closes) : null);
    this.#fill(this.#bid, axis, first, isTick && isQuotes ? ticks('bid') : null);
    this.#fill(this.#ask, axis, first, isTick && isQuotes ? ticks('ask') : null);
    this.#drawnSlots = axis.starts.length;
  }

  #fill<T extends SeriesType>(
    series: Series<T>,
    axis: Axis,
    first: number,
    item: ((time: number, bar: number, slot: number) => object) | null,
  ): void {
    type Item = Parameters<Series<T>['update']>[0];
    if (item === null) {
      if (this.#filled.delete(series)) series.setData([]);
      return;
    }
    const at = (slot: number) => item(axis.starts[slot]!, axis.bars[slot]!, slot) as Item;
    const canUpdate = this.#filled.has(series) && first > 0 && first >= this.#drawnSlots - 1;
    if (canUpdate) {
      for (let slot = first; slot < axis.starts.length; slot += 1) series.update(at(slot));
    } else {
      this.#filled.add(series);
      series.setData(Array.from(axis.starts, (_start, slot) => at(slot)));
    }
  }
}
