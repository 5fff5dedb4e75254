/** What is set and from where, and whether it works. Values of secrets never reach the page. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Setting, Tested } from '../api/types';
import { Problem } from '../shared/problem';

const TESTS: readonly (readonly [what: string, title: string])[] = [
  ['dukascopy', 'Dukascopy'],
  ['kraken', 'Kraken'],
  ['oanda', 'OANDA'],
  ['database', 'Database'],
  ['broker', 'Broker'],
];

export function SettingsList() {
  const [settings, setSettings] = useState<readonly Setting[]>([]);
  const [problem, setProblem] = useState<ApiError | null>(null);
  useEffect(() => {
    api.settings().then(setSettings, error => {
      if (error instanceof ApiError) setProblem(error);
    });
  }, []);
  return (
    <section aria-labelledby="settings-title">
      <header class="section-head">
        <h2 id="settings-title">Settings</h2>
        <p class="note">Environment, then .env, then candlewick.toml. Changes hold from the next start on.</p>
      </header>
      {problem !== null && <Problem error={problem} />}
      <ul class="tests" aria-label="Connections">
        {TESTS.map(([what, title]) => (
          <ConnectionTest key={what} what={what} title={title} />
        ))}
      </ul>
      <div class="table-scroll">
        <table class="settings">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {settings.map(one => (
              <tr key={one.name} data-set={one.set}>
                <th scope="row">
                  <code>{one.name}</code>
                </th>
                <td>{shownValue(one)}</td>
                <td>{one.set ? one.source : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function shownValue(setting: Setting) {
  if (!setting.set) return <span class="note">not set</span>;
  if (setting.value !== null) return <code>{setting.value}</code>;
  return <span class="note">{setting.secret ? 'set; a secret, not shown' : 'set, not shown'}</span>;
}

function ConnectionTest({ what, title }: { what: string; title: string }) {
  const [result, setResult] = useState<Tested | 'running' | null>(null);
  const test = async () => {
    setResult('running');
    try {
      setResult(await api.test(what));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setResult({ ok: false, text: error.message, remedy: error.remedy });
    }
  };
  const told = result === 'running' ? null : result;
  return (
    <li data-ok={told?.ok}>
      <b>{title}</b>
      <button type="button" disabled={result === 'running'} onClick={() => void test()}>
        Test<span class="visually-hidden"> the connection to {title}</span>
      </button>
      <span role="status">
        {result === 'running' && 'asking …'}
        {told !== null && (
          <>
            {told.ok ? '✓ ' : '✕ '}
            {told.text} {told.remedy && <span class="note">{told.remedy}</span>}
          </>
        )}
      </span>
    </li>
  );
}
