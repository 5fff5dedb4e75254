/** Requests to the server, and what went wrong with one, in words that a person can act on. */

import type {
  Bars,
  Day,
  Health,
  HourRow,
  Instrument,
  Job,
  Series,
  Setting,
  Span,
  Subject,
  Tested,
} from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly remedy: string | null,
    readonly candidates: readonly string[],
  ) {
    super(message);
  }

  /** Whether the same request may succeed later: the server or one behind it is away. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 503;
  }
}

function asError(status: number, body: unknown): ApiError {
  const told = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const text = typeof told.error === 'string' ? told.error : `The server answered ${status}.`;
  const remedy = typeof told.remedy === 'string' && told.remedy !== '' ? told.remedy : null;
  const candidates = Array.isArray(told.candidates) ? told.candidates.map(String) : [];
  return new ApiError(status, text, remedy, candidates);
}

async function request<T>(path: string, options: RequestInit): Promise<T> {
  let answer: Response;
  let body: unknown = null;
  try {
    answer = await fetch(`/api${path}`, options);
    if (answer.headers.get('content-type')?.includes('json')) body = await answer.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(
      0,
      'The Candlewick server does not answer.',
      'Look whether it runs: candlewick status',
      [],
    );
  }
  if (!answer.ok) throw asError(answer.status, body);
  return body as T;
}

type Parameters_ = Record<string, string | number | null | undefined>;

function query(parameters: Parameters_): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

const get = <T>(path: string, parameters: Parameters_ = {}, signal?: AbortSignal) =>
  request<T>(path + query(parameters), signal ? { signal } : {});

const change = <T>(method: 'POST' | 'DELETE', path: string, body: object) =>
  request<T>(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const series = (name: string) => `/series/${encodeURIComponent(name)}`;
const subject = (id: string) => `/chart/${encodeURIComponent(id)}`;

export const api = {
  instruments: (text: string, signal?: AbortSignal) =>
    get<{ instruments: Instrument[] }>('/instruments', { query: text, limit: 20 }, signal).then(
      found => found.instruments,
    ),
  series: () => get<{ series: Series[] }>('/series').then(found => found.series),
  days: (name: string, from_us: number, to_us: number) =>
    get<{ days: Day[] }>(`${series(name)}/days`, { from_us, to_us }).then(found => found.days),
  hours: (name: string, from_us: number, to_us: number) =>
    get<{ hours: HourRow[] }>(`${series(name)}/hours`, { from_us, to_us }).then(found => found.hours),
  health: () => get<Health>('/health'),
  settings: () => get<{ settings: Setting[] }>('/settings').then(found => found.settings),
  subjects: () => get<{ subjects: Subject[] }>('/chart/subjects').then(found => found.subjects),
  span: (id: string) => get<Span>(`${subject(id)}/span`),
  bars: (
    id: string,
    window: { from: number; to: number },
    points: number,
    timeframe: string | null,
    signal?: AbortSignal,
  ) =>
    get<Bars>(`${subject(id)}/bars`, { from_us: window.from, to_us: window.to, points, timeframe }, signal),
  job: (id: string) => get<Job>(`/jobs/${encodeURIComponent(id)}`),

  add: (symbol: string, from: string | null) => change<{ job: string }>('POST', '/series', { symbol, from }),
  backfill: (name: string, from: string, to: string) =>
    change<{ job: string }>('POST', `${series(name)}/backfill`, { from, to }),
  repair: (name: string) => change<{ job: string }>('POST', `${series(name)}/repair`, {}),
  cancel: (name: string) => change<{ ended: number }>('DELETE', `${series(name)}/backfill`, {}),
  pause: (name: string) => change<Series>('POST', `${series(name)}/pause`, {}),
  resume: (name: string) => change<Series>('POST', `${series(name)}/resume`, {}),
  remove: (name: string, deleteData: string | null) =>
    change<unknown>('DELETE', series(name), { delete_data: deleteData }),
  test: (what: string) => change<Tested>('POST', '/settings/test', { what }),
};

export const jobEvents = (id: string) => `/api/jobs/${encodeURIComponent(id)}/events`;
export const liveEvents = (id: string, name: string, position: string) =>
  `/api${subject(id)}/live${query({ series: name, position })}`;
