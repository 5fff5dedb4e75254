/** The health strip: each part of the platform, and how it is. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Health, Part } from '../api/types';

const health = signal<Health | null>(null);
const problem = signal<ApiError | null>(null);
const POLL_MS = 2000;
const STATE_WORDS: Readonly<Record<Part['state'], string>> = {
  ok: 'works',
  warn: 'needs a look',
  down: 'is down',
  off: 'is off',
};

// Polled, not streamed: a browser allows six streams to a host for all of its tabs together.
async function poll(): Promise<void> {
  if (document.hidden) return;
  try {
    health.value = await api.health();
    problem.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    problem.value = error;
  }
}

export function HealthStrip() {
  useEffect(() => {
    void poll();
    const timer = setInterval(() => void poll(), POLL_MS);
    const look = () => void poll();
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, []);

  const away = problem.value;
  const parts = health.value?.parts ?? [];
  const bad = parts.filter(part => part.state === 'down' || part.state === 'warn');
  const summary =
    away !== null ? 'no answer' : bad.length > 0 ? bad.map(part => part.name).join(', ') : 'all works';
  return (
    <section class="health" aria-label="Health of the platform">
      <ul class="health-parts">
        {away !== null && (
          <li class="part" data-state="down" data-part="server">
            <span class="dot" aria-hidden="true" />
            <b>server</b>
            <span class="part-text">{away.message}</span>
          </li>
        )}
        {parts.map(part => (
          <PartItem key={part.name} part={part} isStale={away !== null} />
        ))}
      </ul>
      <span class="visually-hidden" role="status">
        {`Health: ${summary}`}
      </span>
    </section>
  );
}

function PartItem({ part, isStale }: { part: Part; isStale: boolean }) {
  const about = [part.text, part.remedy].filter(Boolean).join(' — ');
  const isBad = part.state === 'down' || part.state === 'warn';
  const inner = (
    <>
      <span class="dot" aria-hidden="true" />
      <b>{part.name}</b>
      <span class={isBad ? 'part-text' : 'visually-hidden'}>
        {isBad ? part.text : STATE_WORDS[part.state]}
      </span>
    </>
  );
  return (
    <li class="part" data-state={isStale ? 'off' : part.state} data-part={part.name} title={about}>
      {part.dagster_url === null ? (
        inner
      ) : (
        <a href={part.dagster_url} target="_blank" rel="noreferrer">
          {inner}
        </a>
      )}
    </li>
  );
}
