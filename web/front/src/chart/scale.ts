/**
 * A horizontal scale of times in microseconds, in any time zone.
 *
 * The library's own scale knows UTC only, in seconds; moving times by a zone's offset to make it show another
 * zone would repeat an hour each autumn.
 */

import type {
  ChartOptionsImpl,
  IHorzScaleBehavior,
  InternalHorzScaleItem,
  InternalHorzScaleItemKey,
  LocalizationOptions,
  TickMark,
  TickMarkWeightValue,
  TimeMark,
  TimeScalePoint,
} from 'lightweight-charts';
import { monthName, offsetAt, type Precision, timeText, wallAt, type ZoneName } from '../core/zones';

export type Microseconds = number;

/** Weights of marks: the rarer the border that a slot is the first after, the heavier. */
const BORDERS: readonly (readonly [us: number, weight: number])[] = [
  [86_400_000_000, 50],
  [43_200_000_000, 33],
  [21_600_000_000, 32],
  [10_800_000_000, 31],
  [3_600_000_000, 30],
  [1_800_000_000, 22],
  [300_000_000, 21],
  [60_000_000, 20],
  [10_000_000, 11],
  [1_000_000, 10],
];
const DAY_WEIGHT = 50;
const MONTH_WEIGHT = 60;
const YEAR_WEIGHT = 70;
const MINUTE_WEIGHT = 20;

function weightBetween(zone: ZoneName, before: number, time: number): number {
  const border = BORDERS.find(
    ([us]) =>
      Math.floor((before + offsetAt(zone, before)) / us) !== Math.floor((time + offsetAt(zone, time)) / us),
  );
  if (border === undefined) return 0;
  if (border[1] < DAY_WEIGHT) return border[1];
  const a = wallAt(zone, before);
  const b = wallAt(zone, time);
  if (a.year !== b.year) return YEAR_WEIGHT;
  return a.month !== b.month ? MONTH_WEIGHT : DAY_WEIGHT;
}

const two = (value: number) => String(value).padStart(2, '0');

export class ZonedScale implements IHorzScaleBehavior<Microseconds> {
  zone: ZoneName = 'UTC';
  precision: Precision = 'minute';
  #options: ChartOptionsImpl<Microseconds> | null = null;

  options(): ChartOptionsImpl<Microseconds> {
    return this.#options!;
  }

  setOptions(options: ChartOptionsImpl<Microseconds>): void {
    this.#options = options;
  }

  preprocessData(): void {}

  updateFormatter(options: LocalizationOptions<Microseconds>): void {
    if (this.#options !== null) this.#options.localization = options;
  }

  createConverterToInternalObj(): (time: Microseconds) => InternalHorzScaleItem {
    return time => this.convertHorzItemToInternal(time);
  }

  convertHorzItemToInternal(time: Microseconds): InternalHorzScaleItem {
    return time as unknown as InternalHorzScaleItem;
  }

  key(item: InternalHorzScaleItem | Microseconds): InternalHorzScaleItemKey {
    return item as unknown as InternalHorzScaleItemKey;
  }

  cacheKey(item: InternalHorzScaleItem): number {
    return item as unknown as number;
  }

  formatHorzItem(item: InternalHorzScaleItem): string {
    return timeText(this.zone, item as unknown as number, this.precision);
  }

  formatTickmark(mark: TickMark): string {
    const at = wallAt(this.zone, mark.time as unknown as number);
    if (mark.weight >= YEAR_WEIGHT) return String(at.year);
    if (mark.weight >= MONTH_WEIGHT) return monthName(at.month);
    if (mark.weight >= DAY_WEIGHT) return String(at.day);
    const minute = `${two(at.hour)}:${two(at.minute)}`;
    if (mark.weight >= MINUTE_WEIGHT) return minute;
    const second = `${minute}:${two(at.second)}`;
    return mark.weight > 0 ? second : `${second}.${String(at.micro).padStart(6, '0').slice(0, 3)}`;
  }

  maxTickMarkWeight(marks: TimeMark[]): TickMarkWeightValue {
    return marks.reduce((most, mark) => (mark.weight > most.weight ? mark : most)).weight;
  }

  fillWeightsForPoints(
    points: readonly { -readonly [K in keyof TimeScalePoint]: TimeScalePoint[K] }[],
    from: number,
  ): void {
    for (let i = from; i < points.length; i += 1) {
      const point = points[i]!;
      const time = point.time as unknown as number;
      // The first slot follows nothing: judged by the border that its own second begins.
      const before = i > 0 ? (points[i - 1]!.time as unknown as number) : time - 1;
      point.timeWeight = weightBetween(this.zone, before, time) as TickMarkWeightValue;
    }
  }

  shouldResetTickmarkLabels(): boolean {
    return true;
  }
}
