// Colours: blue shrank, orange grew, grey is noise. Steps are absolute, so zoom and search never recolour a frame.

import { signal, effect } from '@preact/signals';

export type Theme = 'light' | 'dark';
export type Choice = Theme | 'auto';

/** From "shrank most" over "no change" to "grew most". The distances between them hold for colour-blind eyes too. */
export const STEPS: Record<Theme, string[]> = {
  light: ['#08519c', '#2f79b9', '#6baed6', '#bdd7e7', '#ececec', '#fdd0a2', '#fd8d3c', '#c24a00', '#7f2704'],
  dark: ['#9ecae1', '#6baed6', '#2f6ea8', '#27496b', '#3a3a3a', '#62442a', '#a85820', '#f08a3c', '#fdbe85'],
};
export const MIDDLE = 4;

/** A single profile: unknown, own code, dependency, standard library; darker (lighter in the dark) the more is flat. */
export const KINDS: Record<Theme, string[][]> = {
  light: [
    ['#ececec', '#dedede', '#cfcfcf', '#bebebe'],
    ['#fdebd6', '#fbd9b0', '#f7c485', '#f0ab58'],
    ['#e3ecf7', '#cadcf0', '#abc8e6', '#88b1da'],
    ['#e4f0e2', '#cbe3c7', '#aed2a9', '#8dbf87'],
  ],
  dark: [
    ['#333333', '#3f3f3f', '#4c4c4c', '#5a5a5a'],
    ['#463320', '#5d4226', '#77532c', '#966732'],
    ['#243447', '#2d435d', '#375577', '#436994'],
    ['#273a27', '#304b30', '#3a5f3a', '#467646'],
  ],
};
export const KIND_NAMES = ['unknown', 'own code', 'dependency', 'standard library'];

/** What the canvas is painted on, and lines on it. */
export const GROUND: Record<Theme, { paper: string; ink: string; ring: string; halo: string }> = {
  light: { paper: '#ffffff', ink: '#1b1b1b', ring: '#111111', halo: '#ffffff' },
  dark: { paper: '#161616', ink: '#e6e6e6', ring: '#ffffff', halo: '#161616' },
};

/** Series of a chart; the same in both themes, with enough contrast in each. */
export const SERIES: Record<Theme, string[]> = {
  light: ['#c24a00', '#2f79b9', '#6a51a3', '#238b45', '#b8860b', '#c51b7d', '#01665e', '#7f7f7f'],
  dark: ['#f08a3c', '#6baed6', '#a99bd8', '#74c476', '#e3c04f', '#f1a3cf', '#5ab4ac', '#a0a0a0'],
};

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map(i => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever is easier to read on a colour. */
export const inkOn = (hex: string) => (1.05 / (luminance(hex) + 0.05) > (luminance(hex) + 0.05) / (luminance('#111111') + 0.05) ? '#ffffff' : '#111111');

/** A mix of two colours. */
export function mix(a: string, b: string, share: number): string {
  const part = (hex: string, i: number) => parseInt(hex.slice(i, i + 2), 16);
  return '#' + [1, 3, 5].map(i => Math.round(part(a, i) * (1 - share) + part(b, i) * share).toString(16).padStart(2, '0')).join('');
}

/** As a pixel of ImageData on a little-endian machine, which all browsers run on. */
export function pixel(hex: string): number {
  const n = parseInt(hex.slice(1), 16);
  return (0xff000000 | ((n & 255) << 16) | (n & 0xff00) | (n >> 16)) >>> 0;
}

/** A report is a file, and files share their storage: so there the choice lasts as long as the page. */
export const choice = signal<Choice>('auto');
const KEPT_AS = 'heapdiff-theme';
const system = signal<Theme>('light');
export const printing = signal(false);

export const theme = (): Theme => (printing.value ? 'light' : choice.value === 'auto' ? system.value : choice.value);

/** Keeps the choice from one visit to the next. */
export function remember(): void {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    if (kept === 'light' || kept === 'dark') choice.value = kept;
    effect(() => { if (choice.value === 'auto') localStorage.removeItem(KEPT_AS); else localStorage.setItem(KEPT_AS, choice.value) });
  } catch { /* Storage is off: the choice lasts as long as the page. */ }
}

export function followSystem(): void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => { system.value = query.matches ? 'dark' : 'light' };
  query.addEventListener('change', follow);
  follow();
  effect(() => { document.documentElement.dataset.theme = theme() });
}

export const nextChoice = (now: Choice): Choice => (now === 'auto' ? 'dark' : now === 'dark' ? 'light' : 'auto');
