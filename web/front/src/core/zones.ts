/** Time zones: offsets and texts of times in microseconds since 1970 UTC. */

export type ZoneName = string;
export const LOCAL: ZoneName = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const BUCKET_US = 30 * 86_400_000_000;

interface Bucket {
  /** Offsets before and from the turn of the clocks in this bucket, if they turn in it. */
  readonly before: number;
  readonly from: number;
  readonly turn: number;
}

const formats = new Map<ZoneName, Intl.DateTimeFormat>();
const buckets = new Map<string, Bucket>();

function askedOffset(zone: ZoneName, time: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const second = Math.floor(time / 1_000_000);
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(second * 1000)) part[type] = Number(value);
  const wall = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!);
  return (wall / 1000 - second) * 1_000_000;
}

/**
 * What is to be added to a time to get its wall clock in the zone, in microseconds.
 *
 * Asking the browser costs some microseconds of work, too much for each bar of a chart: so a month is asked
 * for at its ends, and searched only if the clocks turn in it.
 */
export function offsetAt(zone: ZoneName, time: number): number {
  if (zone === 'UTC') return 0;
  const number = Math.floor(time / BUCKET_US);
  const key = `${zone} ${number}`;
  let bucket = buckets.get(key);
  if (bucket === undefined) {
    let low = number * BUCKET_US;
    let high = low + BUCKET_US;
    const before = askedOffset(zone, low);
    const from = askedOffset(zone, high);
    if (before !== from) {
      while (high - low > 1_000_000) {
        const middle = Math.floor((low + high) / 2_000_000) * 1_000_000;
        if (askedOffset(zone, middle) === before) low = middle;
        else high = middle;
      }
    }
    bucket = { before, from, turn: high };
    buckets.set(key, bucket);
  }
  return time < bucket.turn ? bucket.before : bucket.from;
}

export interface Wall {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micro: number;
}

export function wallAt(zone: ZoneName, time: number): Wall {
  const wall = Math.round(time) + offsetAt(zone, time);
  const second = Math.floor(wall / 1_000_000);
  const date = new Date(second * 1000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    micro: wall - second * 1_000_000,
  };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const two = (value: number) => String(value).padStart(2, '0');

export function monthName(month: number): string {
  return MONTHS[month - 1] ?? '';
}

export type Precision = 'day' | 'minute' | 'second' | 'milli' | 'micro';

/** A time as the crosshair and the lists show it: `Tue 2026-11-03 14:05:09.123`. */
export function timeText(zone: ZoneName, time: number, precision: Precision): string {
  const at = wallAt(zone, time);
  const day = `${WEEKDAYS[at.weekday]} ${at.year}-${two(at.month)}-${two(at.day)}`;
  if (precision === 'day') return day;
  const minute = `${day} ${two(at.hour)}:${two(at.minute)}`;
  if (precision === 'minute') return minute;
  const second = `${minute}:${two(at.second)}`;
  if (precision === 'second') return second;
  const micro = String(at.micro).padStart(6, '0');
  return `${second}.${precision === 'milli' ? micro.slice(0, 3) : micro}`;
}

/** `UTC+1`, `UTC−5`, `UTC+5:30`: what the clocks of the zone show at this time. */
export function offsetText(zone: ZoneName, time: number): string {
  const minutes = Math.round(offsetAt(zone, time) / 60_000_000);
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  const rest = size % 60 === 0 ? '' : `:${two(size % 60)}`;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(size / 60)}${rest}`;
}

/** ISO 8601 in UTC with as many digits as it takes. */
export function isoText(time: number): string {
  const whole = Math.round(time);
  const second = Math.floor(whole / 1_000_000);
  const micro = whole - second * 1_000_000;
  const text = new Date(second * 1000).toISOString().slice(0, 19);
  const digits = micro === 0 ? '' : `.${String(micro).padStart(6, '0').replace(/0+$/, '')}`;
  return `${text}${digits}Z`;
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?Z?)?$/;

/** The time that ISO 8601 text in UTC means, or null. */
export function parseIso(text: string | null): number | null {
  const found = text === null ? null : ISO.exec(text);
  if (!found) return null;
  const [, day, clock = '00:00:00', digits = ''] = found;
  const second = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}Z`);
  if (Number.isNaN(second)) return null;
  return second * 1000 + Number(digits.padEnd(6, '0') || 0);
}
