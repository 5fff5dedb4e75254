/** Numbers and durations as people read them. */

const THIN = '\u202f';

export function grouped(value: number, digits = 0): string {
  const [whole, fraction] = Math.abs(value).toFixed(digits).split('.');
  const text = whole!.replace(/\B(?=(\d{3})+$)/g, THIN);
  return `${value < 0 ? '−' : ''}${text}${fraction === undefined ? '' : `.${fraction}`}`;
}

const BIG = ['', 'k', 'M', 'G', 'T'];

function scaled(value: number, base: number): [string, string] {
  let size = Math.abs(value);
  let step = 0;
  while (size >= base && step < BIG.length - 1) {
    size /= base;
    step += 1;
  }
  const digits = step === 0 ? (Number.isInteger(size) ? 0 : 3) : size < 10 ? 2 : size < 100 ? 1 : 0;
  return [`${value < 0 ? '−' : ''}${size.toFixed(digits)}`, BIG[step]!];
}

/** `1.53M`: of volumes and counts, where the size matters more than the last digit. */
export function short(value: number): string {
  return scaled(value, 1000).join('');
}

export function bytes(value: number): string {
  const [number, unit] = scaled(value, 1000);
  return `${number}${THIN}${unit}B`;
}

/** `3 h 20 m`: two units at most. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}${THIN}ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}${THIN}s`;
  const units: [string, number][] = [
    ['y', 31_557_600],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ];
  const rounded = Math.round(seconds);
  const first = units.findIndex(([, size]) => rounded >= size);
  const [name, size] = units[first]!;
  const head = `${Math.floor(rounded / size)}${THIN}${name}`;
  const next = units[first + 1];
  if (next === undefined) return head;
  const rest = Math.floor((rounded % size) / next[1]);
  return rest === 0 ? head : `${head} ${rest}${THIN}${next[0]}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `2.5 days per minute`. */
export function pace(perSecond: number, unit: string): string {
  const [count, time] =
    perSecond >= 1
      ? [perSecond, 'second']
      : perSecond * 60 >= 1
        ? [perSecond * 60, 'minute']
        : [perSecond * 3600, 'hour'];
  return `${count < 9.95 ? count.toFixed(1) : grouped(count)} ${unit}s per ${time}`;
}
