// What stands around the picture of a flame graph: the line about a frame, the legend, the menu, the tree for who cannot see it.

import { useLayoutEffect, useRef } from 'preact/hooks';
import { ALL, VANISHED, type Found, type Layout, type Shape } from '../flame';
import { change, display, exact, exactly, nameText, percent, quote, type Bounds } from '../format';
import { commandLine, filterBy, source, view } from '../store';
import { KINDS, KIND_NAMES, STEPS, theme } from '../theme';
import { OTHER, UNKNOWN, type Tree } from '../tree';
import { Delta, Name, Swatch, copy, marginText } from '../ui';

export interface Facts { name: string; before: number | null; after: number; delta: number; error: Bounds | null; flat: number; flatDelta: number; share: number | null; isReal: boolean; unit: string }

/** The interval of the whole: that of the answer if it has the same total, else that of the roots together, which were sampled independently. */
function wholeError(tree: Tree, type: number, delta: number): Bounds | null {
  const total = source.value.report.answer.totals.find(one => one.sample_type === tree.head.types[type].name), ends = tree.head.totals[type];
  if (total && Number(total.after) === Number(ends[ends.length - 1]) && (ends.length < 2 || Number(total.before) === Number(ends[0]))) return total.error;
  let squares = 0;
  for (const root of tree.children(-1)) { if (tree.error[type][root] === UNKNOWN) return null; squares += tree.error[type][root] ** 2 }
  const half = Math.round(Math.sqrt(squares));
  return { lower: delta - half, upper: delta + half };
}

/** The numbers of a frame. */
export function factsOf(tree: Tree, shape: Shape, node: number): Facts {
  const { type } = shape, isPair = tree.head.snapshots === 2, { unit } = tree.head.types[type];
  const totals = tree.head.totals[type], wholeAfter = totals[totals.length - 1], wholeBefore = totals[0];
  const whole = isPair && shape.width === 'delta' ? tree.totalChange(type) : isPair && shape.width === 'before' ? wholeBefore : wholeAfter;
  const share = (value: number) => (whole ? (value / whole) * 100 : null);
  if (node < 0) {
    const delta = isPair ? tree.totalChange(type) : 0;
    return { name: node === VANISHED ? 'vanished' : 'all', before: isPair ? wholeBefore : null, after: wholeAfter, delta: isPair ? delta : wholeAfter, error: wholeError(tree, type, isPair ? delta : wholeAfter), flat: 0, flatDelta: 0, share: 100, isReal: true, unit };
  }
  const before = tree.cum(type, 0)[node], after = tree.cum(type, tree.lastSide)[node], delta = isPair ? tree.change(type)[node] : after;
  const half = tree.error[type][node], error = half === UNKNOWN ? null : { lower: delta - half, upper: delta + half };
  const flats = tree.flat[type], flat = flats[tree.lastSide][node];
  return {
    name: tree.nameOf(node), before: isPair ? before : null, after, delta, error, flat, flatDelta: isPair ? tree.flatChange(type, node) : 0,
    share: share(shape.width === 'delta' && isPair ? delta : shape.width === 'before' ? before : after), isReal: half === UNKNOWN || Math.abs(delta) > half, unit,
  };
}

/** What the share is of. */
export const wholeName = (shape: Shape, isPair: boolean) => (!isPair ? 'all' : shape.width === 'delta' ? 'the whole change' : `all ${shape.width}`);

export function sentence(facts: Facts, whole: string): string {
  const value = facts.before === null ? display(facts.after, facts.unit) : `${change(facts.delta, facts.unit)}`;
  const margin = marginText(facts.error, facts.delta, facts.unit);
  const sides = facts.before === null ? '' : `, ${display(facts.before, facts.unit)} before, ${display(facts.after, facts.unit)} after`;
  return `${nameText(facts.name, 120)}: ${value}${margin && ` ${margin}`}${sides}${facts.share === null ? '' : `, ${percent(facts.share)} of ${whole}`}${facts.before !== null && !facts.isReal ? ', within noise' : ''}`;
}

export function DetailLine({ tree, shape, node, onZoom, onRefs, onSource, onMenu }: {
  tree: Tree; shape: Shape; node: number; onZoom: () => void; onRefs: () => void; onSource: (() => void) | null; onMenu: (at: HTMLElement) => void;
}) {
  const facts = factsOf(tree, shape, node), isPair = tree.head.snapshots === 2, isFrame = node >= 0 && tree.name[node] !== OTHER;
  return <div class="detailline">
    <p class="what"><span class="num strong">{isPair ? <Delta delta={facts.delta} unit={facts.unit} real={facts.isReal} /> : display(facts.after, facts.unit)}</span>{' '}
      <span class="dim">{marginText(facts.error, facts.delta, facts.unit)}{isPair && node >= 0 && !facts.isReal && ' within noise'}</span>{' '}
      <Name name={facts.name} length={300} own={node >= 0 && tree.kindOf(node) === 1} /></p>
    <p class="more dim">{isPair && <>{display(facts.before!, facts.unit)} → {display(facts.after, facts.unit)}, </>}
      {facts.share !== null && <>{percent(facts.share)} of {wholeName(shape, isPair)}</>}
      {node >= 0 && <>, flat {display(facts.flat, facts.unit)}{isPair && facts.flatDelta !== 0 && <> ({change(facts.flatDelta, facts.unit)})</>}{tree.head.kinds && <>, {KIND_NAMES[tree.kindOf(node)]}</>}</>}</p>
    <p class="acts"><button onClick={onZoom} disabled={node === VANISHED}>Zoom</button>
      <button onClick={onRefs} disabled={!isFrame}>Call paths</button>
      {onSource && <button onClick={onSource} disabled={!isFrame}>Source</button>}
      <button aria-haspopup="menu" onClick={event => onMenu(event.currentTarget)} disabled={!isFrame} aria-label="More about this frame">⋯</button></p>
  </div>;
}

/** The colours with their bounds, which never depend on the zoom. */
export function Legend({ tree, shape }: { tree: Tree; shape: Shape }) {
  const now = theme();
  if (tree.head.snapshots === 1) {
    return <div class="legend" role="group" aria-label="Colours"><h3>Colour</h3><ul>{[1, 2, 3, 0].map(kind => <li key={kind}>
      {KINDS[now][kind].map(colour => <Swatch key={colour} colour={colour} />)} {KIND_NAMES[kind]}</li>)}</ul><p class="dim">stronger: more of it is flat</p></div>;
  }
  const { unit } = tree.head.types[shape.type], b = tree.head.steps[shape.type], steps = STEPS[now];
  const text = (k: number) => (k === 4 ? `≥ ${display(b[3], unit)}` : `≥ ${display(b[k - 1], unit)}`);
  const line = (k: number) => <li key={k}><Swatch colour={steps[4 + k]} /> {k > 0 ? `▲ ${text(k)}` : k < 0 ? `▼ ${text(-k)}` : `≈ noise, or < ${display(b[0], unit)}`}</li>;
  return <div class="legend" role="group" aria-label="Colours"><h3>Δ {nameText(tree.head.types[shape.type].name, 40)}</h3>
    <ul>{[4, 3, 2, 1, 0, -1, -2, -3, -4].map(line)}</ul>
    <p class="dim">▲ grew · ▼ shrank · + new{shape.strip && <> · hatched: {shape.width === 'after' ? 'vanished' : 'not there before'}</>}</p>
    <p class="dim">Width: {shape.width === 'delta' ? '|Δ| of what is below' : shape.width}</p></div>;
}

const ASKS: [text: string, option: string, filter: 'f' | 'i' | 'h' | 'sf', keys?: string][] = [
  ['Focus on this', '--focus', 'f', 'o'], ['Ignore this', '--ignore', 'i', 'x'], ['Hide this frame', '--hide', 'h'], ['Show from here', '--show-from', 'sf'],
];

export interface MenuPlace { node: number; x: number; y: number }

export function Menu({ tree, place, onClose, acts }: { tree: Tree; place: MenuPlace; onClose: () => void; acts: { text: string; run: () => void; keys?: string }[] }) {
  const box = useRef<HTMLDivElement>(null);
  const { node } = place, name = tree.name[node] === OTHER ? '' : tree.head.functions?.[tree.name[node] - 1] ?? tree.head.names[tree.name[node] - 1];
  const line = (option: string) => `${commandLine()} ${option}=${quote(exactly(name))}`;
  const asks: { text: string; run: () => void; keys?: string }[] = ASKS.map(([text, option, filter, keys]) => (source.value.canAsk
    ? { text, run: () => filterBy(filter, name), keys } : { text: `${text}: copy the command`, run: () => void copy(line(option), `the command with ${option}`), keys }));
  const all = [...acts, ...(name ? asks : []), ...(name ? [{ text: 'Copy name', run: () => void copy(name, 'the name'), keys: 'c' }] : [])];
  useLayoutEffect(() => {
    const element = box.current!;
    element.style.left = `${Math.max(4, Math.min(place.x, innerWidth - element.offsetWidth - 8))}px`;
    element.style.top = `${Math.max(4, Math.min(place.y, innerHeight - element.offsetHeight - 8))}px`;
    element.querySelector('button')?.focus();
    const away = (event: Event) => { if (!element.contains(event.target as Node)) onClose() };
    addEventListener('pointerdown', away);
    return () => removeEventListener('pointerdown', away);
  }, [place]);
  const key = (event: KeyboardEvent) => {
    const buttons = [...box.current!.querySelectorAll('button')], at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = event.key === 'ArrowDown' ? at + 1 : event.key === 'ArrowUp' ? at - 1 : event.key === 'Home' ? 0 : event.key === 'End' ? buttons.length - 1 : null;
    event.stopPropagation();
    if (event.key === 'Escape' || event.key === 'Tab') { event.preventDefault(); onClose(); return }
    if (to !== null) { event.preventDefault(); buttons[(to + buttons.length) % buttons.length].focus() }
  };
  return <div class="menu" role="menu" aria-label={`About ${nameText(name, 80)}`} ref={box} onKeyDown={key}>
    {all.map(one => <button role="menuitem" key={one.text} onClick={() => { onClose(); one.run() }}><span>{one.text}</span>{one.keys && <kbd>{one.keys}</kbd>}</button>)}
    {!source.value.canAsk && name && <p class="dim">A report cannot filter: it holds the answer to one question.</p>}
  </div>;
}

const MOST_ITEMS = 40;

/** The frames around the focused one: its path, its siblings, its children. */
export function TreeItems({ tree, shape, graph, node }: { tree: Tree; shape: Shape; graph: Layout; node: number }) {
  const path = node < 0 ? [] : tree.path(node), isPair = tree.head.snapshots === 2, whole = wholeName(shape, isPair);
  const near = (of: number) => [...tree.children(of)].filter(child => graph.at[child] >= 0 || graph.atStrip[child] >= 0).slice(0, 12);
  const siblings = node < 0 ? [] : near(tree.parent[node]).filter(one => one !== node), children = near(node < 0 ? -1 : node);
  const room = Math.max(0, MOST_ITEMS - 1 - siblings.length - children.length);
  const items: [number, number][] = [[ALL, 1], ...path.slice(-room).map(one => [one, tree.depth[one] + 2] as [number, number]),
    ...siblings.map(one => [one, tree.depth[one] + 2] as [number, number]), ...children.map(one => [one, tree.depth[one] + 2] as [number, number])];
  return <>{items.map(([one, level]) => <div role="treeitem" key={one} id={`frame${one}`} aria-level={level} aria-selected={one === Math.max(node, ALL)}
    aria-expanded={one >= 0 && tree.end[one] === one + 1 ? undefined : one < 0 || path.includes(one)}>{sentence(factsOf(tree, shape, one), whole)}</div>)}</>;
}

export const searchText = (found: Found, tree: Tree, shape: Shape): string => {
  const { unit } = tree.head.types[shape.type], isPair = tree.head.snapshots === 2, totals = tree.head.totals[shape.type];
  const part = found.delta, whole = isPair ? tree.totalChange(shape.type) : totals[0];
  const text = isPair ? `${change(part, unit)} of ${change(whole, unit)}` : `${display(part, unit)} of ${display(whole, unit)}`;
  const share = whole ? ` (${percent((part / whole) * 100)})` : '';
  const unseen = found.unseen > 0 ? `, and at most ${display(found.unseen, unit)} more in paths too small to show` : '';
  return `${text}${share} in ${exact(found.frames, 'count')} ${found.frames === 1 ? 'frame' : 'frames'}${unseen}`;
};

export const cutText = ({ head }: Tree): string => (head.others === 0 ? ''
  : `${exact(head.nodes - head.others, 'count')} frames of ${exact(head.paths, 'count')} stacks: those with the largest values and changes. Each “other” is the exact sum of the stacks below its parent that are too small to show.`);

export const fullName = (tree: Tree, node: number) => (tree.name[node] === OTHER ? '' : tree.head.functions?.[tree.name[node] - 1] ?? tree.head.names[tree.name[node] - 1]);
export const commandWith = (option: string, name: string) => `${commandLine()} ${option}=${quote(exactly(name))}`;
export const flipped = () => (view.value.flip ? 'leaf-first' : 'root-first') as 'leaf-first' | 'root-first';
