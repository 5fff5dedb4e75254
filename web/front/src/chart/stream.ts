/** The live stream of a subject: opened at a position, held while the page is seen, and begun again when lost. */

import { liveEvents } from '../api/client';
import type { LiveTicks } from '../api/types';

export type StreamState = 'none' | 'live' | 'stale' | 'lost';

export interface StreamListener {
  ticks(message: LiveTicks): void;
  /** A gap was found, or one was filled: what the server has stored has changed. */
  changed(): void;
  /** Ticks were left out, since this browser was too slow: begin again from what is stored. */
  behind(): void;
  state(state: StreamState, text: string | null): void;
}

const RETRY_MS = 3000;

export class Stream {
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(
    readonly subject: string,
    readonly series: string,
    private readonly position: () => string,
    private readonly listener: StreamListener,
  ) {
    document.addEventListener('visibilitychange', this.#onVisibility);
    if (!document.hidden) this.#open();
  }

  close(): void {
    this.#isClosed = true;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#shut();
  }

  // A browser allows few connections to a host: a page that nobody sees must not hold one.
  readonly #onVisibility = () => {
    if (document.hidden) this.#shut();
    else if (this.#source === null) this.#open();
  };

  #shut(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    const source = new EventSource(liveEvents(this.subject, this.series, this.position()));
    this.#source = source;
    const { listener } = this;
    source.addEventListener('open', () => listener.state('live', null));
    source.addEventListener('tick', event => listener.ticks(JSON.parse(event.data) as LiveTicks));
    source.addEventListener('gap', () => listener.changed());
    source.addEventListener('filled', () => listener.changed());
    source.addEventListener('fresh', () => listener.state('live', null));
    source.addEventListener('stale', event => listener.state('stale', staleText(event.data)));
    source.addEventListener('behind', () => {
      this.#shut();
      listener.behind();
    });
    source.addEventListener('error', () => {
      if (this.#source !== source) return;
      listener.state('lost', null);
      // Opened anew rather than left to the browser: it gives up after an answer that is no stream.
      this.#shut();
      this.#retry = setTimeout(() => {
        if (!this.#isClosed && !document.hidden) this.#open();
      }, RETRY_MS);
    });
  }
}

function staleText(data: string): string | null {
  return (JSON.parse(data) as { reason?: string }).reason ?? null;
}
