/**
 * Up to where the live topic is known, as the server writes it.
 *
 * `12:34` says: all at or before that entry of that ledger. While hours are stored up to different positions, those
 * of hours that hold more follow: `12:34;1798761600000000=12:90`.
 */

import { HOUR } from './timeframes';

export function comparePositions(a: string, b: string): number {
  const [ledgerA = 0, entryA = 0] = a.split(':').map(Number);
  const [ledgerB = 0, entryB = 0] = b.split(':').map(Number);
  return ledgerA - ledgerB || entryA - entryB;
}

const later = (a: string, b: string) => (comparePositions(a, b) >= 0 ? a : b);

export class Resume {
  private constructor(
    readonly begin: string,
    readonly hours: ReadonlyMap<number, string>,
  ) {}

  static parse(text: string): Resume {
    const [begin = '', ...hours] = text.split(';');
    const known = hours.map(one => {
      const [hour = '', position = ''] = one.split('=');
      return [Number(hour), position] as const;
    });
    return new Resume(begin, new Map(known));
  }

  /** Whether what lies at a position, and happened at a time, is known already. */
  knows(position: string, time: number): boolean {
    return comparePositions(position, this.#knownOf(Math.floor(time / HOUR) * HOUR)) <= 0;
  }

  /** Whether all that another knows is known here too. */
  includes(other: Resume): boolean {
    return (
      comparePositions(other.begin, this.begin) <= 0 &&
      [...other.hours].every(([hour, position]) => comparePositions(position, this.#knownOf(hour)) <= 0)
    );
  }

  /** The same once all up to a position is known. */
  advanced(to: string): Resume {
    const begin = later(to, this.begin);
    const beyond = [...this.hours].filter(([, position]) => comparePositions(position, begin) > 0);
    return new Resume(begin, new Map(beyond));
  }

  toString(): string {
    return [this.begin, ...[...this.hours].map(([hour, position]) => `${hour}=${position}`)].join(';');
  }

  #knownOf(hour: number): string {
    const own = this.hours.get(hour);
    return own === undefined ? this.begin : later(own, this.begin);
  }
}
