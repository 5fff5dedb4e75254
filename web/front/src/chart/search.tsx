/** The search of the chart: what is collected, and what could be. */

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Instrument, Subject } from '../api/types';
import { Dialog } from '../shared/dialog';
import { useInstruments } from '../shared/instruments';

interface Props {
  subjects: readonly Subject[];
  onChoose: (id: string) => void;
  onClose: () => void;
}

interface Choice {
  id: string;
  title: string;
  note: string;
  isCollected: boolean;
}

const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Instruments, each followed by its series where it has several. */
function collected(subjects: readonly Subject[], text: string): Choice[] {
  const wanted = plain(text);
  const choices = new Map<string, Choice>();
  for (const one of subjects) {
    const venues = one.series.map(name => name.split(':')[0]).join(', ');
    choices.set(one.id, {
      id: one.id,
      title: one.title,
      note: `${one.asset_class} · ${venues}`,
      isCollected: true,
    });
    for (const name of one.series.length > 1 ? one.series : []) {
      choices.set(name, { id: name, title: name, note: 'this series only', isCollected: true });
    }
  }
  return [...choices.values()].filter(one => plain(one.id + one.title).includes(wanted));
}

function addable(instruments: readonly Instrument[]): Choice[] {
  return instruments
    .filter(one => one.series.length === 0)
    .map(one => ({
      id: one.symbol,
      title: one.name,
      note: `${one.asset_class} · ${one.venues.join(', ')} · not collected yet`,
      isCollected: false,
    }));
}

export function Search({ subjects, onChoose, onClose }: Props) {
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const { found, problem } = useInstruments(text);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => setActive(0), [text]);

  const choices = [...collected(subjects, text), ...addable(found ?? [])];
  const chosen = Math.min(active, choices.length - 1);

  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const choose = (choice: Choice | undefined) => {
    if (choice === undefined) return;
    if (choice.isCollected) onChoose(choice.id);
    else window.location.assign(`/settings?add=${encodeURIComponent(choice.id)}`);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(choices.length - 1, chosen + step)));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      choose(choices[chosen]);
    }
  };

  return (
    <Dialog title="Show" onClose={onClose}>
      <input
        autofocus
        class="search-input"
        type="text"
        role="combobox"
        aria-label="Search instruments"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={choices.length > 0 ? `${id}-${chosen}` : undefined}
        placeholder="EUR/USD, AAPL, gold …"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={event => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="choices" role="listbox" id={`${id}-list`} aria-label="Instruments" ref={list}>
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the input, as in every combobox
          // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus
          <div
            key={`${choice.isCollected} ${choice.id}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => choose(choice)}
          >
            <span class="choice-title">{choice.title}</span>
            <span class="choice-note">{choice.note}</span>
            <span class="choice-act">{choice.isCollected ? '' : 'add →'}</span>
          </div>
        ))}
      </div>
      {choices.length === 0 && <p class="note">{problem?.message ?? 'Nothing of this name.'}</p>}
    </Dialog>
  );
}
