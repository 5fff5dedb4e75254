/** Pictures that were had before, so that a zoom or a step back asks nobody. */

import type { Picture } from './picture';
import { timesOf } from './picture';
import type { Timeframe } from './timeframes';
import type { Reach, View } from './view';

/** A picture of more than this many times the view has bars too coarse for it. */
const TOO_WIDE = 5;

export class PictureCache {
  /** Oldest use first. */
  readonly #kept: Picture[] = [];
  #points = 0;

  constructor(readonly mostPoints: number) {}

  get points(): number {
    return this.#points;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Keeps a picture in place of one of the same timeframe and bounds, and drops what was used longest ago. */
  put(picture: Picture): void {
    this.#remove(
      other =>
        other.timeframe === picture.timeframe && other.from === picture.from && other.to === picture.to,
    );
    this.#kept.push(picture);
    this.#points += cost(picture);
    while (this.#points > this.mostPoints && this.#kept.length > 1) {
      this.#points -= cost(this.#kept.shift()!);
    }
  }

  /**
   * The narrowest picture that shows all of a view, as far as the history reaches.
   *
   * Without a timeframe only those will do that the server chose for a view of about this size.
   */
  find(view: View, reach: Reach, timeframe: Timeframe | null): Picture | null {
    const from = Math.max(view.from, reach.first);
    const to = Math.min(view.to, reach.last);
    const span = view.to - view.from;
    let best: Picture | null = null;
    for (const picture of this.#kept) {
      const fits =
        timeframe === null ? picture.to - picture.from <= span * TOO_WIDE : picture.timeframe === timeframe;
      const covers = picture.from <= from && picture.to >= to;
      if (fits && covers && (best === null || picture.to - picture.from <= best.to - best.from))
        best = picture;
    }
    if (best !== null) {
      this.#kept.splice(this.#kept.indexOf(best), 1);
      this.#kept.push(best);
    }
    return best;
  }

  /** Drops those that end at or after a time: what is there has changed. */
  dropFrom(time: number): void {
    this.#remove(picture => picture.to >= time);
  }

  clear(): void {
    this.#remove(() => true);
  }

  #remove(condition: (picture: Picture) => boolean): void {
    for (let i = this.#kept.length - 1; i >= 0; i -= 1) {
      if (condition(this.#kept[i]!)) this.#points -= cost(this.#kept.splice(i, 1)[0]!);
    }
  }
}

/** Points as counted when the picture was put; one that grows live is trimmed by whoever grows it. */
function cost(picture: Picture): number {
  const known = costs.get(picture);
  if (known !== undefined) return known;
  const points = Math.max(timesOf(picture).length, 1);
  costs.set(picture, points);
  return points;
}

const costs = new WeakMap<Picture, number>();
