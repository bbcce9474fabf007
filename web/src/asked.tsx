// What is asked for while a page is shown: the last value stays until the next is there.

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { nameText } from './format';
import { source } from './store';
import type { Order, Source } from './source';
import type { Tree } from './tree';

export interface Asked<Of> { value: Of | null; isOld: boolean; failure: Error | null; retry: () => void }

/** What a question gives; `get` returns null if there is no server to ask. */
export function useAsked<Of>(key: unknown[], get: (signal: AbortSignal) => Promise<Of> | null): Asked<Of> {
  const [now, set] = useState<{ key: unknown[]; value: Of | null; failure: Error | null }>({ key: [], value: null, failure: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    get(abort.signal)?.then(
      value => { if (!abort.signal.aborted) set({ key, value, failure: null }) },
      (failure: Error) => { if (!abort.signal.aborted) set({ key, value: null, failure }) });
    return () => abort.abort();
  }, [...key, turn]);
  const isOld = key.some((one, k) => one !== now.key[k]);
  return { value: now.value, isOld, failure: isOld ? null : now.failure, retry: () => setTurn(turn + 1) };
}

const held = signal<Partial<Record<Order, { of: Source; tree: Tree | null | Error }>>>({});

/** The tree of what is shown; undefined until there is one. A tree of the last answer stays in sight while the next is read. */
export function useTree(order: Order, isWanted = true): { tree: Tree | null | Error | undefined; isOld: boolean; retry: () => void } {
  const now = held.value[order], of = source.value, [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!isWanted || (now?.of === of && !(now.tree instanceof Error))) return;
    const abort = new AbortController(), put = (tree: Tree | null | Error) => { if (!abort.signal.aborted) held.value = { ...held.value, [order]: { of, tree } } };
    of.tree(order, abort.signal).then(put, put);
    return () => abort.abort();
  }, [order, of, isWanted, turn]);
  return { tree: now?.tree, isOld: now !== undefined && now.of !== of, retry: () => setTurn(turn + 1) };
}

/** Why there is nothing, and another try. */
export const Again = ({ what, failure, retry }: { what: string; failure: Error; retry: () => void }) =>
  <p class="wrong" role="alert">{what} {nameText(failure.message, 2000)} <button class="small" onClick={retry}>try again</button></p>;
