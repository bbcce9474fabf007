// Questions to the server: each is the query of the address, sent to /api/v1.

import { ask, type Query } from './codec';
import { exactly } from './format';
import { parse } from './large';
import { Tree } from './tree';
import type { Answer, Listing, Refs, Report } from './answer';
import type { Order, Source } from './source';

/** Why there is no answer. */
export class Failure extends Error {
  constructor(readonly code: string, message: string, readonly parameter = '', readonly waitSeconds = 0) { super(message) }
}

export interface ServedInput {
  id: string; name: string; kind: string; time: string | null; process: number | null; samples: number; bytes: number;
  state: 'ready' | 'failed' | 'vanished'; error: string | null; uploaded?: boolean;
}
export interface Live { url: string; every_seconds: number; next?: string | null; failed?: string | null }
/** What the server has loaded. */
export interface Loaded { start?: string; revision: number; inputs: ServedInput[]; live: Live | null; default: { a: string; b: string } }

/** A page of the API: a report that says what its server can do. */
export interface Page extends Report { server?: { start?: string; revision: number; abouts: string[]; types: string[]; ignored?: string[] } }

const API = '/api/v1/';
/** Seconds to wait for a busy server that does not say how long. */
const WAIT = 2;

async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text().catch(() => ''), wait = response.status === 503 || response.status === 429 ? Number(response.headers.get('retry-after')) || WAIT : 0;
  try {
    const { code, message, parameter } = (JSON.parse(text) as { error: { code: string; message: string; parameter?: string | null } }).error;
    return new Failure(wait ? 'busy' : code, message, parameter ?? '', wait);
  } catch {
    return new Failure(wait ? 'busy' : 'http', text && text.length < 300 ? text : `The server answered ${response.status}.`, '', wait);
  }
}

export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(API + path, options);
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new Failure('offline', 'The server does not answer: it has ended, or cannot be reached.');
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function json<Of>(path: string, signal?: AbortSignal): Promise<Of> {
  return parse<Of>(await (await request(path, { signal, headers: { accept: 'application/json' } })).text());
}

const TREE = 'application/vnd.heapdiff.tree';
/** What does not change the paths of a tree, nor the answer about one function. */
const ROWS_ONLY: (keyof Query)[] = ['g', 'n', 'nf', 'sort'];

/** Tells what a server has at one moment from all else, also from what another one had at the same address. */
export const stampOf = (of: { start?: string; revision: number }) => `${of.start ?? ''}-${of.revision}`;

/** Answers about functions and trees, by moment and question. */
const kept = new Map<string, unknown>();
const MOST_KEPT = 40, MOST_TREES = 4;

function keep(key: string, value: unknown): void {
  kept.set(key, value);
  const trees = [...kept.keys()].filter(one => kept.get(one) instanceof Tree);
  for (const old of trees.slice(0, Math.max(0, trees.length - MOST_TREES))) kept.delete(old);
  for (const old of kept.keys()) { if (kept.size <= MOST_KEPT) break; kept.delete(old) }
}

/** An answer of the server, which can be asked further about the same snapshots and filters. */
export class Http implements Source {
  readonly canAsk = true;

  constructor(readonly report: Page, readonly query: Query, readonly about: string) {}

  get revision(): number { return this.report.server?.revision ?? 0 }

  get start(): string { return this.report.server?.start ?? '' }

  get stamp(): string { return stampOf(this) }

  private async once<Of>(path: string, get: () => Promise<Of>): Promise<Of> {
    const key = `${this.stamp}|${path}`;
    if (!kept.has(key)) keep(key, await get());
    return kept.get(key) as Of;
  }

  answer(type: string): Answer | null { return this.report.answer.sample_type === type ? this.report.answer : null }

  hasTree(): boolean { return this.report.answer.inputs.length > 0 }

  async tree(order: Order, signal?: AbortSignal): Promise<Tree | null> {
    const get = (query: string) => this.once(`tree?order=${order}&${query}`, async () =>
      Tree.decode(new Uint8Array(await (await request(`tree?order=${order}&${query}`, { signal, headers: { accept: TREE } })).arrayBuffer())));
    const tree = await get(ask(this.query, [...ROWS_ONLY, 'si']));
    return tree.typeOf(this.report.answer.sample_type) >= 0 ? tree : get(ask(this.query, ROWS_ONLY));
  }

  refs(): null { return null }

  exactRefs(): string[] { return [] }

  lines(): Listing[] { return [] }

  private of(name: string): string { return `p=${encodeURIComponent(exactly(name))}&${ask(this.query, ROWS_ONLY)}` }

  askRefs(name: string, callees: boolean, signal: AbortSignal): Promise<Refs | null> {
    const path = `refs?callees=${callees ? 1 : 0}&${this.of(name)}`;
    return this.once(path, async () => (await json<Answer>(path, signal)).refs ?? null);
  }

  askLines(name: string, signal: AbortSignal): Promise<Listing[]> {
    const path = `source?${this.of(name)}`;
    return this.once(path, async () => (await json<Answer>(path, signal)).list?.functions ?? []);
  }

  askDiff(a: string, b: string, signal: AbortSignal): Promise<Answer> {
    const path = `report?about=diff&${ask({ ...this.query, a, b, sort: '' })}`;
    return this.once(path, () => json<Answer>(path, signal));
  }
}
