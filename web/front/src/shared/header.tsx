/** The head of both pages. */

import type { ComponentChildren } from 'preact';
import { nextTheme, theme } from './theme';

const THEME_MARK = { auto: '◐', dark: '●', light: '○' } as const;

export function Header({ page, children }: { page: 'chart' | 'settings'; children?: ComponentChildren }) {
  return (
    <header class="head">
      <a class="wordmark" href="/" aria-label="Candlewick, the chart">
        <svg viewBox="0 0 20 26" width="15" height="20" aria-hidden="true">
          <path class="flame" d="M10 0c3 3.600 4 5.600 4 7.500a4 4 0 0 1-8 0C6 5.600 7 3.600 10 0z" />
          <path class="wick" d="M9.300 10h1.400v4H9.300z" />
          <path class="wax" d="M5 13.500h10V26H5z" />
        </svg>
        <span>Candlewick</span>
      </a>
      {children}
      <nav class="pages" aria-label="Pages">
        <a href="/" aria-current={page === 'chart' ? 'page' : undefined}>
          Chart
        </a>
        <a href="/settings" aria-current={page === 'settings' ? 'page' : undefined}>
          Settings
        </a>
      </nav>
      <button
        type="button"
        class="quiet icon"
        onClick={nextTheme}
        title={`Theme: ${theme.value === 'auto' ? 'as the system' : theme.value}`}
        aria-label={`Theme: ${theme.value === 'auto' ? 'as the system' : theme.value}. Change`}
      >
        {THEME_MARK[theme.value]}
      </button>
    </header>
  );
}
