/** Pictures of one subject: from the cache, or from the server, each asked for once. */

import { api } from '../api/client';
import type { Kind } from '../api/types';
import { PictureCache } from '../core/cache';
import { type Picture, pictureOf } from '../core/picture';
import type { Timeframe } from '../core/timeframes';
import type { Reach, View } from '../core/view';

const MOST_POINTS = 200_000;

export class Pictures {
  readonly #cache = new PictureCache(MOST_POINTS);
  readonly #asked = new Map<string, Promise<Picture>>();
  readonly #stop = new AbortController();
  /** Counts what was dropped: an answer to a question from before must not be kept. */
  #epoch = 0;

  constructor(
    readonly subject: string,
    readonly kind: Kind,
  ) {}

  find(view: View, reach: Reach, timeframe: Timeframe | null): Picture | null {
    return this.#cache.find(view, reach, timeframe);
  }

  async load(window: View, points: number, timeframe: Timeframe | null): Promise<Picture> {
    const key = `${window.from} ${window.to} ${points} ${timeframe} ${this.#epoch}`;
    const asked = this.#asked.get(key) ?? this.#ask(window, points, timeframe);
    this.#asked.set(key, asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(key);
    }
  }

  /** Whether a question is under way. */
  get isBusy(): boolean {
    return this.#asked.size > 0;
  }

  put(picture: Picture): void {
    this.#cache.put(picture);
  }

  dropFrom(time: number): void {
    this.#epoch += 1;
    this.#cache.dropFrom(time);
  }

  clear(): void {
    this.#epoch += 1;
    this.#cache.clear();
  }

  close(): void {
    this.#stop.abort();
  }

  async #ask(window: View, points: number, timeframe: Timeframe | null): Promise<Picture> {
    const epoch = this.#epoch;
    const bars = await api.bars(this.subject, window, points, timeframe, this.#stop.signal);
    const picture = pictureOf(bars, this.kind);
    if (epoch === this.#epoch) this.#cache.put(picture);
    return picture;
  }
}
