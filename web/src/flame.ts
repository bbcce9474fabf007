// The flame graph: levels of frames in columns, painted so that the cost depends on pixels, not on frames.
//
// Each level is sorted by x, so what is visible is found by bisection. Frames narrower than a pixel and a half merge into one
// sliver, whose colour is that of the true sum of their changes: a prefix sum gives it at once. A level is painted as one line
// of pixels, and all lines are stretched to the height of a row at once.

import { Tree, OTHER, UNKNOWN } from './tree';
import type { Width } from './codec';
import { STEPS, KINDS, GROUND, MIDDLE, inkOn, mix, pixel, type Theme } from './theme';
import { escape, shorten } from './format';

/** The row above all roots, and the one above what vanished. */
export const ALL = -1, VANISHED = -2;

export interface Layout {
  levels: number;
  /** Where each level begins in the columns below. */
  off: Uint32Array;
  /** The node of each frame, or ALL or VANISHED. */
  id: Int32Array;
  x0: Float64Array; x1: Float64Array;
  /** Prefix sums of changes and of squared errors. */
  delta: Float64Array; square: Float64Array;
  /** Where the frame of each node is; of the strip if `inStrip`. */
  at: Int32Array; atStrip: Int32Array;
  /** Width of the graph, and where the strip of what vanished begins. */
  total: number; main: number; strip: number;
}

/** Gap before the strip, as a share of everything. */
const GAP = 0.012;

export interface Shape { type: number; width: Width; strip: boolean }

function widths(tree: Tree, shape: Shape): { main: Float64Array; strip: Float64Array | null } {
  const sides = tree.flat[shape.type], m = tree.nodes;
  const main = new Float64Array(m);
  const b = sides[0], a = sides[tree.lastSide], isPair = tree.head.snapshots === 2;
  for (let i = 0; i < m; i++) {
    main[i] = Math.abs(!isPair || shape.width === 'after' ? a[i] : shape.width === 'before' ? b[i] : tree.flatChange(shape.type, i));
  }
  let strip: Float64Array | null = null;
  if (shape.strip && isPair && shape.width !== 'delta' && !tree.head.signed) {
    const shown = tree.cum(shape.type, shape.width === 'after' ? 1 : 0);
    const other = shape.width === 'after' ? b : a;
    strip = new Float64Array(m);
    for (let i = 0; i < m; i++) if (shown[i] === 0) strip[i] = other[i];
  }
  for (let i = m - 1; i > 0; i--) {
    const p = tree.parent[i];
    if (p >= 0) { main[p] += main[i]; if (strip) strip[p] += strip[i] }
  }
  return { main, strip };
}

export function layout(tree: Tree, shape: Shape): Layout {
  const { main, strip } = widths(tree, shape), m = tree.nodes, { depth, parent } = tree;
  let mainTotal = 0, stripTotal = 0, levels = 1, count = 1;
  for (let i = 0; i < m; i++) {
    if (depth[i] === 0) { mainTotal += main[i]; if (strip) stripTotal += strip[i] }
    if (main[i] > 0 || (strip && strip[i] > 0)) levels = Math.max(levels, depth[i] + 2);
  }
  const hasStrip = stripTotal > 0;
  const off = new Uint32Array(levels + 1);
  off[1] = hasStrip ? 2 : 1;
  for (let i = 0; i < m; i++) {
    const frames = (main[i] > 0 ? 1 : 0) + (strip && strip[i] > 0 ? 1 : 0);
    if (frames) off[depth[i] + 2] += frames;
  }
  for (let l = 0; l < levels; l++) off[l + 1] += off[l];
  count = off[levels];
  const id = new Int32Array(count), x0 = new Float64Array(count), x1 = new Float64Array(count);
  const at = new Int32Array(m).fill(-1), atStrip = new Int32Array(m).fill(-1);
  const next = off.slice(0, levels), left = new Float64Array(m), used = new Float64Array(m);
  const place = (of: Float64Array, start: number, where: Int32Array) => {
    let roots = start;
    used.fill(0);
    for (let i = 0; i < m; i++) {
      if (!(of[i] > 0)) continue;
      const p = parent[i];
      let x: number;
      if (p < 0) { x = roots; roots += of[i] } else { x = left[p] + used[p]; used[p] += of[i] }
      left[i] = x;
      const q = next[depth[i] + 1]++;
      id[q] = i; where[i] = q; x0[q] = x; x1[q] = x + of[i];
    }
  };
  const stripStart = hasStrip ? (mainTotal + stripTotal) * GAP + mainTotal : mainTotal;
  id[next[0]] = ALL; x0[next[0]] = 0; x1[next[0]++] = mainTotal;
  place(main, 0, at);
  if (strip && hasStrip) {
    id[next[0]] = VANISHED; x0[next[0]] = stripStart; x1[next[0]++] = stripStart + stripTotal;
    place(strip, stripStart, atStrip);
  }
  const delta = new Float64Array(count + 1), square = new Float64Array(count + 1);
  const changes = tree.head.snapshots === 2 ? tree.change(shape.type) : null, error = tree.error[shape.type];
  for (let q = 0; q < count; q++) {
    const i = id[q], e = i >= 0 && error[i] !== UNKNOWN ? error[i] : 0;
    delta[q + 1] = delta[q] + (i >= 0 && changes ? changes[i] : 0);
    square[q + 1] = square[q] + e * e;
  }
  return { levels, off, id, x0, x1, delta, square, at, atStrip, total: stripStart + stripTotal, main: mainTotal, strip: stripStart };
}

/** The colour step of a change: 0 shrank most, 4 noise or too small, 8 grew most. */
export function step(delta: number, error: number, bounds: number[]): number {
  const size = Math.abs(delta);
  if (size <= error || size < bounds[0] || size === 0) return MIDDLE;
  const s = size < bounds[1] ? 1 : size < bounds[2] ? 2 : size < bounds[3] ? 3 : 4;
  return delta > 0 ? MIDDLE + s : MIDDLE - s;
}

/** The first of a sorted column that is beyond `x`. */
function beyond(column: Float64Array, lo: number, hi: number, x: number): number {
  while (lo < hi) { const mid = (lo + hi) >>> 1; if (column[mid] <= x) lo = mid + 1; else hi = mid }
  return lo;
}

export interface Found { frames: number; before: number; after: number; /** What changed; in one profile, what is there. */ delta: number; /** In paths too small to search. */ unseen: number }

interface Paint { fill: Uint32Array; faint: Uint32Array; ink: string[]; faintInk: string[]; paper: number; hatch: number }

function paint(theme: Theme): Paint {
  const { paper } = GROUND[theme];
  const all = [...STEPS[theme], ...KINDS[theme].flat()], faint = all.map(hex => mix(hex, paper, 0.72));
  const soft = mix(GROUND[theme].ink, paper, 0.35);
  return {
    fill: Uint32Array.from(all, pixel), faint: Uint32Array.from(faint, pixel),
    ink: all.map(inkOn), faintInk: faint.map(() => soft), paper: pixel(paper), hatch: pixel(mix(paper, GROUND[theme].ink, 0.12)),
  };
}

const SLIVER = 1.5, LEAST_TEXT = 28, MOST_LABEL = 400;

export class View {
  l = 0;
  r = 1;
  top = 0;
  row = 18;
  /** The frame with the keyboard focus, and the one under the pointer; -1 is none. */
  focus = -1;
  hover = -1;
  drawn = 0;
  private painted: Paint;
  /** A line of pixels for each level in sight. */
  private lines: OffscreenCanvas | null = null;
  private image: ImageData | null = null;
  private pixels = new Uint32Array();
  private tile: OffscreenCanvas | null = null;
  private tiled: Paint | null = null;
  private matching: Uint8Array | null = null;
  private matches: Uint32Array | null = null;
  private readonly labels: (string | undefined)[] = [];

  constructor(readonly tree: Tree, public graph: Layout, public shape: Shape, public theme: Theme) {
    this.painted = paint(theme);
    this.r = graph.total || 1;
  }

  setTheme(theme: Theme): void { this.theme = theme; this.painted = paint(theme) }

  colour(q: number): number {
    const i = this.graph.id[q], { tree, shape } = this;
    if (i < 0 || this.isAbove(q)) return MIDDLE;
    if (tree.head.snapshots === 1) {
      const cum = tree.cum(shape.type, 0)[i], flat = tree.flat[shape.type][0][i];
      const share = cum ? Math.abs(flat / cum) : 0;
      return STEPS.light.length + tree.kindOf(i) * 4 + Math.min(3, Math.floor(share * 4));
    }
    const error = tree.error[shape.type][i];
    return step(tree.change(shape.type)[i], error === UNKNOWN ? 0 : error, tree.head.steps[shape.type]);
  }

  /** In the strip, what is above the frames that vanished only says where they were. */
  private isAbove(q: number): boolean {
    const { graph, tree, shape } = this, i = graph.id[q];
    return i >= 0 && graph.atStrip[i] === q && tree.cum(shape.type, shape.width === 'after' ? 1 : 0)[i] !== 0;
  }

  private sliver(q: number, q2: number): number {
    const { graph, tree, shape } = this;
    if (tree.head.snapshots === 1) return this.colour(q);
    return step(graph.delta[q2] - graph.delta[q], Math.sqrt(graph.square[q2] - graph.square[q]), tree.head.steps[shape.type]);
  }

  /** ▲ grew, ▼ shrank, ≈ within noise, + new; nothing for a single profile. */
  mark(q: number, colour: number): string {
    const i = this.graph.id[q], { tree, shape } = this;
    if (tree.head.snapshots === 1 || i < 0 || this.isAbove(q)) return '';
    if (colour === MIDDLE) return '≈ ';
    if (tree.cum(shape.type, 0)[i] === 0) return '+ ';
    return colour > MIDDLE ? '▲ ' : '▼ ';
  }

  private label(i: number): string {
    if (i === ALL) return 'all';
    if (i === VANISHED) return this.shape.width === 'after' ? 'vanished' : 'new';
    const name = this.tree.name[i];
    if (name === OTHER) return this.tree.nameOf(i);
    return (this.labels[name] ??= shorten(escape(shorten(this.tree.head.names[name - 1], MOST_LABEL)), MOST_LABEL));
  }

  draw(canvas: HTMLCanvasElement): void {
    const g = canvas.getContext('2d', { alpha: false })!;
    const ratio = canvas.width / (canvas.clientWidth || canvas.width) || 1;
    const W = canvas.width, H = canvas.height, row = Math.round(this.row * ratio);
    if (W === 0 || H === 0) return;
    const first = Math.floor(this.top), origin = Math.round((first - this.top) * row), rows = Math.ceil(H / row) + 1;
    if (!this.lines || !this.image || this.image.width !== W || this.image.height !== rows) {
      this.lines = new OffscreenCanvas(W, rows);
      this.image = new ImageData(W, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const P = this.pixels, { graph, painted, matching, matches } = this, { x0, x1, off } = graph;
    const scale = W / (this.r - this.l), one = 1 / scale;
    const texts: number[] = [];
    this.drawn = 0;
    P.fill(painted.paper);
    const last = Math.min(graph.levels, first + rows);
    for (let level = first; level < last; level++) {
      const end = off[level + 1], y = origin + (level - first) * row, base = (level - first) * W;
      let q = beyond(x1, off[level], end, this.l);
      while (q < end && x0[q] < this.r) {
        const a = (x0[q] - this.l) * scale, b = (x1[q] - this.l) * scale;
        this.drawn++;
        if (b - a >= SLIVER) {
          const colour = this.colour(q), i = graph.id[q];
          const isFaint = matching !== null && (i < 0 || !matching[this.tree.name[i]]);
          const left = a < 0 ? 0 : Math.round(a), right = Math.min(W, Math.round(b));
          P.fill((isFaint ? painted.faint : painted.fill)[colour], base + left, base + Math.max(left + 1, right - 1));
          if (right - left > LEAST_TEXT * ratio) texts.push(q, isFaint ? -1 - colour : colour, left, right - left, y);
          q++;
        } else {
          let reach = 1;
          const until = x0[q] + SLIVER * one;
          while (q + 1 + reach < end && x1[q + 1 + reach] <= until) reach *= 2;
          const q2 = Math.max(q + 1, beyond(x1, q + 1, Math.min(end, q + reach + 2), until));
          const left = Math.max(0, Math.round(a));
          const isFaint = matches !== null && matches[q2] === matches[q];
          if (left < W) P[base + left] = (isFaint ? painted.faint : painted.fill)[this.sliver(q, q2)];
          q = q2;
        }
      }
    }
    this.lines.getContext('2d', { alpha: false, willReadFrequently: true })!.putImageData(this.image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(this.lines, 0, 0, W, rows, 0, origin, W, rows * row);
    this.hatch(g, W, origin, row, scale, ratio);
    g.fillStyle = GROUND[this.theme].paper;
    for (let y = origin + row - 1; y < H; y += row) g.fillRect(0, y, W, 1);
    this.write(g, texts, ratio, row);
    if (this.hover >= 0 && this.hover !== this.focus) this.outline(g, this.hover, ratio, row, W, 1);
    if (this.focus >= 0) this.outline(g, this.focus, ratio, row, W, 2);
  }

  /** What vanished is hatched: it is not there any more. */
  private hatch(g: CanvasRenderingContext2D, W: number, origin: number, row: number, scale: number, ratio: number): void {
    const { graph, pixels, painted } = this;
    if (graph.strip >= graph.total) return;
    const from = Math.max(0, Math.round((graph.strip - this.l) * scale));
    const to = Math.min(W, Math.round((graph.total - this.l) * scale));
    if (from >= to) return;
    const every = Math.round(7 * ratio);
    if (this.tile?.width !== every || this.tiled !== painted) {
      this.tile = new OffscreenCanvas(every, every);
      this.tiled = painted;
      const tile = new ImageData(every, every), dots = new Uint32Array(tile.data.buffer);
      for (let y = 0; y < every; y++) dots[y * every + ((every - y) % every)] = painted.hatch;
      this.tile.getContext('2d')!.putImageData(tile, 0, 0);
    }
    g.fillStyle = g.createPattern(this.tile, 'repeat')!;
    g.translate(from, 0);
    // Frames side by side are hatched in one go, with the gap between them.
    for (let base = 0, y = origin; base < pixels.length; base += W, y += row) {
      for (let x = from; x < to; x++) {
        if (pixels[base + x] === painted.paper) continue;
        const start = x;
        while (x < to && (pixels[base + x] !== painted.paper || (x + 1 < to && pixels[base + x + 1] !== painted.paper))) x++;
        g.fillRect(start - from, y, x - start, row);
      }
    }
    g.translate(-from, 0);
  }

  private write(g: CanvasRenderingContext2D, texts: number[], ratio: number, row: number): void {
    const size = (this.row >= 22 ? 13 : 12) * ratio;
    g.font = `${size}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace`;
    g.textBaseline = 'middle';
    const wide = g.measureText('0').width;
    let ink = '';
    for (let k = 0; k < texts.length; k += 5) {
      const q = texts[k], isFaint = texts[k + 1] < 0, colour = isFaint ? -1 - texts[k + 1] : texts[k + 1];
      const room = Math.floor((texts[k + 3] - 6 * ratio) / wide), mark = this.mark(q, colour);
      let text = mark + this.label(this.graph.id[q]);
      // Other scripts may be wider than the digits that `wide` is of.
      const fits = /^[\x20-\x7e▲▼≈…]*$/.test(text) ? room : Math.floor(room / 2);
      if (text.length > fits) {
        const slash = text.lastIndexOf('/');
        if (slash > 0) text = mark + text.slice(slash + 1);
        if (text.length > fits) text = fits > 3 ? text.slice(0, fits - 1) + '…' : '';
      }
      if (!text) continue;
      const wanted = (isFaint ? this.painted.faintInk : this.painted.ink)[colour];
      if (wanted !== ink) g.fillStyle = ink = wanted;
      g.fillText(text, texts[k + 2] + 3 * ratio, texts[k + 4] + row / 2);
    }
  }

  private outline(g: CanvasRenderingContext2D, q: number, ratio: number, row: number, W: number, thick: number): void {
    const { graph } = this, scale = W / (this.r - this.l), level = this.levelOf(q);
    const a = Math.max(0, (graph.x0[q] - this.l) * scale), b = Math.min(W, (graph.x1[q] - this.l) * scale);
    const y = Math.round((level - this.top) * row), { ring, halo } = GROUND[this.theme];
    if (b < 0 || a > W) return;
    const t = thick * ratio, w = Math.max(t * 2, b - a);
    if (thick > 1) { g.strokeStyle = halo; g.lineWidth = t; g.strokeRect(a + t * 1.5, y + t * 1.5, Math.max(1, w - 3 * t), row - 3 * t) }
    g.strokeStyle = ring;
    g.lineWidth = t;
    g.strokeRect(a + t / 2, y + t / 2, w - t, row - t);
  }

  levelOf(q: number): number {
    const { off } = this.graph;
    let lo = 0, hi = this.graph.levels;
    while (lo < hi) { const mid = (lo + hi) >>> 1; if (off[mid + 1] <= q) lo = mid + 1; else hi = mid }
    return lo;
  }

  /** The frame at a place of the canvas, in CSS pixels; -1 if there is none. */
  frameAt(x: number, y: number, width: number): number {
    const { graph } = this, level = Math.floor(this.top + y / this.row);
    if (level < 0 || level >= graph.levels) return -1;
    const at = this.l + (x * (this.r - this.l)) / width;
    const q = beyond(graph.x1, graph.off[level], graph.off[level + 1], at);
    return q < graph.off[level + 1] && graph.x0[q] <= at ? q : -1;
  }

  /** Marks the frames of matching names; each byte counts once, in the outermost match. */
  search(regex: RegExp | null): Found | null {
    this.matching = this.matches = null;
    if (!regex) return null;
    const { tree, shape, graph } = this, { names } = tree.head;
    const matching = new Uint8Array(names.length + 1);
    for (let k = 0; k < names.length; k++) matching[k + 1] = regex.test(names[k]) ? 1 : 0;
    const b = tree.cum(shape.type, 0), a = tree.cum(shape.type, tree.lastSide);
    const changes = tree.head.snapshots === 2 ? tree.change(shape.type) : a, found: Found = { frames: 0, before: 0, after: 0, delta: 0, unseen: 0 };
    for (let i = 0, inside = 0; i < tree.nodes; i++) {
      const name = tree.name[i];
      if (matching[name]) {
        found.frames++;
        if (i >= inside) { found.before += b[i]; found.after += a[i]; found.delta += changes[i]; inside = tree.end[i] }
      } else if (name === OTHER && i >= inside) {
        found.unseen += Math.max(Math.abs(a[i]), Math.abs(b[i]));
      }
    }
    const matches = new Uint32Array(graph.id.length + 1);
    for (let q = 0; q < graph.id.length; q++) matches[q + 1] = matches[q] + (graph.id[q] >= 0 && matching[tree.name[graph.id[q]]] ? 1 : 0);
    this.matching = matching;
    this.matches = matches;
    return found;
  }

  /** Matching nodes that no match encloses, the largest first. */
  ranked(most: number): number[] {
    const { tree, shape, matching } = this;
    if (!matching) return [];
    const sizes = tree.head.snapshots === 2 ? tree.change(shape.type) : tree.cum(shape.type, 0), nodes: number[] = [];
    for (let i = 0; i < tree.nodes;) { if (matching[tree.name[i]]) { nodes.push(i); i = tree.end[i] } else i++ }
    const size = (i: number) => Math.abs(sizes[i]);
    return nodes.sort((x, y) => size(y) - size(x) || x - y).slice(0, most);
  }
}
