// The ways in to a function, as a tree that opens on demand: from the exact answer if the source has one, else read off the
// tree of calls. A chain without a branch is one line, as in `heapdiff refs`.

import { OTHER, UNKNOWN, token, type Tree } from './tree';
import type { Frame, RefsLine } from './answer';
import { minus } from './large';
import type { Bounds } from './format';

export interface RefNode {
  frames: Frame[];
  before: number | null;
  after: number;
  /** The change, where it is known better than as the difference of the two. */
  delta?: number;
  error: Bounds | null;
  objects: number | null;
  /** Names this line in a link, with the lines above it. */
  token: string;
  /** Text of a line that stands for paths, not for a function. */
  rest?: string;
  hasChildren: boolean;
  children(): RefNode[];
}

export const deltaOf = (node: { before: number | null; after: number; delta?: number }) => node.delta ?? minus(node.after, node.before ?? 0);

const none = () => [];

/** The exact answer: lines in the order of `heapdiff refs`, with their depth. */
export function ofLines(lines: RefsLine[]): RefNode[] {
  const roots: RefNode[] = [], stack: { depth: number; children: RefNode[] }[] = [{ depth: -1, children: roots }];
  for (const line of lines) {
    while (stack[stack.length - 1].depth >= line.depth) stack.pop();
    const children: RefNode[] = [];
    const node: RefNode = {
      frames: line.frames, before: line.before ?? null, after: line.after, error: line.error, objects: line.objects?.delta ?? line.objects?.after ?? null,
      token: token(line.frames[0]?.name ?? ''), get hasChildren() { return children.length > 0 }, children: () => children,
    };
    stack[stack.length - 1].children.push(node);
    stack.push({ depth: line.depth, children });
    for (const [rest, text] of [[line.ends && { ...line.ends, count: 0 }, 'ends here'], [line.omitted, 'more paths']] as const) {
      if (rest) children.push({
        frames: [], before: rest.before ?? null, after: rest.after, error: null, objects: null, token: text[0], hasChildren: false, children: none,
        rest: rest.count ? `${rest.count} ${rest.count === 1 ? 'more path' : text}` : text,
      });
    }
  }
  return roots;
}

/** The outermost nodes of a function: no byte is counted twice, however it recurses. */
export function outermost(tree: Tree, name: string): number[] {
  const nodes: number[] = [];
  let inside = 0;
  for (const i of tree.nodesOf(name)) if (i >= inside) { nodes.push(i); inside = tree.end[i] }
  return nodes;
}

interface Sums { before: number | null; after: number; delta: number; error: Bounds | null }

export class Reader {
  private readonly b: Float64Array;
  private readonly a: Float64Array;
  /** What changed; in one profile, what is there. */
  private readonly c: Float64Array;
  private readonly e: Float64Array;

  constructor(private readonly tree: Tree, type: number) {
    this.b = tree.cum(type, 0);
    this.a = tree.cum(type, tree.lastSide);
    this.c = tree.head.snapshots === 2 ? tree.change(type) : this.a;
    this.e = tree.error[type];
  }

  /** Disjoint nodes were sampled independently, so their variances add up. */
  sums(nodes: number[]): Sums {
    let before = 0, after = 0, delta = 0, squares = 0, isKnown = true;
    for (const i of nodes) {
      before += this.b[i];
      after += this.a[i];
      delta += this.c[i];
      if (this.e[i] === UNKNOWN) isKnown = false; else squares += this.e[i] ** 2;
    }
    const middle = delta, half = Math.round(Math.sqrt(squares));
    return { before: this.tree.head.snapshots === 2 ? before : null, after, delta, error: isKnown ? { lower: middle - half, upper: middle + half } : null };
  }

  private frame(node: number): Frame { return { name: this.tree.nameOf(node), own: this.tree.kindOf(node) === 1 } }

  /** The callers of a function: each node of it is followed towards its root. */
  callers(name: string): RefNode | null {
    const origins = outermost(this.tree, name);
    return origins.length ? this.up([this.frame(origins[0])], origins.map(origin => ({ at: origin, origin })), token(name)) : null;
  }

  private up(frames: Frame[], paths: { at: number; origin: number }[], name: string): RefNode {
    let groups = this.groupUp(paths), cursors = paths;
    // A chain: all come from one caller, and none begins here.
    while (frames.length < 64 && groups.size === 1) {
      const [key, next] = [...groups][0];
      if (key < 0 || this.isFirst(frames, next)) break;
      frames = [...frames, this.frame(next[0].at)];
      cursors = next;
      groups = this.groupUp(cursors);
    }
    const isEnd = groups.size === 1 && groups.has(-1);
    return {
      frames, ...this.sums(paths.map(path => path.origin)), objects: null, token: name, hasChildren: !isEnd,
      children: () => (isEnd ? [] : this.sort([...groups].map(([key, next]) => key < 0
        ? { frames: [], ...this.sums(next.map(path => path.origin)), objects: null, token: 'e', rest: 'starts here', hasChildren: false, children: none }
        : this.up([this.frame(next[0].at)], next, this.tree.tokenOf(next[0].at))))),
    };
  }

  /** The first line names the function alone: what follows is how it is reached. */
  private isFirst(frames: Frame[], next: { at: number; origin: number }[]): boolean {
    return frames.length === 1 && this.tree.parent[next[0].origin] === next[0].at;
  }

  private groupUp(paths: { at: number; origin: number }[]): Map<number, { at: number; origin: number }[]> {
    const groups = new Map<number, { at: number; origin: number }[]>();
    for (const { at, origin } of paths) {
      const parent = this.tree.parent[at], key = parent < 0 ? -1 : this.tree.name[parent];
      const group = groups.get(key);
      if (group) group.push({ at: parent, origin }); else groups.set(key, [{ at: parent, origin }]);
    }
    return groups;
  }

  /** What a function calls. */
  callees(name: string): RefNode | null {
    const nodes = outermost(this.tree, name);
    return nodes.length ? this.down([this.frame(nodes[0])], nodes, token(name), true) : null;
  }

  private down(frames: Frame[], nodes: number[], name: string, isRoot: boolean): RefNode {
    let at = nodes, groups = this.groupDown(at);
    while (!isRoot && frames.length < 64 && groups.size === 1 && !this.endsIn(at)) {
      const [key, next] = [...groups][0];
      if (key === OTHER) break;
      frames = [...frames, this.frame(next[0])];
      at = next;
      groups = this.groupDown(at);
    }
    return {
      frames, ...this.sums(nodes), objects: null, token: name, hasChildren: groups.size > 0,
      children: () => this.sort([...groups].map(([key, next]) => key === OTHER
        ? { frames: [], ...this.sums(next), objects: null, token: 'o', rest: `${next.reduce((sum, i) => sum + (this.tree.paths.get(i) ?? 0), 0)} more paths`, hasChildren: false, children: none }
        : this.down([this.frame(next[0])], next, this.tree.tokenOf(next[0]), false))),
    };
  }

  private endsIn(nodes: number[]): boolean {
    return nodes.some(i => {
      let b = 0, a = 0;
      for (const child of this.tree.children(i)) { b += this.b[child]; a += this.a[child] }
      return b !== this.b[i] || a !== this.a[i];
    });
  }

  private groupDown(nodes: number[]): Map<number, number[]> {
    const groups = new Map<number, number[]>();
    for (const node of nodes) for (const child of this.tree.children(node)) {
      const group = groups.get(this.tree.name[child]);
      if (group) group.push(child); else groups.set(this.tree.name[child], [child]);
    }
    return groups;
  }

  private sort(nodes: RefNode[]): RefNode[] {
    return nodes.sort((x, y) => Math.abs(deltaOf(y)) - Math.abs(deltaOf(x)) || y.after - x.after);
  }
}
