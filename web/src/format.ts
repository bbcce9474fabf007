// Numbers and names as the command line prints them (src/units.rs, src/output/number.rs, src/printable.rs), so that a
// number on the page can be found in the table and the other way round.

import { digits, minus } from './large';

export interface Bounds { lower: number; upper: number }
export interface Estimate { estimate: number; lower: number; upper: number }

type Kind = 'bytes' | 'time' | 'count';

const UNITS: [Kind, string[], number][] = [
  ['bytes', ['b', 'byte'], 1],
  ['bytes', ['kb', 'kib', 'kbyte', 'kilobyte', 'kibibyte', 'k'], 1024],
  ['bytes', ['mb', 'mib', 'mbyte', 'megabyte', 'mebibyte', 'm'], 1024 ** 2],
  ['bytes', ['gb', 'gib', 'gbyte', 'gigabyte', 'gibibyte', 'g'], 1024 ** 3],
  ['bytes', ['tb', 'tib', 'tbyte', 'terabyte', 'tebibyte', 't'], 1024 ** 4],
  ['bytes', ['pb', 'pib', 'pbyte', 'petabyte', 'pebibyte', 'p'], 1024 ** 5],
  ['time', ['ns', 'nanosecond'], 1],
  ['time', ['us', 'µs', 'μs', 'microsecond'], 1e3],
  ['time', ['ms', 'millisecond'], 1e6],
  ['time', ['s', 'sec', 'second'], 1e9],
  ['time', ['min', 'minute'], 60e9],
  ['time', ['hr', 'hour', 'h'], 3600e9],
];

/** What a unit measures, and its factor to bytes or nanoseconds. */
export function classify(unit: string): [Kind, number] {
  const lower = unit.toLowerCase();
  const singular = lower.length > 2 && lower.endsWith('s') ? lower.slice(0, -1) : lower;
  for (const [kind, names, factor] of UNITS) if (names.includes(singular)) return [kind, factor];
  return ['count', 1];
}

/** `toFixed` that rounds half to even, as Rust does; the language rounds halves up. */
export function fixed(value: number, places: number): string {
  const text = value.toFixed(places);
  if (!Number.isFinite(value) || Math.abs(value) >= 1e15) return text;
  const twice = Math.abs(value) * 10 ** places * 2;
  if (twice % 2 !== 1) return text;
  const exact = Math.abs(value).toFixed(Math.min(100, places + 60));
  const dot = exact.indexOf('.') + 1 + places;
  if (!/^50*$/.test(exact.slice(dot))) return text;
  const down = exact.slice(0, places === 0 ? dot - 1 : dot);
  const isEven = (down.charCodeAt(down.length - 1) - 48) % 2 === 0;
  return isEven ? (value < 0 ? '-' : '') + down : text;
}

const BYTE_NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `312.4 MiB`, `17 B`. */
export function bytes(of: number): string {
  let value = Math.abs(of), step = 0;
  while (step + 1 < BYTE_NAMES.length && (value >= 1024 || (step > 0 && value >= 1023.95))) { value /= 1024; step++ }
  return `${of < 0 && value > 0 ? '-' : ''}${fixed(value, step === 0 ? 0 : 1)} ${BYTE_NAMES[step]}`;
}

/** A duration with its two largest parts: `14 min 58 s`, `1.50 s`. */
export function nanoseconds(of: number): string {
  const ns = Math.abs(of), sign = of < 0 ? '-' : '', whole = Math.round(ns / 1e9);
  const two = (big: number, name: string, small: number, smallName: string) => {
    const rest = Math.floor((whole % big) / small), head = Math.floor(whole / big);
    return rest > 0 ? `${head} ${name} ${rest} ${smallName}` : `${head} ${name}`;
  };
  const text = ns < 1e3 ? `${fixed(ns, 0)} ns`
    : ns < 1e6 ? `${fixed(ns / 1e3, 1)} µs`
    : ns < 1e9 ? `${fixed(ns / 1e6, 1)} ms`
    : whole < 60 ? `${fixed(ns / 1e9, 2)} s`
    : whole < 3600 ? two(60, 'min', 1, 's')
    : whole < 86400 ? two(3600, 'h', 60, 'min')
    : two(86400, 'd', 3600, 'h');
  return sign + text;
}

/** A whole number with its digits in groups of three: `1 204 331`. */
export function grouped(of: number): string {
  if (!Number.isFinite(Number(of))) return '';
  return (of < 0 ? '-' : '') + digits(of).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** A number in short form: `950`, `12.3 k`, `1.9 M`. */
export function short(of: number): string {
  const value = Math.abs(of), sign = of < 0 ? '-' : '';
  if (value < 9999.5) return sign + fixed(value, 0);
  if (value < 999950) return `${sign}${fixed(value / 1e3, 1)} k`;
  if (value < 999950000) return `${sign}${fixed(value / 1e6, 1)} M`;
  return `${sign}${fixed(value / 1e9, 1)} G`;
}

const RATE = '/s';

/** A value in the unit that fits its size. Rates of counts are in thousandths. */
export function display(value: number, unit: string): string {
  if (unit.endsWith(RATE)) {
    const of = unit.slice(0, -RATE.length), size = Math.abs(value);
    if (classify(of)[0] !== 'count') return display(value, of) + RATE;
    if (size < 9995) return fixed(value / 1000, 2) + RATE;
    if (size < 99950) return fixed(value / 1000, 1) + RATE;
    return short(value / 1000) + RATE;
  }
  const [kind, factor] = classify(unit);
  return kind === 'bytes' ? bytes(value * factor) : kind === 'time' ? nanoseconds(value * factor) : short(value);
}

/** Per second what is compared per second, with the unit to print it in. */
export function rated<Of extends { before?: number | null; after: number; delta?: number | null; error: Bounds | null }>(of: Of & { per_second?: { before: number; after: number; delta: number; error: Bounds | null } | null }, unit: string) {
  const { before, after, delta, error, per_second: rate } = of;
  if (!rate) return { before: before ?? 0, after, delta: delta ?? after, error, unit };
  const scale = classify(unit)[0] === 'count' ? 1000 : 1, [b, a, d] = [rate.before, rate.after, rate.delta].map(value => value * scale);
  return { before: b, after: a, delta: d, error: rate.error && { lower: rate.error.lower * scale, upper: rate.error.upper * scale }, unit: unit + RATE };
}

/** A value with every digit if it is a count. */
export function exact(value: number, unit: string): string {
  return classify(unit)[0] === 'count' && !unit.endsWith(RATE) ? grouped(value) : display(value, unit);
}

const signed = (delta: number, text: string) => (delta > 0 ? '+' + text : text);

/** A change: `+577.7 MiB`, `-12.0 MiB`, `0 B`. */
export const change = (delta: number, unit: string) => signed(delta, display(delta, unit));
export const exactChange = (delta: number, unit: string) => signed(delta, exact(delta, unit));
export const count = short;
export const countChange = (delta: number) => signed(delta, short(delta));

export const halfWidth = (error: Bounds) => Math.trunc(minus(error.upper, error.lower) / 2);

/** Splits the number from its unit, at the last space. */
function split(text: string): [string, string] | null {
  const at = text.lastIndexOf(' ');
  return at < 0 ? null : [text.slice(0, at), text.slice(at + 1)];
}

/** Half the width of an interval around `value`, in the unit of `value` if that leaves it a digit: `±4.1 MiB`. */
export function margin(error: Bounds, value: number, unit: string): string {
  const half = halfWidth(error), [kind, factor] = classify(unit);
  if (kind !== 'bytes' || unit.endsWith(RATE) || half === 0) return `±${display(half, unit)}`;
  const own = bytes(half * factor), from = split(own), to = split(bytes(value * factor));
  if (!from || !to) return `±${own}`;
  const scaled = (half * factor) / 1024 ** BYTE_NAMES.indexOf(to[1]);
  return from[1] !== to[1] && scaled >= 0.05 && scaled < 1024 ? `±${fixed(scaled, 1)} ${to[1]}` : `±${own}`;
}

/** An interval, with the unit once if both ends have it: `+568.7 … +586.7 MiB`. */
export function range(lower: string, upper: string): string {
  const a = split(lower), b = split(upper);
  return a && b && a[1] === b[1] && !/^\d/.test(a[1]) ? `${a[0]} … ${upper}` : `${lower} … ${upper}`;
}

/** The error of a change: its interval instead of ± if that would be wider than the change itself. */
export function changeMargin(error: Bounds, delta: number, unit: string): string {
  const isSure = error.lower > 0 || error.upper < 0;
  if (isSure && delta !== 0 && Math.abs(halfWidth(error)) >= Math.abs(delta)) {
    return range(change(error.lower, unit), change(error.upper, unit));
  }
  return margin(error, delta, unit);
}

/** An estimate with its interval: `12.4 MiB/h (10.9 … 13.8)`. */
export function estimate(of: Estimate, print: (value: number) => string, per: string): string {
  const [middle, lower, upper] = [of.estimate, of.lower, of.upper].map(print);
  const unit = (text: string) => split(text)?.[1], bare = (text: string) => split(text)?.[0] ?? text;
  return unit(middle) === unit(lower) && unit(middle) === unit(upper)
    ? `${middle}${per} (${bare(lower)} … ${bare(upper)})`
    : `${middle}${per} (${lower}${per} … ${upper}${per})`;
}

/** A q-value: `q 3e-48`. */
export const qText = (q: number) => (q === 0 ? 'q < 1e-300' : q < 1e-4 ? `q ${q.toExponential(0)}` : `q ${fixed(q, 4)}`);

/** A share in percent: `12 %`, `2.3 %`. */
export function percent(of: number): string {
  if (!Number.isFinite(of)) return '';
  if (of === 0) return '0 %';
  if (Math.abs(of) < 0.05) return '0.0 %';
  return `${fixed(of, Math.abs(of) < 9.95 ? 1 : 0)} %`;
}

/** A change in percent: `+185 %`. */
export function percentChange(of: number): string {
  const sign = of === 0 || !Number.isFinite(of) ? '' : of < 0 ? '-' : '+';
  return sign + percent(Math.abs(of));
}

export const wholePercent = (of: number) => `${fixed(of, 0)} %`;

const HIDDEN = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\ud800-\udfff]/gu;

/** A name with every character that does not print as itself shown as `\u{…}`. */
export const escape = (text: string) => text.replace(HIDDEN, c => `\\u{${c.codePointAt(0)!.toString(16)}}`);

/** No longer than `length`: the end of a name says most. */
export function shorten(text: string, length = 200): string {
  return text.length <= length ? text : `${text.slice(0, length >> 1)}…${text.slice(text.length - (length >> 1) + 1)}`;
}

/** A name to show: nothing hidden, nothing endless. */
export const nameText = (name: string, length = 200) => {
  const raw = name.length > 4 * length ? shorten(name, 4 * length) : name;
  return shorten(escape(raw), length);
};

/** `limiter.go:44`. */
export function where(place: { file?: string | null; line?: number | null } | null | undefined): string {
  if (!place?.file) return '';
  const base = place.file.slice(place.file.lastIndexOf('/') + 1);
  return nameText(place.line ? `${base}:${place.line}` : base, 60);
}

/** `1 function`, `3 functions`. */
export const counted = (n: number, many: string) => `${grouped(n)} ${n === 1 ? many.replace(/s$/, '') : many}`;

/** A word for a POSIX shell, quoted if it needs to be. */
export const quote = (word: string) => (/^[A-Za-z0-9_\-+=./:,@%]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** A message with something after it: it ends with a stop. */
export const sentence = (text: string) => text.replace(/[^.!?…:]$/, '$&.');

/** The name of a file as the server takes it: no command line reads it as a folder, a service, a pattern or an option. */
export const uploadName = (name: string) => name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:*?[\]{}]/gu, '_').replace(/^-/, '_').replace(/^\.{1,2}$/, '_');

/** A regular expression that matches exactly `name`. */
export const exactly = (name: string) => `^${name.replace(/[\\.+*?()|[\]{}^$#&\-~]/g, '\\$&')}$`;
