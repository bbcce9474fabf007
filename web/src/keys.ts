// Keys, in one list: what the help shows is what works.

import { isServed, letters } from './store';

export interface Key { keys: string[]; what: string; where: 'everywhere' | 'flame graph' | 'table' | 'tree' | 'chart' }

export const KEYS: Key[] = [
  { keys: ['1', '…', '8'], what: 'the pages, in their order', where: 'everywhere' },
  { keys: ['/'], what: 'search', where: 'everywhere' },
  { keys: ['g'], what: 'sample type', where: 'everywhere' },
  { keys: ['?'], what: 'this help', where: 'everywhere' },
  { keys: ['↑', '↓', '←', '→'], what: 'parent, child, siblings', where: 'flame graph' },
  { keys: ['Enter'], what: 'zoom to the frame', where: 'flame graph' },
  { keys: ['Backspace', 'Esc'], what: 'zoom out', where: 'flame graph' },
  { keys: ['Home', '0'], what: 'show everything', where: 'flame graph' },
  { keys: ['+', '-'], what: 'zoom in and out in the middle', where: 'flame graph' },
  { keys: ['n', 'N'], what: 'next and previous match, by size', where: 'flame graph' },
  { keys: ['f'], what: 'flip: roots or leaves first', where: 'flame graph' },
  { keys: ['w'], what: 'width: after, before, Δ', where: 'flame graph' },
  { keys: ['v'], what: 'show what vanished', where: 'flame graph' },
  { keys: ['r', 's'], what: 'call paths, source of the frame', where: 'flame graph' },
  { keys: ['o', 'x'], what: isServed ? 'focus on the frame, ignore it' : 'copy the command that focuses on the frame, or ignores it', where: 'flame graph' },
  { keys: ['c'], what: 'copy the name', where: 'flame graph' },
  { keys: ['m'], what: 'menu', where: 'flame graph' },
  { keys: ['↑', '↓', 'PgUp', 'PgDn', 'Home', 'End'], what: 'move', where: 'table' },
  { keys: ['Enter'], what: 'open the row', where: 'table' },
  { keys: ['↑', '↓', '←', '→', 'Enter'], what: 'move, close, open', where: 'tree' },
  { keys: ['←', '→'], what: 'move the cursor; with Shift, the range', where: 'chart' },
];

/** Whether a key goes to what is being typed. */
export const isTyping = (event: KeyboardEvent) => {
  const at = event.target as HTMLElement;
  return at.matches?.('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
};

/** A plain key: with no modifier, and not a letter while letters are off. */
export function plain(event: KeyboardEvent): string | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  if (event.key.length === 1 && event.key !== ' ' && !letters.value) return null;
  return event.key;
}
