/** Dark or light: as the system says, unless the user has chosen. */

import { effect, signal } from '@preact/signals';
import { remember, remembered } from './memory';

export type Theme = 'auto' | 'dark' | 'light';
const THEMES: readonly Theme[] = ['auto', 'dark', 'light'];

const system = window.matchMedia('(prefers-color-scheme: light)');
const isSystemLight = signal(system.matches);
system.addEventListener('change', () => {
  isSystemLight.value = system.matches;
});

const stored = remembered('theme');
export const theme = signal<Theme>(THEMES.find(one => one === stored) ?? 'auto');
/** Changes with each change of what is seen. */
export const effectiveTheme = signal<'dark' | 'light'>('dark');

effect(() => {
  const isLight = theme.value === 'light' || (theme.value === 'auto' && isSystemLight.value);
  document.documentElement.dataset.theme = isLight ? 'light' : 'dark';
  effectiveTheme.value = isLight ? 'light' : 'dark';
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  remember('theme', theme.value);
}
