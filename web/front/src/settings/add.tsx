/** Search over all instruments, and the adding of one. */

import { useState } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Instrument } from '../api/types';
import { lacking } from '../core/venues';
import { timeText } from '../core/zones';
import { useInstruments } from '../shared/instruments';
import { Problem } from '../shared/problem';
import { JobSteps } from './job';

interface Started {
  job: string;
  symbol: string;
  title: string;
}

export function AddInstrument({ onChanged }: { onChanged: () => void }) {
  const [text, setText] = useState(() => new URLSearchParams(window.location.search).get('add') ?? '');
  const [from, setFrom] = useState('');
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [jobs, setJobs] = useState<readonly Started[]>([]);
  const [ended, setEnded] = useState(0);

  // Asked again after a job: what it added is then collected.
  const { found, problem: unanswered } = useInstruments(text, ended);

  const search = (wanted: string) => {
    setText(wanted);
    setProblem(null);
  };

  const add = async (symbol: string, title: string) => {
    setProblem(null);
    try {
      const { job } = await api.add(symbol, from === '' ? null : from);
      setJobs(known => (known.some(one => one.job === job) ? known : [{ job, symbol, title }, ...known]));
      onChanged();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
    }
  };

  return (
    <section class="add" aria-labelledby="add-title">
      <h2 id="add-title">Add an instrument</h2>
      <div class="add-form">
        <input
          class="search-input"
          type="search"
          aria-label="Search instruments"
          placeholder="AUD/CAD, TSLA, gold, bitcoin …"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={event => search(event.currentTarget.value)}
          onKeyDown={event => {
            // By what was typed: the list may still be that of a text before.
            if (event.key === 'Enter' && text.trim() !== '') void add(text.trim(), text.trim());
          }}
        />
        <label class="since">
          history from
          <input type="date" value={from} onInput={event => setFrom(event.currentTarget.value)} />
        </label>
      </div>
      {problem !== null && <Problem error={problem} onCandidate={search} onClose={() => setProblem(null)} />}
      {unanswered !== null && problem === null && <Problem error={unanswered} />}
      {found !== null && (
        <ul class="found" aria-label="Instruments found">
          {found.map(one => (
            <li key={one.symbol} data-symbol={one.symbol}>
              <strong>{one.name}</strong>
              <span class="found-about">{one.description}</span>
              <span class="found-facts">
                <span>{one.asset_class}</span>
                <span>{one.venues.join(', ')}</span>
                <span>
                  {one.first_tick_us === null
                    ? ''
                    : `since ${timeText('UTC', one.first_tick_us, 'day').slice(4)}`}
                </span>
              </span>
              <AddOne instrument={one} onAdd={() => void add(one.symbol, one.name)} />
            </li>
          ))}
          {found.length === 0 && <li class="note">No instrument of this name.</li>}
        </ul>
      )}
      {jobs.map(({ job, symbol, title }) => (
        <JobSteps
          key={job}
          id={job}
          title={`Adding ${title}`}
          symbol={symbol}
          onEnd={() => {
            setEnded(count => count + 1);
            onChanged();
          }}
          onClose={() => setJobs(known => known.filter(one => one.job !== job))}
        />
      ))}
    </section>
  );
}

function AddOne({ instrument, onAdd }: { instrument: Instrument; onAdd: () => void }) {
  const { name, series } = instrument;
  const lacks = lacking(instrument);
  return (
    <span class="found-acts">
      {lacks.length > 0 && (
        <button
          type="button"
          class="primary"
          title={series.length > 0 ? `Not all of ${lacks.join(', ')} is collected` : undefined}
          onClick={onAdd}
        >
          Add<span class="visually-hidden"> {name}</span>
        </button>
      )}
      {series.length > 0 && <a href={`#${series[0]}`}>{lacks.length > 0 ? 'partly' : 'collected'}</a>}
    </span>
  );
}
