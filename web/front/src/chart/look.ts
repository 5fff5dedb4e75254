/** Colours of the chart, from the style sheet, so that both themes live in one place. */

import type { BandColors } from './bands';

export interface Look {
  readonly text: string;
  readonly ground: string;
  readonly grid: string;
  readonly border: string;
  readonly cross: string;
  readonly label: string;
  readonly up: string;
  readonly down: string;
  readonly upVolume: string;
  readonly downVolume: string;
  readonly bid: string;
  readonly ask: string;
  readonly line: string;
  readonly bands: BandColors;
}

export function currentLook(): Look {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--chart-${name}`).trim();
  return {
    text: color('text'),
    ground: color('ground'),
    grid: color('grid'),
    border: color('border'),
    cross: color('cross'),
    label: color('label'),
    up: color('up'),
    down: color('down'),
    upVolume: color('up-volume'),
    downVolume: color('down-volume'),
    bid: color('bid'),
    ask: color('ask'),
    line: color('line'),
    bands: {
      closed: color('closed'),
      gap: color('gap'),
      pending: color('pending'),
      failed: color('failed'),
      boundary: color('boundary'),
      boundaryText: color('text'),
    },
  };
}
