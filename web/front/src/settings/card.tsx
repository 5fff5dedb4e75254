/** A series: its state, what it has and lacks, and what can be done about it. */

import { useState } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Backfill, Hours, Series } from '../api/types';
import { bytes, duration, grouped, pace, plural } from '../core/format';
import { timeText } from '../core/zones';
import { Problem } from '../shared/problem';
import { BackfillDialog, RemoveDialog } from './dialogs';
import { HeatMapOf } from './heatmap';
import { JobSteps } from './job';

interface Props {
  series: Series;
  onChanged: () => void;
}

const TONES: Readonly<Record<string, string>> = {
  streaming: 'ok',
  complete: 'ok',
  filling: 'busy',
  failed: 'bad',
  closed: 'off',
  quiet: 'off',
  paused: 'off',
};

const NEVER_AGAIN = 'OANDA streams prices once and cannot give them again';
const REPAIRS_ITSELF = "The venue's worker repairs its holes by itself";

export function SeriesCard({ series, onChanged }: Props) {
  const [dialog, setDialog] = useState<'backfill' | 'remove' | null>(null);
  const [job, setJob] = useState<{ id: string; title: string } | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);

  const act = async (change: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await change();
      onChanged();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const begin = (title: string, change: () => Promise<{ job: string }>) =>
    act(async () => setJob({ id: (await change()).job, title }));

  const { name, hours } = series;
  const noBackfill = series.live && series.venue === 'oanda' ? NEVER_AGAIN : undefined;
  const noRepair = series.live ? (noBackfill ?? REPAIRS_ITSELF) : undefined;
  return (
    <article class="card" id={name} data-series={name}>
      <header class="card-head">
        <h3>
          <a href={`/?s=${encodeURIComponent(name)}`}>{series.title}</a>
        </h3>
        <code>{name}</code>
        <p class="card-state" data-tone={series.paused ? 'off' : (TONES[series.state] ?? 'warn')}>
          <span class="dot" aria-hidden="true" />
          <b>{series.paused ? 'paused' : series.state}</b> <span>{series.state_text}</span>
        </p>
      </header>
      <div class="card-body">
        <dl class="figures">
          <Figure name="Ticks" text={grouped(series.ticks)} />
          <Figure name="Disk" text={bytes(series.bytes)} />
          <Figure
            name="First"
            text={series.first_us === null ? 'none' : timeText('UTC', series.first_us, 'day').slice(4)}
          />
          <Figure
            name="Last tick"
            text={
              series.last_tick_us === null ? 'none' : timeText('UTC', series.last_tick_us, 'second').slice(4)
            }
          />
          <Figure name="Lag" text={series.lag_s === null ? '–' : duration(series.lag_s)} />
          <Figure name="Open gaps" text={grouped(series.open_gaps)} isBad={series.open_gaps > 0} />
        </dl>
        <HoursBar hours={hours} />
        {series.backfill !== null && (
          <Progress
            backfill={series.backfill}
            isBusy={isBusy}
            onStop={() => void act(() => api.cancel(name))}
          />
        )}
      </div>
      <HeatMapOf series={series} />
      <div class="card-acts">
        <button
          type="button"
          disabled={isBusy}
          onClick={() => void act(() => (series.paused ? api.resume(name) : api.pause(name)))}
        >
          {series.paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          disabled={isBusy || noBackfill !== undefined}
          title={noBackfill}
          onClick={() => setDialog('backfill')}
        >
          Backfill a range …
        </button>
        <button
          type="button"
          disabled={isBusy || noRepair !== undefined || hours.failed + hours.pending + series.open_gaps === 0}
          title={noRepair}
          onClick={() => void begin(`Repairing ${name}`, () => api.repair(name))}
        >
          Repair holes
        </button>
        <span class="spring" />
        <button type="button" class="quiet" disabled={isBusy} onClick={() => setDialog('remove')}>
          Remove …
        </button>
      </div>
      {problem !== null && <Problem error={problem} onClose={() => setProblem(null)} />}
      {job !== null && (
        <JobSteps key={job.id} id={job.id} title={job.title} onEnd={onChanged} onClose={() => setJob(null)} />
      )}
      {dialog === 'backfill' && (
        <BackfillDialog
          series={series}
          onClose={() => setDialog(null)}
          onStart={(from, to) => {
            setDialog(null);
            void begin(`Backfilling ${name}`, () => api.backfill(name, from, to));
          }}
        />
      )}
      {dialog === 'remove' && (
        <RemoveDialog
          series={series}
          onClose={() => setDialog(null)}
          onRemove={deleteData => {
            setDialog(null);
            void act(() => api.remove(name, deleteData));
          }}
        />
      )}
    </article>
  );
}

function Figure({ name, text, isBad = false }: { name: string; text: string; isBad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-bad={isBad}>{text}</dd>
    </div>
  );
}

const STATES: readonly (keyof Hours)[] = ['data', 'closed', 'pending', 'failed'];

function HoursBar({ hours }: { hours: Hours }) {
  return (
    <ul class="hours-bar" aria-label="Hours by state">
      {STATES.map(state => (
        <li key={state} data-state={state} data-none={hours[state] === 0}>
          <b>{grouped(hours[state])}</b> {state}
        </li>
      ))}
    </ul>
  );
}

interface ProgressProps {
  backfill: Backfill;
  isBusy: boolean;
  onStop: () => void;
}

function Progress({ backfill, isBusy, onStop }: ProgressProps) {
  const { done, total, rate_per_s: rate, eta_s: eta, url } = backfill;
  return (
    <div class="backfill">
      <progress max={total} value={done} aria-label="Backfill" />
      <p>
        <b>{total === 0 ? '0' : Math.floor((done / total) * 100)}%</b> backfill, {grouped(done)} of{' '}
        {plural(total, 'day')}
        {rate !== null && rate > 0 && <>, {pace(rate, 'day')}</>}
        {eta !== null && <>, {duration(eta)} to go</>}
        {url !== null && (
          <>
            {' · '}
            <a href={url} target="_blank" rel="noreferrer">
              run in Dagster
            </a>
          </>
        )}
      </p>
      <button type="button" class="quiet" disabled={isBusy} onClick={onStop}>
        Stop backfill
      </button>
    </div>
  );
}
