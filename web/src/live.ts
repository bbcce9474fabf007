// Keeps the answer equal to the address: asks when the query changes, and keeps the last good answer until the next is there.

import { batch, effect, signal, untracked } from '@preact/signals';
import { ask, type Query } from './codec';
import { listen } from './events';
import { Failure, Http, json, request, stampOf, type Loaded, type Page, type ServedInput } from './http';
import { isServed, query, say, source, state, view } from './store';
import type { Answer, CollectorAnswer, Report } from './answer';

/** What the server has; kept up to date by its events. */
export const loaded = signal<Loaded>({ revision: 0, inputs: [], live: null, default: { a: '', b: '' } });
export const abouts = signal<string[]>([]);
/** Whether an answer is on its way. */
export const busy = signal(false);
/** Why the last question has no answer. */
export const failure = signal<Failure | null>(null);
/** The page that the answer is for: the last one, until that of the next is there. */
export const shownPage = signal(view.value.page);
/** Snapshots that came after what is shown was read; -1 if others changed. */
export const fresh = signal(0);

/** Answers to go back to at once. */
const KEPT = 6;
const answers = new Map<string, Http>();

const NOTHING: Report = {
  report: 1, command: '', version: '', answer: { inputs: [], sample_type: '', unit: 'count', granularity: '', sort: '', totals: [], warnings: [] },
};

const OF_HEAPS = (input: ServedInput) => input.state === 'ready' && input.kind === 'heap';
const snapshots = () => loaded.value.inputs.filter(input => input.state === 'ready');

/** Pages about what was recorded beside the heap. */
const BESIDE = ['goroutines', 'gc', 'memory'];

/** What a page asks about, and what of the query that takes. */
function question(page: string, asked: Query): { about: string; text: string; extra: string } {
  const isPair = abouts.value.length ? abouts.value.includes('diff') : snapshots().length > 1, hasEnds = !!(asked.a || asked.b), pair = isPair ? 'diff' : 'top';
  const extra = BESIDE.includes(page) ? page : '';
  const about = page === 'time' ? 'timeline' : page === 'top' ? 'top' : page === 'overview' || extra ? (hasEnds && isPair ? 'diff' : '') : pair;
  return { about, extra, text: ask(asked, about === 'timeline' ? ['a', 'b'] : []) };
}

let running: AbortController | null = null, again: ReturnType<typeof setTimeout> | undefined;
/** The question that is shown or on its way. */
let current = '';

/** What of a query goroutines take; the collector takes nothing and minds nothing. */
const beside = (asked: Query) => ask(asked, ['a', 'b', 'si', 'g', 'sort']);

async function fetchPage(about: string, text: string, extra: string, asked: Query, abort: AbortSignal): Promise<Http> {
  const page = await json<Page>(`page?${[about && `about=${about}`, text].filter(Boolean).join('&')}`, abort);
  if (page.report !== 1) throw new Failure('version', `The server has version ${String(page.report)} of the page’s data; this page reads version 1. Load it again.`);
  const can = page.server?.abouts.includes(extra);
  if (can && extra === 'gc') page.collector ??= await json<CollectorAnswer>('report?about=gc', abort);
  if (can && extra === 'memory') page.memory ??= await json<NonNullable<Report['memory']>>('report?about=memory', abort);
  if (can && extra === 'goroutines' && !page.goroutines && !page.answer.goroutines) {
    page.goroutines = await json<Answer>(`report?${['about=goroutines', beside(asked)].filter(Boolean).join('&')}`, abort);
  }
  return new Http(page, asked, about);
}

/** Asks for what the address says, unless that is there. */
export async function load(isAgain = false): Promise<void> {
  const asked = query.value, { about, text, extra } = question(view.value.page, asked), key = `${about}|${extra}|${text}`;
  if (key === current && !isAgain) {
    if (!busy.value) shownPage.value = view.value.page;
    return;
  }
  running?.abort();
  clearTimeout(again);
  current = key;
  const kept = isAgain ? undefined : answers.get(key);
  if (kept && kept.stamp === stampOf(loaded.value)) { show(kept, key); return }
  const abort = running = new AbortController();
  busy.value = true;
  try {
    show(await fetchPage(about, text, extra, asked, abort.signal), key);
  } catch (error) {
    if (abort.signal.aborted) return;
    busy.value = false;
    const why = error instanceof Failure ? error : new Failure('page', `The answer cannot be read: ${(error as Error).message}`);
    failure.value = why;
    say(why.message);
    if (why.waitSeconds > 0) again = setTimeout(() => void load(true), why.waitSeconds * 1000);
  }
}

function show(answer: Http, key: string): void {
  answers.delete(key);
  answers.set(key, answer);
  for (const old of answers.keys()) { if (answers.size <= KEPT) break; answers.delete(old) }
  batch(() => {
    abouts.value = answer.report.server?.abouts ?? [];
    source.value = answer;
    shownPage.value = view.value.page;
    failure.value = null;
    busy.value = false;
    count();
  });
}

/** The input identities that the shown answer knew. */
let known = new Set<string>(), knownRevision = -1;

function count(): void {
  const { start, revision } = source.value as Http, { inputs } = loaded.value;
  if (start === (loaded.value.start ?? '') && revision >= loaded.value.revision) { known = new Set(inputs.map(input => input.id)); knownRevision = revision; fresh.value = 0; return }
  if (knownRevision < 0) return;
  const come = inputs.filter(input => OF_HEAPS(input) && !known.has(input.id)).length;
  fresh.value = come || -1;
}

/** Shows what came; the zoom and the selection stay, as they are paths and names. */
export const update = () => load(true);

export async function refresh(): Promise<void> {
  const before = stampOf(loaded.value);
  try {
    loaded.value = await json<Loaded>('inputs');
  } catch (error) {
    if (!failure.value) failure.value = error as Failure;
    return;
  }
  const isEmpty = !((source.value as Http).revision > 0);
  count();
  if (isEmpty || view.value.follow && stampOf(loaded.value) !== before) { if (loaded.value.inputs.length) await load(true) }
}

/** After a pause: what may have been missed. */
function back(): void {
  void refresh();
  if (failure.value?.code === 'offline') void load(true);
}

export async function remove(id: string): Promise<void> {
  await request(`inputs/${encodeURIComponent(id)}`, { method: 'DELETE', headers: { 'x-heapdiff': '1' } });
  await refresh();
}

/** The command line that prints what is shown. */
export async function commandNow(): Promise<string> {
  const { about, text, extra } = question(view.value.page, query.value), { report } = source.value;
  const said = await json<{ command: string | null; why?: string }>(`command?${[`about=${extra || about || report.command}`, extra ? beside(query.value) : text].filter(Boolean).join('&')}`);
  if (said.command === null) throw new Failure('no-command', `There is no command for this: ${said.why ?? ''}.`);
  return said.command;
}

export async function startServed(): Promise<void> {
  source.value = new Http(NOTHING, query.value, '');
  await refresh();
  await load();
  listen(() => void refresh(), back);
  effect(() => { void state.value; untracked(() => void load()) });
}

if (isServed) source.value = new Http(NOTHING, query.value, '');
