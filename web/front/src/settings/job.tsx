/** A job of the server, step by step as it happens. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError, api, jobEvents } from '../api/client';
import type { Job } from '../api/types';
import { Problem } from '../shared/problem';

const RETRY_MS = 2000;

/** Follows a job until it has ended; told by events, and asked for where they break off. */
export function useJob(id: string, onEnd: () => void): { job: Job | null; problem: ApiError | null } {
  const [job, setJob] = useState<Job | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  // Not by `onEnd`: a new callback is no new job.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const source = new EventSource(jobEvents(id));
    const take = (told: Job) => {
      setJob(told);
      setProblem(null);
      if (told.state === 'running') return true;
      source.close();
      onEnd();
      return false;
    };
    const ask = async () => {
      try {
        if (take(await api.job(id))) timer = setTimeout(() => void ask(), RETRY_MS);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setProblem(error);
        if (error.passes) timer = setTimeout(() => void ask(), RETRY_MS);
      }
    };
    source.addEventListener('job', event => take(JSON.parse(event.data) as Job));
    source.addEventListener('error', () => {
      source.close();
      void ask();
    });
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [id]);
  return { job, problem };
}

const MARKS = { waiting: '·', running: '…', done: '✓', failed: '✕' } as const;

interface Props {
  id: string;
  title: string;
  /** Whose chart there is to open as soon as its series are there. */
  symbol?: string;
  onEnd: () => void;
  onClose: () => void;
}

export function JobSteps({ id, title, symbol, onEnd, onClose }: Props) {
  const { job, problem } = useJob(id, onEnd);
  const state = job?.state ?? 'running';
  const hasSeries = job?.steps.some(step => step.name === 'series' && step.state === 'done') ?? false;
  return (
    <div class="job" data-state={state} role="status" aria-label={title}>
      <header>
        <h3>{title}</h3>
        <span class="job-state">{{ running: 'under way', done: 'done', failed: 'failed' }[state]}</span>
        {state !== 'running' && (
          <button type="button" class="quiet icon" aria-label="Close" onClick={onClose}>
            ×
          </button>
        )}
      </header>
      <ol class="steps">
        {job?.steps.map((step, index) => (
          <li key={`${index} ${step.name}`} data-state={step.state} data-step={step.name}>
            <span class="step-mark" aria-hidden="true">
              {MARKS[step.state]}
            </span>
            <span>
              {step.text}
              {step.error && <strong class="step-error">{step.error}</strong>}
              {step.remedy && <span class="note"> {step.remedy}</span>}
            </span>
          </li>
        ))}
      </ol>
      {problem !== null && <Problem error={problem} />}
      {symbol !== undefined && hasSeries && (
        <p class="job-links">
          <a href={`/?s=${encodeURIComponent(symbol)}`}>Open the chart</a>
        </p>
      )}
    </div>
  );
}
