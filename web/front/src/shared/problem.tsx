/** What went wrong, what to do, and what may have been meant. */

import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/client';

interface Props {
  error: ApiError;
  onCandidate?: (candidate: string) => void;
  onClose?: () => void;
  /** What else there is to do about it. */
  children?: ComponentChildren;
}

export function Problem({ error, onCandidate, onClose, children }: Props) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.message}</strong>
      </p>
      {error.remedy !== null && <p>{error.remedy}</p>}
      {error.candidates.length > 0 && (
        <p class="candidates">
          Did you mean{' '}
          {error.candidates.map(one =>
            onCandidate ? (
              <button type="button" class="chip" key={one} onClick={() => onCandidate(one)}>
                {one}
              </button>
            ) : (
              <span class="chip" key={one}>
                {one}
              </span>
            ),
          )}
        </p>
      )}
      {children}
      {onClose && (
        <button type="button" class="quiet icon close" aria-label="Close" onClick={onClose}>
          ×
        </button>
      )}
    </div>
  );
}
