import { useState } from 'preact/hooks';
import type { Series } from '../api/types';
import { grouped } from '../core/format';
import { isoText } from '../core/zones';
import { Dialog } from '../shared/dialog';

const DAY_MS = 86_400_000;
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);

interface BackfillProps {
  series: Series;
  onClose: () => void;
  onStart: (from: string, to: string) => void;
}

export function BackfillDialog({ series, onClose, onStart }: BackfillProps) {
  const [from, setFrom] = useState(day(Date.now() - 31 * DAY_MS));
  const [to, setTo] = useState(day(Date.now()));
  const isRange = from !== '' && to !== '' && from < to;
  return (
    <Dialog title={`Backfill ${series.title}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={event => {
          event.preventDefault();
          if (isRange) onStart(from, to);
        }}
      >
        <p class="note">
          Days of {series.name}, asked for again from the venue. What is final and unchanged stays as it is.
        </p>
        <label>
          From
          <input type="date" value={from} onInput={event => setFrom(event.currentTarget.value)} />
        </label>
        <label>
          Up to, not including
          <input type="date" value={to} onInput={event => setTo(event.currentTarget.value)} />
        </label>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={!isRange}>
            Backfill
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface RemoveProps {
  series: Series;
  onClose: () => void;
  onRemove: (deleteData: string | null) => void;
}

export function RemoveDialog({ series, onClose, onRemove }: RemoveProps) {
  const [isDeleting, setDeleting] = useState(false);
  const [typed, setTyped] = useState('');
  const mayRemove = !isDeleting || typed === series.name;
  return (
    <Dialog title={`Remove ${series.title}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={event => {
          event.preventDefault();
          if (mayRemove) onRemove(isDeleting ? series.name : null);
        }}
      >
        <p>
          <code>{series.name}</code> is no longer collected. Its {grouped(series.ticks)} ticks stay, and
          adding it again goes on with them.
        </p>
        <label class="check">
          <input
            type="checkbox"
            checked={isDeleting}
            onInput={event => setDeleting(event.currentTarget.checked)}
          />
          Delete the data too
          {series.first_us === null ? '' : `, all since ${isoText(series.first_us).slice(0, 10)}`}
        </label>
        {isDeleting && (
          <label>
            Type the series' name to delete its data for good
            <input
              type="text"
              autocomplete="off"
              spellcheck={false}
              placeholder={series.name}
              value={typed}
              onInput={event => setTyped(event.currentTarget.value)}
            />
          </label>
        )}
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="danger" disabled={!mayRemove}>
            {isDeleting ? 'Stop collecting and delete' : 'Stop collecting'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
