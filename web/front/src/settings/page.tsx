/** The settings page: add an instrument, see what each series has and lacks, and what is set. */

import { useEffect, useState } from 'preact/hooks';
import '../style/settings.css';
import { ApiError, api } from '../api/client';
import type { Series } from '../api/types';
import { Header } from '../shared/header';
import { HealthStrip } from '../shared/health';
import { Problem } from '../shared/problem';
import { AddInstrument } from './add';
import { SeriesCard } from './card';
import { SettingsList } from './list';
import { Totals } from './totals';

const POLL_MS = 3000;

export function SettingsPage() {
  const [series, setSeries] = useState<readonly Series[] | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [asked, setAsked] = useState(0);

  // Begun again after each change, so that it is seen at once.
  useEffect(() => {
    const load = async () => {
      try {
        setSeries(await api.series());
        setProblem(null);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setProblem(error);
      }
    };
    void load();
    const timer = setInterval(() => void (document.hidden || load()), POLL_MS);
    return () => clearInterval(timer);
  }, [asked]);

  const isLoaded = series !== null;
  useEffect(() => {
    const name = decodeURIComponent(window.location.hash.slice(1));
    if (isLoaded && name !== '') document.getElementById(name)?.scrollIntoView();
  }, [isLoaded]);

  const onChanged = () => setAsked(count => count + 1);
  return (
    <div class="settings-page">
      <Header page="settings" />
      <main class="sheet">
        <AddInstrument onChanged={onChanged} />
        <section aria-labelledby="series-title">
          <header class="section-head">
            <h2 id="series-title">Series</h2>
            {series !== null && series.length > 0 && <Totals series={series} />}
          </header>
          {problem !== null && <Problem error={problem} />}
          {series?.length === 0 && (
            <p class="note">Nothing is collected yet. Search above for what you need, and add it.</p>
          )}
          <div class="cards">
            {series?.map(one => (
              <SeriesCard key={one.name} series={one} onChanged={onChanged} />
            ))}
          </div>
        </section>
        <SettingsList />
      </main>
      <HealthStrip />
    </div>
  );
}
