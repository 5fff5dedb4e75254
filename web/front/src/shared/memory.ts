/** Small preferences kept in this browser; without them all works the same. */

const PREFIX = 'candlewick.';

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser that keeps nothing for this page: the choice holds until it is left.
  }
}
