/** A year of a series, a cell a day: holes are seen at a glance, and a day tells its hours. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Day, HourRow, Series } from '../api/types';
import { grouped, plural } from '../core/format';
import { type Cell, heatMap } from '../core/heat';
import { DAY, HOUR } from '../core/timeframes';
import { isoText, monthName, timeText } from '../core/zones';

const PITCH = 11;
const SIZE = 9;
const TOP = 14;
const WEEKS = 53;
const KEY_DAYS: Readonly<Record<string, number>> = {
  ArrowLeft: -7,
  ArrowRight: 7,
  ArrowUp: -1,
  ArrowDown: 1,
};

const dayText = (time: number) => isoText(time).slice(0, 10);

function cellText(cell: Cell): string {
  if (cell.hours === null) return `${cell.day}: nothing known`;
  const { data, closed, pending, failed, gaps } = cell.hours;
  const said = [
    [data, 'data'],
    [closed, 'closed'],
    [pending, 'pending'],
    [failed, 'failed'],
  ] as const;
  const hours = said.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return `${cell.day}: ${hours.join(', ') || 'no hours'}${gaps > 0 ? `, ${plural(gaps, 'gap')}` : ''}`;
}

interface Props {
  series: Series;
}

export function HeatMapOf({ series }: Props) {
  const [back, setBack] = useState(0);
  const [days, setDays] = useState<readonly Day[]>([]);
  const [chosen, setChosen] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const today = Math.floor((Date.now() * 1000) / DAY) * DAY;
  const monday = today - ((new Date(today / 1000).getUTCDay() + 6) % 7) * DAY;
  const end = back === 0 ? today + DAY : monday - back * 52 * 7 * DAY + 7 * DAY;
  const start = monday - back * 52 * 7 * DAY - (WEEKS - 1) * 7 * DAY;
  const { data, closed, pending, failed } = series.hours;

  // Other counts of hours mean other days.
  useEffect(() => {
    let isCurrent = true;
    api.days(series.name, start, end).then(
      found => {
        if (!isCurrent) return;
        setDays(found);
        setProblem(null);
      },
      error => {
        if (isCurrent && error instanceof ApiError) setProblem(error);
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [series.name, start, end, data, closed, pending, failed, series.open_gaps]);

  // On a narrow screen the newest days are what is seen first.
  useLayoutEffect(() => {
    const { current } = scroller;
    if (current !== null) current.scrollLeft = current.scrollWidth;
  }, [start]);

  const map = heatMap(days, dayText(start), dayText(end - DAY));
  const canGoBack = series.first_us !== null && series.first_us < start;
  const bad = map.cells.filter(cell => cell.tone === 'failed' || cell.tone === 'partial');
  return (
    <figure class="heat">
      <div class="heat-head">
        <button
          type="button"
          class="quiet icon"
          aria-label="A year earlier"
          disabled={!canGoBack}
          onClick={() => setBack(back + 1)}
        >
          ‹
        </button>
        <figcaption>
          {dayText(start)} – {dayText(end - DAY)}
        </figcaption>
        <button
          type="button"
          class="quiet icon"
          aria-label="A year later"
          disabled={back === 0}
          onClick={() => setBack(back - 1)}
        >
          ›
        </button>
      </div>
      <div class="heat-scroll" ref={scroller}>
        <svg
          viewBox={`0 0 ${WEEKS * PITCH} ${TOP + 7 * PITCH}`}
          role="img"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys choose a day
          tabIndex={0}
          aria-label={`Hours of ${series.name} by day; ${plural(bad.length, 'day')} with holes. Arrows choose a day.`}
          onClick={event => setChosen((event.target as SVGElement).dataset.day ?? null)}
          onKeyDown={event => {
            const step = KEY_DAYS[event.key];
            if (step === undefined) return;
            event.preventDefault();
            const at = chosen === null ? end - DAY : Date.parse(`${chosen}T00:00:00Z`) * 1000 + step * DAY;
            setChosen(dayText(Math.max(start, Math.min(at, end - DAY))));
          }}
        >
          {map.months.map(({ column, month, year }) => (
            <text key={`${year}-${month}`} x={column * PITCH} y={9}>
              {month === 1 ? year : monthName(month)}
            </text>
          ))}
          {map.cells.map(cell => (
            <rect
              key={cell.day}
              class="cell"
              data-day={cell.day}
              data-tone={cell.tone}
              data-level={Math.ceil(cell.share * 4)}
              data-chosen={cell.day === chosen}
              x={cell.column * PITCH}
              y={TOP + cell.row * PITCH}
              width={SIZE}
              height={SIZE}
              rx={1.5}
            >
              <title>{cellText(cell)}</title>
            </rect>
          ))}
        </svg>
      </div>
      {problem !== null && <p class="note">{problem.message}</p>}
      {chosen !== null && <HoursOf series={series} day={chosen} onClose={() => setChosen(null)} />}
    </figure>
  );
}

function HoursOf({ series, day, onClose }: { series: Series; day: string; onClose: () => void }) {
  const [hours, setHours] = useState<readonly HourRow[] | null>(null);
  const from = Date.parse(`${day}T00:00:00Z`) * 1000;
  useEffect(() => {
    let isCurrent = true;
    api.hours(series.name, from, from + DAY).then(
      found => isCurrent && setHours(found),
      () => isCurrent && setHours([]),
    );
    return () => {
      isCurrent = false;
    };
  }, [series.name, from]);
  const told = (hours ?? []).filter(hour => hour.reason || hour.gaps.length > 0);
  return (
    <div class="hours">
      <header>
        <strong>{timeText('UTC', from, 'day')}</strong>
        <a href={`/?s=${encodeURIComponent(series.name)}&from=${day}&to=${dayText(from + DAY)}`}>
          on the chart
        </a>
        <button type="button" class="quiet icon" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </header>
      <ol class="hour-row" aria-label="Hours of the day">
        {hours?.map(hour => (
          <li
            key={hour.hour_us}
            data-state={hour.state}
            data-gap={hour.gaps.length > 0}
            title={`${timeText('UTC', hour.hour_us, 'minute').slice(-5)}: ${hour.state}, ${grouped(hour.ticks)} ticks`}
          >
            {new Date(hour.hour_us / 1000).getUTCHours()}
          </li>
        ))}
      </ol>
      {told.length > 0 && (
        <ul class="hour-reasons">
          {told.map(hour => (
            <li key={hour.hour_us}>
              <b>{timeText('UTC', hour.hour_us, 'minute').slice(-5)}</b> {hour.state}
              {hour.reason ? `: ${hour.reason}` : ''}
              {hour.gaps.map(([start, end]) => (
                <span key={start}>
                  {' '}
                  gap {timeText('UTC', start, 'second').slice(-8)}–
                  {end - start >= HOUR ? 'end of the hour' : timeText('UTC', end, 'second').slice(-8)}
                </span>
              ))}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
