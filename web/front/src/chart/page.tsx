/** The chart page: a subject, how it is drawn, and what is said about it. */

import { effect, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import '../style/chart.css';
import { ApiError, api } from '../api/client';
import type { Span, Subject } from '../api/types';
import { duration, plural } from '../core/format';
import { CANDLES, type CandleTimeframe, type Timeframe, tradingDay } from '../core/timeframes';
import {
  type ChartState,
  parseState,
  type Side,
  START,
  type Style,
  stateText,
  type ZoneChoice,
  zoneOf,
} from '../core/url';
import { isAtEdge, WIDTHS } from '../core/view';
import { isoText, offsetText, timeText } from '../core/zones';
import { Header } from '../shared/header';
import { HealthStrip } from '../shared/health';
import { remember, remembered } from '../shared/memory';
import { Problem } from '../shared/problem';
import { effectiveTheme } from '../shared/theme';
import type { Band } from './bands';
import { attachGestures } from './gestures';
import { Help } from './help';
import { Legend } from './legend';
import { Plot } from './plot';
import { Search } from './search';
import { ChartSession } from './session';
import { Why } from './why';

const KEY_STEP = 0.12;
const KEY_ZOOM = 0.7;
const ADDRESS_MS = 250;
const SUBJECTS_MS = 5000;
const LADDER: readonly Timeframe[] = [...CANDLES].reverse();
const ZONE_NAMES: Readonly<Record<ZoneChoice, string>> = { utc: 'UTC', ny: 'New York', local: 'Local' };

function preferences(): ChartState {
  return parseState(remembered('chart') ?? '', START);
}

/** The list of subjects, and the span of the one in the address: asked for before anything is drawn. */
class Early {
  #span: Promise<Span> | null;
  #subjects: Promise<Subject[]> | null = api.subjects();

  constructor(readonly subject: string | null) {
    this.#span = subject === null ? null : api.span(subject);
    // Whoever takes them tells what went wrong; nobody may take them.
    this.#span?.catch(() => {});
    this.#subjects?.catch(() => {});
  }

  /** Given once: later it says what was. */
  span(subject: string): Promise<Span> | null {
    const asked = subject === this.subject ? this.#span : null;
    this.#span = null;
    return asked;
  }

  /** Given once, as the span. */
  subjects(): Promise<Subject[]> | null {
    const asked = this.#subjects;
    this.#subjects = null;
    return asked;
  }
}

export function ChartPage() {
  const [state, setState] = useState(() => parseState(window.location.search, preferences()));
  const [early] = useState(() => new Early(state.subject));
  const [subjects, setSubjects] = useState<readonly Subject[] | null>(null);
  const [subjectsProblem, setSubjectsProblem] = useState<ApiError | null>(null);
  const [dialog, setDialog] = useState<'search' | 'help' | null>(null);
  // What the address said last may be older than a choice that was made since.
  const manner = useRef<Manner>(state);

  useEffect(() => {
    const load = async () => {
      try {
        setSubjects(await (early.subjects() ?? api.subjects()));
        setSubjectsProblem(null);
      } catch (error) {
        if (error instanceof ApiError) setSubjectsProblem(error);
      }
    };
    void load();
    const timer = setInterval(() => void (document.hidden || load()), SUBJECTS_MS);
    const back = () => setState(parseState(window.location.search, preferences()));
    window.addEventListener('popstate', back);
    return () => {
      clearInterval(timer);
      window.removeEventListener('popstate', back);
    };
  }, [early]);

  const subject = state.subject ?? subjects?.[0]?.id ?? null;
  const known =
    subjects?.find(one => one.id === subject) ?? subjects?.find(one => one.series.includes(subject ?? ''));

  const choose = (id: string) => {
    setDialog(null);
    if (id === subject) return;
    const { side, style, zone } = manner.current;
    const next = { ...START, subject: id, side, style, zone };
    window.history.pushState(null, '', stateText(next));
    setState(next);
  };

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.key === '/') setDialog('search');
      else if (event.key === '?') setDialog('help');
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  const title = known === undefined ? (subject ?? '') : known.id === subject ? known.title : (subject ?? '');
  useEffect(() => {
    document.title = title === '' ? 'Candlewick' : `${title} · Candlewick`;
  }, [title]);

  return (
    <div class="chart-page">
      <Header page="chart">
        <button type="button" class="subject" onClick={() => setDialog('search')} aria-keyshortcuts="/">
          <span>{title || 'Choose an instrument'}</span>
          <kbd>/</kbd>
        </button>
      </Header>
      {subject !== null && subjects !== null && (known !== undefined || state.subject !== null) ? (
        <Chart
          key={`${subject} ${state.from} ${state.to}`}
          subject={subject}
          title={title}
          assetClass={known?.asset_class ?? ''}
          start={state}
          early={early}
          onManner={chosen => {
            manner.current = chosen;
          }}
          onHelp={() => setDialog('help')}
          hasDialog={dialog !== null}
        />
      ) : (
        <main class="empty">
          {subjectsProblem !== null ? (
            <Problem error={subjectsProblem} />
          ) : subjects === null ? null : (
            <div class="welcome">
              <h1>Nothing is collected yet</h1>
              <p>Choose an instrument, and its history begins to fill.</p>
              <a class="button primary" href="/settings">
                Add an instrument
              </a>
            </div>
          )}
        </main>
      )}
      <HealthStrip />
      {dialog === 'search' && (
        <Search subjects={subjects ?? []} onChoose={choose} onClose={() => setDialog(null)} />
      )}
      {dialog === 'help' && <Help onClose={() => setDialog(null)} />}
    </div>
  );
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return ['INPUT', 'SELECT', 'TEXTAREA'].includes(target.tagName) || target.closest('dialog') !== null;
}

/** How a chart is drawn, whatever its subject. */
type Manner = Pick<ChartState, 'side' | 'style' | 'zone'>;

interface ChartProps {
  subject: string;
  title: string;
  assetClass: string;
  start: ChartState;
  early: Early;
  hasDialog: boolean;
  onHelp: () => void;
  onManner: (manner: Manner) => void;
}

interface Pointed {
  band: Band;
  x: number;
  y: number;
}

function Chart({ subject, title, assetClass, start, early, hasDialog, onHelp, onManner }: ChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const [tools, setTools] = useState<{ plot: Plot; session: ChartSession } | null>(null);
  const [side, setSide] = useState<Side>(start.side);
  const [style, setStyle] = useState<Style>(start.style);
  const [zoneChoice, setZone] = useState<ZoneChoice>(start.zone);
  const [why, setWhy] = useState<Pointed | null>(null);
  const slot = useSignal<number | null>(null);
  const zone = zoneOf(zoneChoice);

  useEffect(() => {
    const plot = new Plot(element.current!, hovered => {
      slot.value = hovered;
    });
    const view = start.from === null || start.to === null ? null : { from: start.from, to: start.to };
    const shown = { view, timeframe: start.timeframe, locked: start.locked };
    const session = new ChartSession(subject, tradingDay(assetClass), plot, shown, early.span(subject));
    const size = new ResizeObserver(() => plot.resize());
    size.observe(element.current!);
    const detach = attachGestures(element.current!, () => plot.width, {
      zoom: (x, factor) => {
        setWhy(null);
        session.zoom(x / plot.width, factor);
      },
      move: pixels => {
        setWhy(null);
        session.move(pixels / plot.width);
      },
      tap: (x, y) => {
        const band = plot.bandAt(x);
        setWhy(band === null ? null : { band, x, y });
      },
      reset: () => plot.autoscale(),
    });
    const stopLook = effect(() => {
      effectiveTheme.value;
      plot.relook();
    });
    setTools({ plot, session });
    return () => {
      stopLook();
      detach();
      size.disconnect();
      session.close();
      plot.remove();
    };
  }, [subject, assetClass, start, early, slot]);

  const digits = tools?.session.span.value?.price_scale ?? 5;
  const isQuotes = (tools?.session.span.value?.kind ?? 'quotes') === 'quotes';

  useEffect(() => {
    tools?.plot.setManner({ side, style, zone, digits });
    remember('chart', stateText({ ...START, side, style, zone: zoneChoice }));
    onManner({ side, style, zone: zoneChoice });
  }, [tools, side, style, zone, zoneChoice, digits]);

  useAddress(tools?.session ?? null, { subject, side, style, zone: zoneChoice });
  useKeys(tools, hasDialog, { setWhy, setSide, setStyle, setZone });

  const session = tools?.session;
  const shown = session?.shown.value ?? null;
  const view = session?.view.value ?? null;
  const problem = session?.problem.value ?? null;
  const isEmpty = session?.span.value != null && session.span.value.first_us === null;
  return (
    <main class="chart" data-loading={session?.isLoading.value} data-timeframe={session?.timeframe.value}>
      <div class="tools" role="toolbar" aria-label="Chart">
        <Ladder session={session ?? null} />
        <span class="spring" />
        {isQuotes && <Choice label="Price" value={side} onChange={setSide} options={['bid', 'mid', 'ask']} />}
        <Choice label="Drawn as" value={style} onChange={setStyle} options={['candles', 'line']} />
        <label class="select">
          <span class="visually-hidden">Time zone</span>
          <select value={zoneChoice} onChange={event => setZone(event.currentTarget.value as ZoneChoice)}>
            {Object.entries(ZONE_NAMES).map(([choice, name]) => (
              <option key={choice} value={choice}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="quiet icon"
          aria-label="Keys and gestures"
          title="Keys and gestures"
          onClick={onHelp}
        >
          ?
        </button>
      </div>
      <div class="stage">
        <section
          class="plot"
          ref={element}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the chart takes keys
          tabIndex={0}
          aria-label={`Chart of ${title}. Arrows move, plus and minus zoom, question mark lists the keys.`}
        />
        {shown !== null && view !== null && (
          <div class="legend">
            <h1>
              {title}
              <span class="legend-timeframe">{shown.picture.timeframe}</span>
            </h1>
            <p class="legend-series">{shown.picture.series.join('  →  ')}</p>
            <LegendValues {...{ shown, view, slot, side, zone, digits }} />
          </div>
        )}
        {isEmpty && (
          <div class="welcome">
            <h1>{title}</h1>
            <p>Nothing has landed yet. The chart fills by itself as soon as the first hours are there.</p>
            <a href="/settings">See how far it is</a>
          </div>
        )}
        {problem !== null && (
          <Problem
            error={problem}
            onCandidate={one => window.location.assign(`/?s=${encodeURIComponent(one)}`)}
          >
            {problem.status === 404 && (
              <p>
                <a href={`/settings?add=${encodeURIComponent(subject)}`}>
                  Look for {subject} in the settings
                </a>
              </p>
            )}
          </Problem>
        )}
        {why !== null && (
          <Why {...why} zone={zone} series={shown?.picture.series ?? []} onClose={() => setWhy(null)} />
        )}
      </div>
      {session && <Status session={session} zone={zone} />}
    </main>
  );
}

function LegendValues(
  props: Omit<Parameters<typeof Legend>[0], 'slot'> & { slot: { value: number | null } },
) {
  const { slot, ...rest } = props;
  return <Legend {...rest} slot={slot.value} />;
}

function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly T[];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{props.label}</legend>
      {props.options.map(option => (
        <button
          type="button"
          key={option}
          aria-pressed={option === props.value}
          onClick={() => props.onChange(option)}
        >
          {option}
        </button>
      ))}
    </fieldset>
  );
}

/** How deep the view is: from weeks down to ticks. A step holds its timeframe; the mark lets go again. */
function Ladder({ session }: { session: ChartSession | null }) {
  const current = session?.timeframe.value ?? null;
  const isLocked = session?.locked.value ?? false;
  return (
    <fieldset class="ladder" data-locked={isLocked}>
      <legend class="visually-hidden">Timeframe</legend>
      <button
        type="button"
        class="ladder-auto"
        aria-pressed={!isLocked}
        title="The timeframe follows the zoom"
        onClick={() => session?.lock(null)}
      >
        auto
      </button>
      {LADDER.map(timeframe => (
        <button
          type="button"
          key={timeframe}
          class="rung"
          aria-pressed={isLocked && timeframe === current}
          data-current={timeframe === current}
          title={`Hold ${timeframe} at any zoom`}
          onClick={() => session?.lock(timeframe as CandleTimeframe)}
        >
          {timeframe}
        </button>
      ))}
      <span
        class="rung"
        data-current={current === 'tick'}
        title="Single ticks: zoom in until they are few enough"
      >
        tick
      </span>
    </fieldset>
  );
}

function Status({ session, zone }: { session: ChartSession; zone: string }) {
  const view = session.view.value;
  const shown = session.shown.value;
  const stale = session.stale.value;
  const stream = session.stream.value;
  const streamWords = {
    none: null,
    live: 'live',
    stale: session.streamText.value ?? 'live data is held up',
    lost: 'live stream lost, trying again',
  }[stream];
  if (view === null || shown === null) return <p class="status" />;
  const { axis, picture } = shown;
  const left = Math.max(0, Math.ceil(axis.logicalOf(view.from)));
  const right = Math.min(axis.starts.length - 1, Math.floor(axis.logicalOf(view.to)));
  let bars = 0;
  for (let slot = left; slot <= right; slot += 1) if (axis.bars[slot]! >= 0) bars += 1;
  const span = view.to - view.from;
  const precision =
    span < 120e6 ? 'milli' : span < 2 * 86_400e6 ? 'second' : span < 60 * 86_400e6 ? 'minute' : 'day';
  const unit =
    picture.timeframe === 'tick'
      ? picture.kind === 'quotes'
        ? 'quote'
        : 'trade'
      : `${picture.timeframe} candle`;
  return (
    <p class="status">
      <span class="status-range">
        <time dateTime={isoText(view.from)}>{timeText(zone, view.from, precision)}</time>
        {' – '}
        <time dateTime={isoText(view.to)}>{timeText(zone, view.to, precision)}</time>{' '}
        {offsetText(zone, view.to)}
      </span>
      <span>{duration(span / 1e6)}</span>
      <span data-count={bars}>{plural(bars, unit)}</span>
      {session.isLoading.value && <span class="status-loading">loading</span>}
      <span class="spring" />
      {stale !== null && (
        <span class="status-stale" role="status">
          Stale: {stale}
        </span>
      )}
      {/* The connection lives while nothing comes through it. */}
      {streamWords !== null && !(stale !== null && stream === 'live') && (
        <span class="status-stream" data-state={stream} role="status">
          <span class="dot" aria-hidden="true" /> {streamWords}
          {stream === 'live' && isAtEdge(view, axis) ? ', following' : ''}
        </span>
      )}
    </p>
  );
}

/** Keeps the page's address as what is seen, a moment after it rests. */
function useAddress(session: ChartSession | null, said: Manner & Pick<ChartState, 'subject'>) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const write = () => {
    clearTimeout(timer.current);
    const view = session?.view.value;
    const timeframe = session?.timeframe.value ?? null;
    const locked = session?.locked.value ?? false;
    if (!view || timeframe === null) return;
    timer.current = setTimeout(() => {
      const from = Math.round(view.from);
      const to = Math.round(view.to);
      window.history.replaceState(null, '', stateText({ ...said, from, to, timeframe, locked }));
    }, ADDRESS_MS);
  };
  useSignalEffect(write);
  useEffect(write);
  useEffect(() => () => clearTimeout(timer.current), []);
}

interface KeyTargets {
  setWhy: (why: null) => void;
  setSide: (side: Side) => void;
  setStyle: (style: Style) => void;
  setZone: (change: (zone: ZoneChoice) => ZoneChoice) => void;
}

function useKeys(tools: { plot: Plot; session: ChartSession } | null, hasDialog: boolean, to: KeyTargets) {
  const { setSide, setStyle, setZone, setWhy } = to;
  useEffect(() => {
    if (tools === null || hasDialog) return;
    const { session } = tools;
    const sides: Record<string, Side> = { b: 'bid', m: 'mid', a: 'ask' };
    const styles: Record<string, Style> = { c: 'candles', l: 'line' };
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const step = event.shiftKey ? 1 : KEY_STEP;
      const width = WIDTHS[Number(key) - 1];
      if (key === 'ArrowLeft') session.move(-step);
      else if (key === 'ArrowRight') session.move(step);
      else if (key === 'ArrowUp' || key === '+' || key === '=') session.zoom(0.5, KEY_ZOOM);
      else if (key === 'ArrowDown' || key === '-' || key === '_') session.zoom(0.5, 1 / KEY_ZOOM);
      else if (key === 'Home') session.showEnd('first');
      else if (key === 'End') session.showEnd('last');
      else if (key === '0') session.showWhole();
      else if (width !== undefined) session.showWidth(width[1]);
      else if (sides[key] !== undefined) setSide(sides[key]);
      else if (styles[key] !== undefined) setStyle(styles[key]);
      else if (key === 't') setZone(zone => ({ utc: 'ny', ny: 'local', local: 'utc' })[zone] as ZoneChoice);
      else return;
      event.preventDefault();
      setWhy(null);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [tools, hasDialog, setSide, setStyle, setZone, setWhy]);
}
