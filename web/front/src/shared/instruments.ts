/** Search as one types, over all instruments. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError, api } from '../api/client';
import type { Instrument } from '../api/types';

const ASK_AFTER_MS = 120;

interface Found {
  /** null while nothing is searched for. */
  readonly found: readonly Instrument[] | null;
  readonly problem: ApiError | null;
}

/** What a text finds, shortly after it was typed; asked for anew where `again` changes. */
export function useInstruments(text: string, again = 0): Found {
  const [state, setState] = useState<Found>({ found: null, problem: null });

  useEffect(() => {
    const wanted = text.trim();
    if (wanted === '') {
      setState({ found: null, problem: null });
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setState({ found: await api.instruments(wanted, stop.signal), problem: null });
      } catch (error) {
        if (error instanceof ApiError) setState(known => ({ ...known, problem: error }));
      }
    }, ASK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, again]);

  return state;
}
