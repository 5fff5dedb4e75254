/** What the chart page shows, as its address says it: reloading gives the same picture. */

import { isTimeframe, type Timeframe } from './timeframes';
import { isoText, LOCAL, parseIso, type ZoneName } from './zones';

export type Side = 'bid' | 'mid' | 'ask';
export type Style = 'candles' | 'line';
export type ZoneChoice = 'utc' | 'ny' | 'local';

export interface ChartState {
  readonly subject: string | null;
  readonly from: number | null;
  readonly to: number | null;
  readonly timeframe: Timeframe | null;
  /** Whether the timeframe was chosen by the user and stays at any zoom. */
  readonly locked: boolean;
  readonly side: Side;
  readonly style: Style;
  readonly zone: ZoneChoice;
}

export const START: ChartState = {
  subject: null,
  from: null,
  to: null,
  timeframe: null,
  locked: false,
  side: 'bid',
  style: 'candles',
  zone: 'utc',
};

const SIDES: readonly string[] = ['bid', 'mid', 'ask'];
const STYLES: readonly string[] = ['candles', 'line'];
const ZONES: readonly string[] = ['utc', 'ny', 'local'];

function oneOf<T extends string>(allowed: readonly string[], text: string | null, otherwise: T): T {
  return text !== null && allowed.includes(text) ? (text as T) : otherwise;
}

export function parseState(search: string, otherwise: ChartState = START): ChartState {
  const given = new URLSearchParams(search);
  const timeframe = given.get('tf');
  let from = parseIso(given.get('from'));
  let to = parseIso(given.get('to'));
  if (from === null || to === null || from >= to) from = to = null;
  return {
    subject: given.get('s') || null,
    from,
    to,
    timeframe: isTimeframe(timeframe) ? timeframe : null,
    locked: isTimeframe(timeframe) && given.has('lock'),
    side: oneOf(SIDES, given.get('side'), otherwise.side),
    style: oneOf(STYLES, given.get('style'), otherwise.style),
    zone: oneOf(ZONES, given.get('tz'), otherwise.zone),
  };
}

export function stateText(state: ChartState): string {
  const said: [string, string | null][] = [
    ['s', state.subject],
    ['from', state.from === null ? null : isoText(state.from)],
    ['to', state.to === null ? null : isoText(state.to)],
    ['tf', state.timeframe],
    ['lock', state.locked ? '1' : null],
    ['side', state.side],
    ['style', state.style],
    ['tz', state.zone],
  ];
  const text = said
    .filter((one): one is [string, string] => one[1] !== null)
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%3A', ':')}`);
  return `?${text.join('&')}`;
}

export function zoneOf(choice: ZoneChoice): ZoneName {
  return { utc: 'UTC', ny: 'America/New_York', local: LOCAL }[choice];
}
