/** One subject on the chart: what is seen of it, the picture for that, and what the stream adds. */

import { batch, signal } from '@preact/signals';
import { ApiError, api } from '../api/client';
import type { LiveTicks, Span } from '../api/types';
import { type Axis, buildAxis } from '../core/axis';
import { merged } from '../core/intervals';
import { applyTicks, LiveTail, ticksOf, trimmed } from '../core/live';
import { type Picture, timesOf } from '../core/picture';
import { Resume } from '../core/positions';
import {
  type CandleTimeframe,
  candleEnd,
  MINUTE,
  NOMINAL,
  SECOND,
  type Timeframe,
  type TradingDay,
} from '../core/timeframes';
import {
  following,
  hasRoom,
  isAtEdge,
  limited,
  moved,
  NARROW,
  type Reach,
  type View,
  whole,
  windowFor,
  within,
  zoomed,
} from '../core/view';
import { Pictures } from './pictures';
import type { Shown } from './plot';
import { Stream, type StreamState } from './stream';

export interface Screen {
  readonly width: number;
  show(shown: Shown, view: View): void;
  grow(shown: Shown, view: View, slot: number): void;
  setView(view: View): void;
}

const MOST_POINTS = 2000;
const FEWEST_POINTS = 300;
const FEWEST_SLOTS = 8;
/** A live picture that has grown beyond this is cut at its front. */
const MOST_LIVE_POINTS = 6000;
const TAIL_TICKS = 20_000;
/** So long the view rests before its neighbours are fetched. */
const REST_MS = 160;
const SPAN_MS = 5000;
const RECHECK_MS = 10_000;
/** At this pace it is asked whether the live edge keeps up: a worker that has died says nothing of it. */
const EDGE_MS = 14_000;
const RETRY_MS = 2000;
const FRAME_MS = 80;

export class ChartSession {
  readonly span = signal<Span | null>(null);
  readonly view = signal<View | null>(null);
  readonly shown = signal<Shown | null>(null);
  readonly timeframe = signal<Timeframe | null>(null);
  readonly locked = signal(false);
  readonly isLoading = signal(true);
  readonly problem = signal<ApiError | null>(null);
  readonly stream = signal<StreamState>('none');
  readonly streamText = signal<string | null>(null);
  /** Why the live edge is old, as the newest answer about it says. */
  readonly stale = signal<string | null>(null);
  /** When the newest live tick came, by the clock of this machine. */
  readonly lastTick = signal<number | null>(null);

  readonly #timers = new Set<ReturnType<typeof setInterval>>();
  readonly #tail = new LiveTail(TAIL_TICKS);
  #pictures: Pictures | null = null;
  #stream: Stream | null = null;
  #fitsWhole = false;
  #wanted: string | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #frame: ReturnType<typeof setTimeout> | undefined;
  #waiting: LiveTicks[] = [];
  #checked = 0;
  #edgeAsked = 0;
  /** Where the view was zoomed about last, as a fraction of its width: the next zoom is likely there. */
  #focus = 0.5;
  /** Exchange time of the newest live tick. */
  #newest = 0;
  /** The position of a picture that was older than the kept ticks and has been asked for again. */
  #tooOld: string | null = null;
  #isClosed = false;

  constructor(
    readonly subject: string,
    private readonly day: TradingDay,
    private readonly screen: Screen,
    start: { view: View | null; timeframe: Timeframe | null; locked: boolean },
    /** Asked for already. */
    span: Promise<Span> | null,
  ) {
    this.view.value = start.view;
    // Ticks are what a near view has, and are not held.
    this.locked.value = start.locked && start.timeframe !== null && start.timeframe !== 'tick';
    if (this.locked.value) this.timeframe.value = start.timeframe;
    void this.#begin(start.timeframe, span);
    this.#timers.add(setInterval(() => void this.#look(), SPAN_MS));
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.close();
    this.#pictures?.close();
    for (const timer of this.#timers) clearInterval(timer);
    for (const timer of [this.#rest, this.#again, this.#frame]) clearTimeout(timer);
  }

  get reach(): Reach | null {
    const span = this.span.value;
    if (span === null || span.first_us === null || span.last_us === null) return null;
    return { first: span.first_us, last: Math.max(span.last_us, this.#newest) };
  }

  zoom(at: number, factor: number): void {
    // Where there is something finer the zoom goes on: so many ticks may be in a minute that none are given before.
    const fewest = this.shown.value?.picture.finer == null ? FEWEST_SLOTS : 0;
    this.#focus = at;
    this.#move((view, axis) => zoomed(view, axis, at, factor, fewest));
  }

  move(fraction: number): void {
    this.#move((view, axis) => moved(view, axis, fraction));
  }

  showWhole(): void {
    const reach = this.reach;
    if (reach === null) return;
    this.#fitsWhole = true;
    this.locked.value = false;
    this.#setView(whole(reach));
  }

  /** The first or the newest bars, as wide as what is seen now. */
  showEnd(end: 'first' | 'last'): void {
    const reach = this.reach;
    const view = this.view.value;
    if (reach === null || view === null) return;
    const width = view.to - view.from;
    this.#fitsWhole = false;
    const to = end === 'last' ? reach.last + width * 0.05 : reach.first + width * 0.95;
    this.#setView(within({ from: to - width, to }, reach));
  }

  /** So much time up to the right edge of what is seen, or up to the newest bar where that is seen. */
  showWidth(width: number): void {
    const reach = this.reach;
    const view = this.view.value;
    if (reach === null || view === null) return;
    const isAtNewest = view.to >= reach.last;
    const to = isAtNewest ? reach.last + width * 0.05 : view.to;
    this.#fitsWhole = false;
    this.#setView(within(this.#limited({ from: to - width, to }), reach));
  }

  showView(view: View): void {
    this.#fitsWhole = false;
    this.#setView(view);
  }

  /** Holds a timeframe at any zoom; null: the server chooses again. */
  lock(timeframe: CandleTimeframe | null): void {
    batch(() => {
      this.locked.value = timeframe !== null;
      if (timeframe !== null) this.timeframe.value = timeframe;
    });
    if (timeframe !== null) this.#fitsWhole = false;
    const view = this.view.value;
    if (view !== null) this.#setView(this.#limited(view));
  }

  #move(change: (view: View, axis: Axis) => View): void {
    const view = this.view.value;
    const shown = this.shown.value;
    const reach = this.reach;
    if (view === null || shown === null || reach === null) return;
    const next = within(this.#limited(change(view, shown.axis)), reach);
    if (!(next.to - next.from > 0)) return;
    this.#fitsWhole = false;
    this.#setView(next);
  }

  #limited(view: View): View {
    const timeframe = this.timeframe.value;
    const reach = this.reach;
    if (!this.locked.value || timeframe === null || timeframe === 'tick' || reach === null) return view;
    return limited(view, timeframe, reach);
  }

  #setView(view: View): void {
    this.view.value = view;
    this.screen.setView(view);
    this.#update();
  }

  get #lockedTimeframe(): Timeframe | null {
    return this.locked.value ? this.timeframe.value : null;
  }

  #pointsFor(view: View): number {
    if (this.locked.value || view.to - view.from < NARROW) return MOST_POINTS;
    return Math.min(Math.max(Math.round(this.screen.width), FEWEST_POINTS), MOST_POINTS);
  }

  async #begin(timeframe: Timeframe | null, asked: Promise<Span> | null = null): Promise<void> {
    const span = await this.#ask(() => asked ?? api.span(this.subject));
    if (span === null) {
      this.#tryAgain(() => void this.#begin(timeframe));
      return;
    }
    this.span.value = span;
    this.#pictures = new Pictures(this.subject, span.kind);
    const reach = this.reach;
    if (reach === null) {
      this.isLoading.value = false;
      return;
    }
    if (this.view.value === null) {
      this.#fitsWhole = !this.locked.value;
      this.view.value = whole(reach);
    }
    const view = this.#limited(this.view.value);
    this.view.value = view;
    const window = windowFor(view, reach);
    // The timeframe of the address is asked for by name, so that another width of screen shows the same bars.
    const hinted =
      timeframe !== null && timeframe !== 'tick' && hasRoom(window, timeframe) ? timeframe : null;
    const named = this.#lockedTimeframe ?? hinted;
    const picture = await this.#ask(() =>
      this.#pictures!.load(window, named === null ? this.#pointsFor(view) : MOST_POINTS, named),
    );
    if (picture !== null) {
      this.#hear(picture);
      this.#show(picture);
    }
    this.#update();
  }

  /** Asks the server; tells what went wrong, unless this subject is no longer shown. */
  async #ask<T>(question: () => Promise<T>): Promise<T | null> {
    try {
      const answer = await question();
      if (this.#isClosed) return null;
      this.problem.value = null;
      return answer;
    } catch (error) {
      const isGivenUp = error instanceof DOMException && error.name === 'AbortError';
      if (this.#isClosed || isGivenUp) return null;
      if (!(error instanceof ApiError)) throw error;
      this.problem.value = error;
      this.isLoading.value = false;
      return null;
    }
  }

  /** Repeats a question that failed, if it may succeed later. */
  #tryAgain(question: () => void): void {
    clearTimeout(this.#again);
    if (this.problem.value?.passes) this.#again = setTimeout(question, RETRY_MS);
  }

  /** Shows what is had for the view, and fetches what is not; the bars that are there stay until then. */
  #update(): void {
    const view = this.view.value;
    const reach = this.reach;
    const pictures = this.#pictures;
    if (view === null || reach === null || pictures === null) return;
    const had = pictures.find(view, reach, this.#lockedTimeframe);
    clearTimeout(this.#rest);
    if (had !== null) {
      // What is still on its way is for another view: it is kept, but not shown.
      this.#wanted = null;
      if (had !== this.shown.value?.picture) this.#show(had);
      this.isLoading.value = false;
      this.#rest = setTimeout(() => this.#fetchAhead(), REST_MS);
      return;
    }
    void this.#fetch(view, reach);
  }

  async #fetch(view: View, reach: Reach): Promise<void> {
    const window = windowFor(view, reach);
    const key = `${window.from} ${window.to} ${this.#lockedTimeframe}`;
    if (this.#wanted === key) return;
    this.#wanted = key;
    this.isLoading.value = true;
    const picture = await this.#ask(() =>
      this.#pictures!.load(window, this.#pointsFor(view), this.#lockedTimeframe),
    );
    if (this.#wanted !== key) return;
    this.#wanted = null;
    if (this.#isClosed) return;
    if (picture === null) {
      this.#tryAgain(() => this.#update());
      return;
    }
    this.isLoading.value = false;
    this.#hear(picture);
    this.#show(picture);
    this.#rest = setTimeout(() => this.#fetchAhead(), REST_MS);
  }

  /** Takes from a fresh answer whether the edge is stale; one of old hours alone may come from the browser's cache. */
  #hear(picture: Picture): void {
    if (picture.position !== null) this.stale.value = picture.stale;
  }

  /** Neighbours, the next nearer and the next wider look, one after the other while the view rests. */
  #fetchAhead(): void {
    const view = this.view.value;
    const reach = this.reach;
    const pictures = this.#pictures;
    const picture = this.shown.value?.picture;
    if (view === null || reach === null || pictures === null || !picture || document.hidden) return;
    const width = view.to - view.from;
    const focus = view.from + width * this.#focus;
    const locked = this.#lockedTimeframe;
    const ahead: View[] = [
      { from: view.from - width, to: view.to - width },
      { from: view.from + width, to: view.to + width },
    ];
    if (locked === null && picture.finer !== null) {
      ahead.unshift({
        from: focus - width * this.#focus * 0.25,
        to: focus + width * (1 - this.#focus) * 0.25,
      });
    }
    if (locked === null && picture.coarser !== null) {
      ahead.push({ from: focus - width * this.#focus * 4, to: focus + width * (1 - this.#focus) * 4 });
    }
    const lacking = ahead.filter(
      one => one.to > reach.first && one.from < reach.last && pictures.find(one, reach, locked) === null,
    );
    void this.#fetchEach(lacking, view);
  }

  async #fetchEach(views: readonly View[], seen: View): Promise<void> {
    for (const view of views) {
      const reach = this.reach;
      if (this.#isClosed || reach === null || this.view.value !== seen || this.#wanted !== null) return;
      try {
        await this.#pictures!.load(windowFor(view, reach), this.#pointsFor(view), this.#lockedTimeframe);
      } catch {
        // Whoever needs it asks again, and says then what is wrong.
        return;
      }
    }
  }

  #axisOf(picture: Picture): Axis {
    const times = timesOf(picture);
    const { timeframe } = picture;
    const isTick = timeframe === 'tick';
    const mean = (times.at(-1)! - times[0]!) / (times.length - 1);
    return buildAxis({
      times,
      endOf: isTick ? null : start => candleEnd(timeframe, start, this.day),
      step: isTick ? Math.max(times.length > 1 ? mean : SECOND, 1) : NOMINAL[timeframe],
      from: picture.from,
      to: Math.min(picture.to, this.reach?.last ?? picture.to),
      closed: merged(picture.closed),
      holes: merged([...picture.gaps, ...picture.missing].map(one => [one.from_us, one.to_us] as const)),
    });
  }

  #show(picture: Picture): void {
    this.#joinStream(picture);
    const view = this.view.value!;
    const shown = { picture, axis: this.#axisOf(picture) };
    batch(() => {
      this.shown.value = shown;
      this.timeframe.value = picture.timeframe;
    });
    this.screen.show(shown, view);
    this.#checked = Date.now();
  }

  /** Brings a picture of the live edge up to what the stream has said, and opens the stream for the first one. */
  #joinStream(picture: Picture): void {
    const span = this.span.value;
    if (span === null || span.live === null || picture.position === null) return;
    if (this.#stream === null) {
      this.#tail.begin(Resume.parse(picture.position));
      this.#openStream(span.live);
      return;
    }
    const missed = this.#tail.since(Resume.parse(picture.position));
    if (missed !== null) {
      applyTicks(picture, missed, this.day);
    } else if (picture.position === this.#tooOld) {
      // Asked again, the server has nothing newer: then the stream must begin where that ends.
      this.#stream.close();
      this.#tail.begin(Resume.parse(picture.position));
      this.#openStream(span.live);
    } else {
      this.#tooOld = picture.position;
      this.#pictures?.dropFrom(picture.to);
      this.#renew();
    }
  }

  #openStream(series: string): void {
    this.#stream = new Stream(this.subject, series, () => this.#tail.end?.toString() ?? '', {
      ticks: message => this.#onTicks(message),
      changed: () => this.#renewEdge(),
      behind: () => {
        this.#stream?.close();
        this.#stream = null;
        this.#renewEdge();
      },
      state: (state, text) =>
        batch(() => {
          this.stream.value = state;
          this.streamText.value = text;
        }),
    });
  }

  #onTicks(message: LiveTicks): void {
    this.lastTick.value = Date.now();
    this.#waiting.push(message);
    // Not once a message: a hundred redraws a second would show no more than a dozen.
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      this.#grow();
    }, FRAME_MS);
  }

  #grow(): void {
    const ticks = this.#waiting.flatMap(ticksOf);
    this.#waiting = [];
    const fresh = this.#tail.push(ticks);
    for (const { tick } of fresh) this.#newest = Math.max(this.#newest, tick.time_us!);
    const shown = this.shown.value;
    const view = this.view.value;
    if (shown === null || view === null || shown.picture.position === null || fresh.length === 0) return;
    const isFollowing = isAtEdge(view, shown.axis);
    const slotsBefore = shown.axis.starts.length;
    const { from, late } = applyTicks(shown.picture, fresh, this.day);
    if (late) this.#renew();
    if (from === null) return;
    const picture = trimmed(shown.picture, MOST_LIVE_POINTS);
    if (picture !== shown.picture) this.#pictures?.put(picture);
    const grown = { picture, axis: this.#axisOf(picture) };
    const next = isFollowing ? following(view, shown.axis, grown.axis) : view;
    batch(() => {
      this.shown.value = grown;
      this.view.value = next;
    });
    const isSame = picture === shown.picture;
    if (isSame) this.screen.grow(grown, next, slotsBefore - 1);
    else this.screen.show(grown, next);
  }

  #renewEdge(): void {
    const reach = this.reach;
    const picture = this.shown.value?.picture;
    if (reach !== null) this.#pictures?.dropFrom(reach.last);
    if (picture !== undefined && picture.position !== null) this.#renew();
  }

  /** Asks again for what is shown, which stays until the answer is there. */
  #renew(): void {
    const view = this.view.value;
    const reach = this.reach;
    if (view !== null && reach !== null) void this.#fetch(view, reach);
  }

  /** What has changed on the server without a stream to say so: history that fills, holes that are mended. */
  async #look(): Promise<void> {
    const before = this.span.value;
    if (document.hidden || before === null) return;
    const span = await this.#ask(() => api.span(this.subject));
    if (span === null) return;
    const isLive = span.live !== null;
    const hasChanged =
      span.first_us !== before.first_us ||
      span.boundary_us !== before.boundary_us ||
      span.live !== before.live ||
      span.kind !== before.kind ||
      (!isLive && span.last_us !== before.last_us);
    this.span.value = span;
    if (span.live !== null) void this.#lookAtEdge();
    if (before.first_us === null || span.kind !== before.kind) {
      if (span.first_us === null) return;
      this.#pictures?.close();
      await this.#begin(null);
      return;
    }
    const picture = this.shown.value?.picture;
    const hasHoles = picture !== undefined && picture.missing.length > 0;
    const isDue = Date.now() - this.#checked > RECHECK_MS && hasHoles;
    if (!hasChanged && !isDue) return;
    this.#pictures?.clear();
    const reach = this.reach;
    if (reach !== null && this.#fitsWhole) {
      this.view.value = whole(reach);
      this.screen.setView(this.view.value);
    }
    if (reach !== null) void this.#fetch(this.view.value!, reach);
  }
  /**
   * Whether what is stored still keeps up with the venue. Its own small question: what is drawn may be complete, and
   * an old part of the history, and must not be asked for again and again.
   */
  async #lookAtEdge(): Promise<void> {
    const now = Date.now();
    if (now - this.#edgeAsked < EDGE_MS) return;
    this.#edgeAsked = now;
    const edge = { from: now * 1000 - MINUTE, to: now * 1000 };
    try {
      const { stale } = await api.bars(this.subject, edge, FEWEST_POINTS, '1m');
      if (this.#isClosed || stale === this.stale.value) return;
      this.stale.value = stale;
      this.#renewEdge();
    } catch (error) {
      // Whoever needs bars says what is wrong.
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
