// The flame graph: where in the calls memory is, or changed.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { effect, useSignal } from '@preact/signals';
import { ALL, VANISHED, View, layout, type Found, type Shape } from '../flame';
import { change, display, nameText, percent } from '../format';
import { plain } from '../keys';
import { filterBy, go, here, letters, notice, sampleType, say, source, view } from '../store';
import { Again, useTree } from '../asked';
import { Table, sorted, type Column } from '../table';
import { printing, theme } from '../theme';
import { OTHER, type Tree } from '../tree';
import type { Width } from '../codec';
import { Choice, Delta, Name, Search, Toggle, Wrong, copy, expression, marginText } from '../ui';
import { cutText, DetailLine, Legend, Menu, TreeItems, commandWith, factsOf, flipped, fullName, searchText, sentence, wholeName, type Facts, type MenuPlace } from './flameparts';

/** Frames wide enough to read a label are as high as a line of text; for fingers, higher. */
const ROW = 18, TOUCH_ROW = 24, ANIMATION = 120;
/** Of a deep recursion, the last frames. */
const MOST_CRUMBS = 40;
const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const isNarrow = () => matchMedia('(max-width: 640px)').matches;

export function FlamePage({ pages }: { pages: string[] }) {
  const order = flipped(), { tree, isOld, retry } = useTree(order);
  if (tree === undefined) return <p class="dim">Reading the tree…</p>;
  if (tree instanceof Error) return <Again what="The tree cannot be read:" failure={tree} retry={retry} />;
  if (tree === null) return <p>This {here} has no tree with {order === 'leaf-first' ? 'leaves' : 'roots'} first. <button onClick={() => go({ flip: false, zoom: [] })}>Roots first</button></p>;
  const type = tree.typeOf(sampleType.value.sample_type);
  if (type < 0) return <p>The tree of this {here} has no {sampleType.value.sample_type}: choose another sample type.</p>;
  return <div class={isOld ? 'answer stale' : 'answer'} aria-busy={isOld}><Flame key={order} tree={tree} type={type} pages={pages} /></div>;
}

function Flame({ tree, type, pages }: { tree: Tree; type: number; pages: string[] }) {
  const { width, gone, search, zoom, table } = view.value, isPair = tree.head.snapshots === 2;
  const shape: Shape = { type, width: isPair ? width : 'after', strip: gone };
  const graph = useMemo(() => layout(tree, shape), [tree, type, shape.width, shape.strip]);
  const canvas = useRef<HTMLCanvasElement>(null), box = useRef<HTMLDivElement>(null), picture = useRef<View | null>(null);
  /** Nodes: the focused one, and the one under the pointer. */
  const focused = useSignal({ of: tree, node: ALL }), hovered = useSignal<{ of: Tree; node: number } | null>(null);
  const focus = nodeIn(tree, focused), hover = nodeUnder(tree, hovered);
  const [menu, setMenu] = useState<MenuPlace & { of: Tree } | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [wrong, setWrong] = useState('');
  const [tall, setTall] = useState(ROW);
  const motion = useRef(0), match = useRef(-1), inStrip = useRef(false), kept = useRef(false);

  const was = picture.current;
  if (!was || was.tree !== tree) {
    picture.current = new View(tree, graph, shape, theme());
    // Another answer to the same picture: what was in sight stays in sight.
    if (was && was.shape.width === shape.width) {
      const scale = graph.total / (was.graph.total || 1);
      picture.current.l = was.l * scale;
      picture.current.r = was.r * scale;
      kept.current = true;
    }
  }
  const v = picture.current!;
  v.row = tall;

  const frameOf = (node: number) => {
    if (node === ALL) return 0;
    if (node === VANISHED) return graph.off[1] > 1 ? 1 : 0;
    return inStrip.current && graph.atStrip[node] >= 0 ? graph.atStrip[node] : graph.at[node] >= 0 ? graph.at[node] : graph.atStrip[node];
  };
  const draw = () => {
    const c = canvas.current, b = box.current;
    if (!c || !b || !b.clientWidth) return;
    const ratio = printing.value ? Math.max(2, devicePixelRatio) : devicePixelRatio || 1;
    const w = Math.round(b.clientWidth * ratio), h = Math.round(b.clientHeight * ratio);
    if (c.width !== w || c.height !== h) { c.width = w; c.height = h; c.style.width = `${b.clientWidth}px`; c.style.height = `${b.clientHeight}px` }
    v.top = b.scrollTop / v.row;
    v.focus = focus.value === ALL && document.activeElement?.id !== 'flametree' ? -1 : frameOf(focus.value);
    v.hover = hover.value === null ? -1 : frameOf(hover.value);
    if (v.theme !== theme()) v.setTheme(theme());
    v.draw(c);
  };
  const pending = useRef(0);
  const schedule = () => { if (!pending.current) pending.current = requestAnimationFrame(() => { pending.current = 0; draw() }) };

  /** The node of the link, or its nearest ancestor that is drawn. */
  const target = useMemo(() => {
    const { node, found: depth } = tree.resolve(zoom);
    let drawn = node;
    while (drawn >= 0 && graph.at[drawn] < 0 && graph.atStrip[drawn] < 0) drawn = tree.parent[drawn];
    return { node: drawn, isMissing: depth < zoom.length || drawn !== node };
  }, [tree, graph, zoom.join('.')]);

  const fly = (l: number, r: number, isQuick = false) => {
    cancelAnimationFrame(motion.current);
    if (isQuick || still() || !canvas.current) { v.l = l; v.r = r; schedule(); return }
    const l0 = v.l, r0 = v.r, start = performance.now();
    const frame = (now: number) => {
      const t = Math.min(1, (now - start) / ANIMATION), e = 1 - (1 - t) ** 3;
      v.l = l0 + (l - l0) * e; v.r = r0 + (r - r0) * e;
      draw();
      if (t < 1) motion.current = requestAnimationFrame(frame);
    };
    motion.current = requestAnimationFrame(frame);
  };

  const first = useRef(true);
  useLayoutEffect(() => {
    const isNew = v.graph !== graph, q = target.node < 0 ? -1 : frameOf(target.node), isKept = kept.current && q < 0 && !target.isMissing;
    v.graph = graph;
    v.shape = shape;
    kept.current = false;
    if (isKept) schedule(); else fly(q < 0 ? 0 : graph.x0[q], q < 0 ? graph.total || 1 : graph.x1[q], isNew || first.current);
    if (target.node >= 0 || focus.value !== ALL) focus.value = target.node < 0 ? ALL : target.node;
    if (target.node >= 0 && box.current) {
      const y = (tree.depth[target.node] + 1) * v.row;
      if (y < box.current.scrollTop || y + v.row > box.current.scrollTop + box.current.clientHeight) box.current.scrollTop = Math.max(0, y - 2 * v.row);
    }
    if (target.isMissing) notice.value = 'The frame of the link is not in this picture: this is the nearest one above it.';
    first.current = false;
  }, [graph, target.node, target.isMissing]);

  useEffect(() => {
    const { regex, wrong } = expression(search);
    setWrong(wrong);
    if (wrong) return;
    const result = v.search(regex);
    match.current = -1;
    setFound(result);
    if (result) say(searchText(result, tree, shape));
    schedule();
  }, [search, graph]);

  useEffect(() => {
    const observer = new ResizeObserver(() => { setTall(isNarrow() || matchMedia('(pointer: coarse)').matches ? TOUCH_ROW : ROW); draw() });
    observer.observe(box.current!);
    const stop = effect(() => { void theme(); void printing.value; void focus.value; void hover.value; if (printing.value) draw(); else schedule() });
    return () => { observer.disconnect(); stop(); cancelAnimationFrame(motion.current); cancelAnimationFrame(pending.current); pending.current = 0 };
  }, [graph, tall]);

  const zoomTo = (node: number) => go({ zoom: node < 0 ? [] : tree.tokensOf(node) });
  const out = () => {
    if (zoom.length) zoomTo(target.node < 0 ? ALL : tree.parent[target.node]);
    else fly(0, graph.total || 1);
  };
  const see = (node: number) => {
    focus.value = node;
    const q = frameOf(node), b = box.current!;
    if (q >= 0 && node >= 0) {
      const y = (tree.depth[node] + 1) * v.row;
      if (y < b.scrollTop) b.scrollTop = y; else if (y + v.row > b.scrollTop + b.clientHeight) b.scrollTop = y + v.row - b.clientHeight;
      if (graph.x1[q] <= v.l || graph.x0[q] >= v.r) fly(Math.max(0, graph.x0[q] - (v.r - v.l) / 2), Math.max(0, graph.x0[q] - (v.r - v.l) / 2) + (v.r - v.l));
    }
    say(sentence(factsOf(tree, shape, node), wholeName(shape, isPair)));
  };
  const drawn = (node: number) => graph.at[node] >= 0 || graph.atStrip[node] >= 0;
  const neighbour = (by: number) => {
    if (focus.value < 0) return;
    const all = [...tree.children(tree.parent[focus.value])].filter(drawn), at = all.indexOf(focus.value) + by;
    if (all[at] !== undefined) see(all[at]);
  };
  const largest = (node: number) => {
    let best = -1, wide = 0;
    for (const child of tree.children(node)) {
      const q = frameOf(child);
      if (q >= 0 && graph.x1[q] - graph.x0[q] > wide) { best = child; wide = graph.x1[q] - graph.x0[q] }
    }
    return best;
  };
  const scale = (by: number, at = 0.5) => {
    const w = Math.min(graph.total, Math.max(graph.total * 1e-9, (v.r - v.l) * by)), x = v.l + (v.r - v.l) * at;
    const l = Math.max(0, Math.min(graph.total - w, x - w * at));
    fly(l, l + w, by > 0.8 && by < 1.25);
  };
  const next = (by: number) => {
    const nodes = v.ranked(10_000);
    if (!nodes.length) return;
    match.current = (Math.max(match.current, by < 0 ? 0 : -1) + by + nodes.length) % nodes.length;
    const node = nodes[match.current];
    zoomTo(node);
    focus.value = node;
    say(`Match ${match.current + 1} of ${nodes.length}: ${sentence(factsOf(tree, shape, node), wholeName(shape, isPair))}`);
  };
  const named = (node: number) => (node >= 0 && tree.name[node] !== OTHER ? tree.head.names[tree.name[node] - 1] : '');
  const refs = (node: number) => { if (named(node)) go({ page: 'refs', sel: named(node), open: [], callees: false }) };
  const toSource = pages.includes('source') ? (node: number) => { if (named(node)) go({ page: 'source', sel: named(node) }) } : null;
  const openMenu = (node: number, x: number, y: number) => { if (node >= 0) setMenu({ of: tree, node, x, y }) };
  const nextWidth: Record<Width, Width> = { after: 'before', before: 'delta', delta: 'after' };

  /** Filters where that can be asked; else copies the command that does. */
  const narrow = (key: 'f' | 'i', option: string, node: number) => {
    const name = node >= 0 ? fullName(tree, node) : '';
    if (!name) return;
    if (source.value.canAsk) filterBy(key, name); else void copy(commandWith(option, name), `the command with ${option}`);
  };
  const key = (event: KeyboardEvent) => {
    const pressed = plain(event), at = focus.value;
    const acts: Record<string, () => void> = {
      ArrowUp: () => see(at < 0 ? ALL : tree.parent[at] < 0 ? ALL : tree.parent[at]), ArrowDown: () => { const child = largest(at < 0 ? -1 : at); if (child >= 0) see(child) },
      ArrowLeft: () => neighbour(-1), ArrowRight: () => neighbour(1), Enter: () => zoomTo(at), Backspace: out, Escape: out, Home: () => { zoomTo(ALL); see(ALL) }, '0': () => { zoomTo(ALL); fly(0, graph.total || 1) },
      '+': () => scale(0.5), '=': () => scale(0.5), '-': () => scale(2), n: () => next(1), N: () => next(-1), f: () => flip(), w: () => { if (isPair) go({ width: nextWidth[width] }) }, v: () => go({ gone: !gone }),
      r: () => refs(at), s: () => toSource?.(at), c: () => { if (at >= 0) void copy(fullName(tree, at), 'the name') },
      o: () => narrow('f', '--focus', at), x: () => narrow('i', '--ignore', at),
      m: () => { const b = box.current!.getBoundingClientRect(), q = frameOf(at); openMenu(at, b.left + ((Math.max(graph.x0[q] ?? 0, v.l) - v.l) / (v.r - v.l)) * b.width, b.top + (tree.depth[at] + 2) * v.row - box.current!.scrollTop) },
    };
    if (pressed === null || !acts[pressed]) return;
    event.preventDefault();
    event.stopPropagation();
    acts[pressed]();
  };
  const hasLeaf = source.value.hasTree('leaf-first');
  const flip = () => { if (hasLeaf) go({ flip: !view.value.flip, zoom: [] }) };

  const nodeAt = (event: MouseEvent) => {
    const rect = canvas.current!.getBoundingClientRect(), q = v.frameAt(event.clientX - rect.left, event.clientY - rect.top, rect.width);
    if (q < 0) return null;
    const node = graph.id[q];
    inStrip.current = node >= 0 && graph.atStrip[node] === q;
    return node;
  };
  const pointers = useRef(new Map<number, { x: number; y: number }>()), drag = useRef<{ x: number; y: number; l: number; top: number; moved: boolean } | null>(null), pinch = useRef(0);
  const down = (event: PointerEvent) => {
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.current.size === 2) { const [a, b] = [...pointers.current.values()]; pinch.current = Math.abs(a.x - b.x) || 1 }
    if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, l: v.l, top: box.current!.scrollTop, moved: false };
  };
  const move = (event: PointerEvent) => {
    const b = box.current!, wide = b.clientWidth;
    if (pointers.current.has(event.pointerId)) pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.current.size === 2 && pinch.current) {
      const [p, q] = [...pointers.current.values()], now = Math.abs(p.x - q.x) || 1;
      scale(Math.min(1.24, Math.max(0.81, pinch.current / now)), ((p.x + q.x) / 2 - b.getBoundingClientRect().left) / wide);
      pinch.current = now;
      if (drag.current) drag.current.moved = true;
      return;
    }
    const d = drag.current;
    if (d && (d.moved || Math.hypot(event.clientX - d.x, event.clientY - d.y) > 5)) {
      if (!d.moved) { d.moved = true; canvas.current!.setPointerCapture(event.pointerId) }
      const w = v.r - v.l, l = Math.max(0, Math.min(graph.total - w, d.l - ((event.clientX - d.x) / wide) * w));
      v.l = l; v.r = l + w;
      if (event.pointerType === 'mouse') b.scrollTop = d.top - (event.clientY - d.y);
      schedule();
      return;
    }
    if (event.pointerType === 'mouse') hover.value = nodeAt(event);
  };
  const up = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    const d = drag.current;
    if (pointers.current.size) return;
    drag.current = null;
    if (!d || d.moved || event.button !== 0) return;
    const node = nodeAt(event);
    document.getElementById('flametree')?.focus({ preventScroll: true });
    if (node === null) return;
    // A finger shows the facts first: it covers what it touches.
    if (event.pointerType !== 'mouse' && focus.value !== node) { see(node); return }
    focus.value = node;
    if (node !== VANISHED) zoomTo(node);
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    scale(Math.min(1.24, Math.max(0.81, Math.exp(event.deltaY * 0.004))), (event.clientX - box.current!.getBoundingClientRect().left) / box.current!.clientWidth);
  };
  useEffect(() => {
    const c = canvas.current!;
    c.addEventListener('wheel', wheel, { passive: false });
    return () => c.removeEventListener('wheel', wheel);
  }, [graph]);

  const shown = hover.value ?? focus.value, crumbs = target.node < 0 ? [] : tree.path(target.node), cut = Math.max(0, crumbs.length - MOST_CRUMBS);
  return <div class="flamepage">
    <div class="tools">
      <Search label="Search" wrong={wrong} onKeyDown={event => { if (event.key === 'Enter') { event.preventDefault(); next(event.shiftKey ? -1 : 1) } }} />
      {isPair && <Choice label="Width of frames" value={width} options={[['after', 'after'], ['before', 'before'], ['delta', 'Δ']]} onChange={to => go({ width: to })} />}
      {(hasLeaf || view.value.flip) && <Toggle on={view.value.flip} onChange={flip}>leaves first</Toggle>}
      {isPair && shape.width !== 'delta' && !tree.head.signed && <Toggle on={gone} onChange={on => go({ gone: on })}>{shape.width === 'after' ? 'vanished' : 'new'}</Toggle>}
      <Toggle on={table} onChange={on => go({ table: on })}>as table</Toggle>
      <span class="zoomers"><button onClick={() => scale(0.5)} aria-label="Zoom in">+</button><button onClick={() => scale(2)} aria-label="Zoom out">−</button>
        <button onClick={() => { zoomTo(ALL); fly(0, graph.total || 1) }} disabled={!zoom.length}>all</button></span>
    </div>
    <Wrong text={wrong} />
    {!wrong && found && <p class="found" role="status">{searchText(found, tree, shape)} {found.frames > 0 && <><button class="small" onClick={() => next(-1)} aria-label="Previous match">‹</button><button class="small" onClick={() => next(1)} aria-label="Next match">›</button></>}</p>}
    <nav class="crumbs" aria-label="Zoom"><ol><li>{crumbs.length ? <button class="plain" onClick={() => zoomTo(ALL)}>all</button> : <span aria-current="true">all</span>}</li>
      {cut > 0 && <li>… {cut} frames</li>}
      {crumbs.slice(cut).map((node, k, all) => <li key={node}>{k < all.length - 1 ? <button class="plain" onClick={() => zoomTo(node)}>{last(nameText(tree.nameOf(node), 60))}</button> : <span aria-current="true">{last(nameText(tree.nameOf(node), 60))}</span>}</li>)}</ol></nav>
    <DetailLine tree={tree} shape={shape} node={shown} onZoom={() => zoomTo(shown)} onRefs={() => refs(shown)} onSource={toSource && (() => toSource(shown))}
      onMenu={at => { const rect = at.getBoundingClientRect(); openMenu(shown, rect.left, rect.bottom) }} />
    <div class="flamerow" style={{ '--tall': `${graph.levels * tall + 4}px` }}>
      <div class="flameframe">
        <div class="flamebox" ref={box} onScroll={schedule} tabIndex={-1}>
          <div class="flametall" style={{ height: `${graph.levels * tall}px` }}>
            <canvas ref={canvas} aria-hidden="true" onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={event => { pointers.current.delete(event.pointerId); drag.current = null }}
              onPointerLeave={() => { hover.value = null }} onContextMenu={event => { const node = nodeAt(event); if (node !== null && node >= 0) { event.preventDefault(); focus.value = node; openMenu(node, event.clientX, event.clientY) } }} />
          </div>
        </div>
        <div id="flametree" class="flametree" role="tree" tabIndex={0} aria-label="Flame graph: arrows move, Enter zooms, Escape zooms out" aria-activedescendant={`frame${Math.max(focus.value, ALL)}`}
          onKeyDown={key} onFocus={schedule} onBlur={schedule}><TreeItems tree={tree} shape={shape} graph={graph} node={focus.value} /></div>
      </div>
      <Legend tree={tree} shape={shape} />
    </div>
    {table && <FrameTable tree={tree} shape={shape} node={target.node} onZoom={zoomTo} />}
    {cutText(tree) && <p class="dim">{cutText(tree)}</p>}
    {menu?.of === tree && <Menu tree={tree} place={menu} onClose={() => { setMenu(null); document.getElementById('flametree')?.focus({ preventScroll: true }) }} acts={[
      { text: 'Zoom to this', run: () => zoomTo(menu.node), keys: 'Enter' }, { text: 'Call paths', run: () => refs(menu.node), keys: 'r' }, ...(toSource ? [{ text: 'Source', run: () => toSource(menu.node), keys: 's' }] : [])]} />}
    {!letters.value && <p class="dim">Single letters are off.</p>}
  </div>;
}

type Focused = { of: Tree; node: number };

/** The focused node, found again by its path if another tree took the place of the one it was of. */
function nodeIn(tree: Tree, at: { value: Focused }) {
  return {
    get value() { const { of, node } = at.value; return of === tree || node < 0 ? node : tree.resolve(of.tokensOf(node)).node },
    set value(node: number) { if (at.value.of !== tree || at.value.node !== node) at.value = { of: tree, node } },
  };
}

function nodeUnder(tree: Tree, at: { value: Focused | null }) {
  return {
    get value() { return at.value?.of === tree ? at.value.node : null },
    set value(node: number | null) { if (node === null ? at.value !== null : at.value?.of !== tree || at.value.node !== node) at.value = node === null ? null : { of: tree, node } },
  };
}

/** What follows the last slash, as Go programmers read names. */
const last = (name: string) => name.slice(name.lastIndexOf('/') + 1) || name;

/** The children of a frame as rows: the same numbers without a picture. */
function FrameTable({ tree, shape, node, onZoom }: { tree: Tree; shape: Shape; node: number; onZoom: (node: number) => void }) {
  const isPair = tree.head.snapshots === 2, by = view.value.by || '-size';
  type Row = Facts & { node: number };
  const rows: Row[] = [...tree.children(node)].map(child => ({ ...factsOf(tree, shape, child), node: child }));
  const columns: Column<Row>[] = [
    ...(isPair ? [{ key: 'delta', title: 'Δ cum', class: 'num', cell: (row: Row) => <Delta delta={row.delta} unit={row.unit} real={row.isReal} />, order: (row: Row) => row.delta }] : []),
    { key: 'error', title: '± 95 %', class: 'num', cell: row => marginText(row.error, row.delta, row.unit) },
    ...(isPair ? [{ key: 'before', title: 'before', class: 'num wide', cell: (row: Row) => display(row.before!, row.unit), order: (row: Row) => row.before! }] : []),
    { key: 'after', title: isPair ? 'after' : 'cum', class: 'num', cell: row => display(row.after, row.unit), order: row => row.after },
    { key: 'flat', title: 'flat', class: 'num wide', cell: row => (isPair ? change(row.flatDelta, row.unit) : display(row.flat, row.unit)), order: row => (isPair ? row.flatDelta : row.flat) },
    { key: 'share', title: 'share', class: 'num wide', cell: row => (row.share === null ? '' : percent(row.share)), order: row => row.share ?? 0 },
    { key: 'name', title: 'frame', class: 'name', cell: row => <Name name={row.name} />, order: row => row.name },
    { key: 'size', title: '', cell: () => '', order: row => Math.abs(row.delta) },
  ];
  return <section class="frametable" aria-label="Frames below, as a table"><Table caption={`Frames called by ${node < 0 ? 'nothing' : nameText(tree.nameOf(node), 100)}`} columns={columns.slice(0, -1)} rows={sorted(rows, columns, by)}
    id={row => String(row.node)} main="name" by={by} onSort={key => go({ by: key })} onOpen={id => { if (id) onZoom(Number(id)) }} /></section>;
}
