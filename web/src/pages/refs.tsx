// Through what memory is allocated: the callers of a function, their callers, and so on; or what it calls.

import { useEffect, useRef, useState } from 'preact/hooks';
import { MOST_OPEN } from '../codec';
import { change, countChange, display, escape, nameText, percent, wholePercent } from '../format';
import type { Refs } from '../answer';
import type { Tree } from '../tree';
import { minus } from '../large';
import { Reader, deltaOf, ofLines, type RefNode } from '../refs';
import { answerNow, go, here, isPair, lineAbout, link, sampleType, say, source, view } from '../store';
import { Again, useAsked, useTree } from '../asked';
import { Choice, Command, Delta, Links, Name, Wrong, expression, isSure, marginText } from '../ui';

interface Shown { roots: RefNode[]; unit: string; from: 'answer' | 'tree' | 'none' | 'loading'; unseen: number | null; dominator?: Refs['sites'][number]['dominator']; isOld?: boolean; failure?: Error | null; retry?: () => void }

/** A server is asked; a report has the exact paths of some functions, and a tree for the others. */
function useRefs(name: string, callees: boolean): Shown {
  const type = sampleType.value, of = source.value, exact = of.canAsk || callees || type.sample_type !== of.report.answer.sample_type ? null : of.refs(name);
  const asked = useAsked([of, name, callees], signal => of.askRefs(name, callees, signal)), read = useTree('root-first', !of.canAsk && !exact && of.hasTree('root-first'));
  const last = useRef<{ name: string; callees: boolean; unit: string } | null>(null);
  if (of.canAsk) {
    if (!asked.isOld) last.current = { name, callees, unit: type.unit };
    const isSame = last.current?.name === name && last.current.callees === callees, { failure, retry } = asked;
    if (!isSame || (!asked.value && !failure)) return { roots: [], unit: type.unit, from: asked.isOld ? 'loading' : 'none', unseen: null };
    return { roots: ofLines(asked.value?.sites.flatMap(site => site.lines) ?? []), unit: last.current!.unit, from: 'answer', unseen: null, dominator: asked.value?.sites[0]?.dominator, isOld: asked.isOld, failure, retry };
  }
  if (exact) return { roots: ofLines(exact.lines), unit: type.unit, from: 'answer', unseen: null, dominator: exact.dominator };
  if (!of.hasTree('root-first')) return { roots: [], unit: type.unit, from: 'none', unseen: null };
  const { tree } = read;
  if (tree === undefined) return { roots: [], unit: type.unit, from: 'loading', unseen: null };
  const t = tree === null || tree instanceof Error ? -1 : tree.typeOf(type.sample_type);
  if (t < 0) return { roots: [], unit: type.unit, from: 'none', unseen: null };
  const reader = new Reader(tree as Tree, t), root = callees ? reader.callees(name) : reader.callers(name);
  const { diff, top } = answerNow.value ?? {}, cum = diff?.rows.find(row => row.name === name)?.delta.cum ?? top?.rows.find(row => row.name === name)?.cum;
  const unseen = cum === undefined ? null : minus(cum, root ? deltaOf(root) : 0);
  return { roots: root ? [root] : [], unit: type.unit, from: 'tree', unseen };
}

/** The lines in sight, with the path of tokens that names each. */
function visible(roots: RefNode[], open: Set<string>, depth = 0, above = '', lines: { node: RefNode; depth: number; path: string; isOpen: boolean }[] = []) {
  for (const node of roots) {
    const path = above + (above ? '-' : '') + node.token;
    const isOpen = node.hasChildren && (depth === 0 ? !open.has('!' + path) : open.has(path));
    lines.push({ node, depth, path, isOpen });
    if (isOpen && lines.length < 3000) visible(node.children(), open, depth + 1, path, lines);
  }
  return lines;
}

export function RefsTree({ name, callees = false, small = false }: { name: string; callees?: boolean; small?: boolean }) {
  const { roots, unit, from, unseen, dominator, isOld, failure, retry } = useRefs(name, callees);
  const [localOpen, setLocalOpen] = useState<string[]>([]);
  const open = new Set(small ? localOpen : view.value.open);
  const lines = visible(roots, open);
  const [cursor, setCursor] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const isTwo = isPair.value;
  const set = (path: string, to: boolean, depth: number) => {
    const key = depth === 0 ? '!' + path : path, next = new Set(open);
    if (to === (depth !== 0)) next.add(key); else next.delete(key);
    const list = [...next].slice(-MOST_OPEN);
    if (small) setLocalOpen(list); else go({ open: list }, 'replace');
  };
  const focus = (k: number) => {
    const next = Math.max(0, Math.min(lines.length - 1, k));
    setCursor(next);
    box.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[next]?.focus();
  };
  const key = (event: KeyboardEvent) => {
    const line = lines[cursor];
    if (!line) return;
    const keys: Record<string, () => void> = {
      ArrowDown: () => focus(cursor + 1), ArrowUp: () => focus(cursor - 1), Home: () => focus(0), End: () => focus(lines.length - 1),
      ArrowRight: () => (line.node.hasChildren && !line.isOpen ? set(line.path, true, line.depth) : focus(cursor + 1)),
      ArrowLeft: () => {
        if (line.isOpen) set(line.path, false, line.depth);
        else for (let k = cursor - 1; k >= 0; k--) if (lines[k].depth < line.depth) { focus(k); break }
      },
      Enter: () => line.node.hasChildren && set(line.path, !line.isOpen, line.depth),
      ' ': () => line.node.hasChildren && set(line.path, !line.isOpen, line.depth),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.target as HTMLElement).closest('a') && event.key === 'Enter') return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  };
  useEffect(() => { setCursor(0) }, [name, callees]);
  if (from === 'loading') return <p class="dim">Reading the call paths…</p>;
  if (failure) return <Again what="The call paths are not there:" failure={failure} retry={retry!} />;
  const command = lineAbout('refs', name, callees ? '--callees' : '');
  if (!lines.length) return <div><p class="dim">{from === 'none' ? `This ${here} has no call paths of this function.` : 'No path to this function was large enough for this report.'}</p><Command text={command} lead="Ask for them" /></div>;
  const whole = Math.abs(deltaOf(lines[0].node)) || Math.abs(lines[0].node.after);
  return <>{dominator && !small && <p>{percent(dominator.share)} of this growth comes through <Name name={dominator.function} />.</p>}
  <div class={isOld ? 'refs stale' : 'refs'} aria-busy={isOld} ref={box} onKeyDown={key}>
    <div class="refhead" aria-hidden="true"><span class="num">{isTwo ? 'Δ' : 'value'}</span><span class="num">± 95 %</span><span class="num">share</span>
      {isTwo && !small && <><span class="num wide">before</span><span class="num wide">after</span></>}<span>{callees ? 'spent in' : 'allocated through'}</span></div>
    <div role="tree" aria-label={`${callees ? 'Callees' : 'Callers'} of ${nameText(name, 100)}`}>
      {lines.map(({ node, depth, path, isOpen }, k) => {
        const delta = isTwo ? deltaOf(node) : node.after, error = node.error, isReal = isSure(error);
        const value = isTwo ? change(delta, unit) : display(delta, unit), margin = marginText(error, delta, unit);
        return <div role="treeitem" key={path} aria-level={depth + 1} aria-expanded={node.hasChildren ? isOpen : undefined} tabIndex={k === Math.min(cursor, lines.length - 1) ? 0 : -1}
          class={`refline ${node.rest ? 'rest' : ''}`} onFocus={() => { if (cursor !== k) setCursor(k) }}
          onClick={event => { if (!(event.target as HTMLElement).closest('a')) { setCursor(k); if (node.hasChildren) set(path, !isOpen, depth) } }}>
          <span class="num">{isTwo ? <Delta delta={delta} unit={unit} real={isReal} /> : value}</span>
          <span class="num dim">{margin}</span>
          <span class="num dim">{whole ? wholePercent((Math.abs(delta) / whole) * 100) : ''}</span>
          {isTwo && !small && <><span class="num wide">{node.before === null ? '' : display(node.before, unit)}</span><span class="num wide">{display(node.after, unit)}</span></>}
          <span class="frames" style={{ '--depth': depth }}>
            <span class="twist" aria-hidden="true">{node.hasChildren ? (isOpen ? '▾' : '▸') : '·'}</span>
            {node.rest ?? node.frames.map((frame, j) => <span key={j} class="frame">{j > 0 && <span class="dim"> {callees ? '→' : '←'} </span>}
              {depth === 0 && j === 0 ? <Name name={frame.name} own={frame.own} length={small ? 90 : 200} />
                : <a tabIndex={-1} href={link({ page: 'refs', sel: frame.name, open: [] })} onClick={event => { event.preventDefault(); event.stopPropagation(); go({ page: 'refs', sel: frame.name, open: [] }); say(`Call paths of ${nameText(frame.name, 80)}`) }}><Name name={frame.name} own={frame.own} length={small ? 90 : 200} /></a>}
              {frame.recursive && <span class="dim" title="calls itself"> ↺</span>}</span>)}
            {node.objects !== null && !small && depth === 0 && <span class="dim"> {isTwo ? countChange(node.objects) : display(node.objects, 'count')} objects</span>}
          </span>
        </div>;
      })}
    </div>
    {unseen !== null && unseen !== 0 && <p class="refline rest"><span class="num">{change(unseen, unit)}</span> in paths too small for this report</p>}
    {from === 'tree' && !small && <p class="dim">Read off the call tree of this report. Exact: <code>{escape(command)}</code></p>}
  </div></>;
}

interface Candidate { name: string; delta: number; after: number }

/** The function that a row is of: rows of files and lines have the place behind it. */
export function functionOf({ name, file, line }: { name: string; file?: string | null; line?: number | null }): string {
  const place = [file && line ? ` ${file}:${line}` : '', file ? ` ${file}` : ''].find(one => one && name.endsWith(one));
  return place ? name.slice(0, -place.length) : name;
}

/** The function of the first row of the answer: the surest change, or the largest value. */
export function firstFunction(): string {
  const { diff, top, timeline } = source.value.report.answer, row = diff?.rows[0] ?? top?.rows[0];
  return row ? functionOf(row) : timeline?.rows[0]?.function ?? '';
}

/** Functions to ask about, the largest change first. */
export function candidates(): Candidate[] {
  const { diff, top } = answerNow.value ?? {}, { timeline } = source.value.report.answer, found = new Map<string, Candidate>();
  const by = (all: Candidate[]) => {
    for (const one of all.sort((x, y) => Math.abs(y.delta) - Math.abs(x.delta))) if (!found.has(one.name)) found.set(one.name, one);
    return [...found.values()];
  };
  if (diff) return by(diff.rows.map(row => ({ name: functionOf(row), delta: row.delta.cum, after: row.after.cum })));
  if (top) return by(top.rows.map(row => ({ name: functionOf(row), delta: row.cum, after: row.cum })));
  if (timeline) return by(timeline.rows.map(row => ({ name: row.name, delta: row.delta.cum, after: row.cum[row.cum.length - 1] ?? 0 })));
  return by(source.value.exactRefs().map(name => { const line = source.value.refs(name)!.lines[0]; return { name, delta: line.delta ?? line.after, after: line.after } }));
}

const MOST_LISTED = 200;

export function RefsPage({ pages }: { pages: string[] }) {
  const exact = source.value.exactRefs();
  const all = candidates(), name = view.value.sel || exact[0] || (source.value.canAsk ? firstFunction() : '') || all[0]?.name || '';
  const [typed, setTyped] = useState('');
  const { unit } = sampleType.value;
  const { regex, wrong } = expression(typed);
  const found = all.filter(one => (regex ? regex.test(one.name) : one.delta !== 0 || one.name === name));
  if (!name) return <p>No function to show call paths of.</p>;
  return <div class="split">
    <aside class="side" aria-label="Functions">
      <label>Find a function <input type="search" value={typed} spellcheck={false} aria-invalid={!!wrong} onInput={event => setTyped(event.currentTarget.value)} data-search /></label>
      <Wrong text={wrong} />
      <p class="dim">{found.length > MOST_LISTED ? `the ${MOST_LISTED} largest of ${found.length}` : `${found.length} functions`}, by Δ cum</p>
      <ul class="list">{found.slice(0, MOST_LISTED).map(one => <li key={one.name}>
        <button class="plain" aria-current={one.name === name ? 'true' : undefined} onClick={() => go({ sel: one.name, open: [] })}>
          <span class="num">{isPair.value ? change(one.delta, unit) : display(one.after, unit)}</span> <Name name={one.name} length={80} /></button></li>)}</ul>
    </aside>
    <section class="fill" aria-labelledby="refs-of">
      <h2 id="refs-of">{view.value.callees ? 'Callees of ' : 'Allocated through '}<Name name={name} /></h2>
      <div class="tools"><Choice label="Direction" value={view.value.callees ? 'callees' : 'callers'} options={[['callers', 'callers'], ['callees', 'callees']]} onChange={to => go({ callees: to === 'callees', open: [] })} />
        <Links name={name} pages={pages} /></div>
      <RefsTree name={name} callees={view.value.callees} key={name} />
      <Command text={lineAbout('refs', name, view.value.callees ? '--callees' : '')} lead="The same in a terminal" />
    </section>
  </div>;
}
