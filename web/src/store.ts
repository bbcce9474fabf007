// The state of the page as signals, kept equal to the address.

import { computed, signal, type Signal } from '@preact/signals';
import { decode, decodePath, encode, encodePath, options, type Query, type State, type View } from './codec';
import { exactly, quote } from './format';
import type { Source } from './source';
import type { Total } from './answer';

/** Typing and scrolling settle before they reach the address. */
const SETTLE = 250;

/** A server answers any question and has a path for each page; a report is one file, whose state is in the fragment. */
export const isServed = document.querySelector('meta[name="heapdiff-source"]')?.getAttribute('content') === 'http';
const address = (of: State) => (isServed ? encodePath(of) : '#' + encode(of));
const read = () => (isServed ? decodePath(location.pathname, location.search) : decode(location.hash));

export const state: Signal<State> = signal(read());
export const view = computed(() => state.value.view);
export const query = computed(() => state.value.query);
/** The data: that of a report, or of the last answer of a server. */
export const source = signal<Source>(null as unknown as Source);
/** One sentence for who cannot see the picture. */
export const spoken = signal('');
/** Something to tell; stays until it is dismissed. */
export const notice = signal('');
/** Single letters as keys; can be turned off. */
export const letters = signal(true);

let pending: ReturnType<typeof setTimeout> | undefined;
let speaking: ReturnType<typeof setTimeout> | undefined;

export const link = (next: Partial<View>): string => address({ ...state.value, view: { ...state.value.view, ...next } });

export type How = 'push' | 'replace' | 'soon';

export function go(next: Partial<View>, how: How = 'push', asked: Partial<Query> = {}): void {
  const old = state.value;
  const now: State = { ...old, view: { ...old.view, ...next }, query: { ...old.query, ...asked } };
  const text = address(now);
  if (text === address(old)) return;
  if (pending !== undefined && how !== 'soon') flush();
  state.value = now;
  if (how === 'push') history.pushState(null, '', text);
  else if (how === 'replace') history.replaceState(null, '', text);
  else { clearTimeout(pending); pending = setTimeout(flush, SETTLE) }
}

function flush(): void {
  clearTimeout(pending);
  pending = undefined;
  history.replaceState(null, '', address(state.value));
}

export function follow(): void {
  const take = () => {
    clearTimeout(pending);
    pending = undefined;
    state.value = read();
  };
  addEventListener('popstate', take);
  if (!isServed) addEventListener('hashchange', take);
}

export function say(text: string): void {
  clearTimeout(speaking);
  speaking = setTimeout(() => { spoken.value = text }, 300);
}

export const totals = computed((): Total[] => {
  const { answer } = source.value.report;
  const about = answer.totals.filter(total => total.sample_type === answer.sample_type);
  return [...about, ...answer.totals.filter(total => total.sample_type !== answer.sample_type)];
});

/** The sample type that is looked at: by name or by index, else that of the answer. A server answers in the type it was asked for. */
export const sampleType = computed((): Total => {
  const { answer } = source.value.report, wanted = isServed ? answer.sample_type : query.value.si;
  const byName = answer.totals.find(total => total.sample_type === wanted || total.sample_type === `${wanted}_space`);
  const byIndex = /^\d+$/.test(wanted) ? answer.inputs[0]?.sample_types[Number(wanted)]?.split('/')[0] : undefined;
  return byName ?? answer.totals.find(total => total.sample_type === byIndex)
    ?? answer.totals.find(total => total.sample_type === answer.sample_type)
    ?? answer.totals[0] ?? { sample_type: answer.sample_type, unit: answer.unit, after: 0, error: null };
});

/** The answer in that sample type; null if the source has none. */
export const answerNow = computed(() => source.value.answer(sampleType.value.sample_type));

export const isPair = computed(() => {
  const { answer } = source.value.report;
  return answer.totals.some(total => total.before !== null && total.before !== undefined) || !!answer.timeline || !!answer.diff;
});

/** The names of the two snapshots, as a command takes them. */
export const compared = computed((): string[] => {
  const { report } = source.value, { inputs, timeline } = report.answer;
  if (report.compared?.length) return report.compared;
  if (timeline) {
    const judged = timeline.inputs.filter((_, k) => timeline.processes[k] === timeline.judged);
    return [judged[0], judged[judged.length - 1]].map(k => inputs[k]?.name ?? '').filter(Boolean);
  }
  return inputs.map(input => input.name);
});

/** The command that made the report, or its shape if it could not be printed. */
export const commandLine = () => source.value.report.command_line ?? `heapdiff ${source.value.report.command} …`;

/** What the data is, in a sentence. */
export const here = isServed ? 'answer' : 'report';

/** A command about a function that prints what the page shows of it. */
export function lineAbout(command: string, name: string, more = ''): string {
  const asked = isServed ? options({ ...query.value, g: '', n: '', sort: '' }, quote) : [];
  return ['heapdiff', command, quote(exactly(name)), more, ...asked, ...compared.value.map(quote)].filter(Boolean).join(' ');
}

/** The expression that a filter gets from a choice in a menu: what is left out adds up, what is kept replaces. */
export function filterBy(key: 'f' | 'i' | 'h' | 'sf', name: string): void {
  const text = exactly(name), old = query.value[key];
  go({}, 'push', { [key]: old && (key === 'i' || key === 'h') ? `${old}|${text}` : text });
}
