// A tree of call paths in the format hdt1: a JSON head, a 0 byte, and columns of LEB128 numbers in preorder.
//
// The columns hold flat values. Cum is the sum of a subtree, computed here, so flat + children = cum holds for every node
// whatever was cut off: a cut leaves one node "other" per parent, with the exact sum of what it stands for.

import { minus, parse } from './large';

export interface TreeType { name: string; unit: string; index: number; default?: boolean }

export interface Head {
  format: 'hdt1';
  order: 'root-first' | 'leaf-first';
  granularity: string;
  names: string[];
  kinds?: number[];
  functions?: string[];
  types: TreeType[];
  snapshots: 1 | 2;
  signed: boolean;
  nodes: number;
  others: number;
  paths: number;
  totals: number[][];
  steps: number[][];
}

/** What stands for a name whose node is the sum of paths too small to keep. */
export const OTHER = 0;
/** The code of an unknown error, and the value it has in `error`. */
const UNKNOWN_CODE = 1;
export const UNKNOWN = -1;

/** Half-widths by their code: 0 is exact, 1 unknown, and 2 on are powers of 1.02, rounded up. */
export function halfWidths(highest: number): Float64Array {
  const widths = new Float64Array(Math.max(2, highest + 1));
  widths[UNKNOWN_CODE] = UNKNOWN;
  for (let k = 2, power = 1; k <= highest; k++, power *= 1.02) widths[k] = Math.ceil(power);
  return widths;
}

/** The name of a frame in a link: 32-bit FNV-1a of its UTF-8 bytes, in base 36. */
export function token(name: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36);
}

/** A column of numbers that may be beyond 2^53. */
function wholes(columns: Uint8Array, from: number, count: number, isSigned: boolean): bigint[] {
  const column: bigint[] = [];
  for (let at = from; column.length < count;) {
    let value = 0n, shift = 0n, byte: number;
    do { byte = columns[at++]; value |= BigInt(byte & 127) << shift; shift += 7n } while (byte & 128);
    column.push(isSigned ? (value & 1n ? -(value + 1n) / 2n : value / 2n) : value);
  }
  return column;
}

const OTHER_TOKEN = '-';

export class Tree {
  readonly nodes: number;
  readonly depth: Int32Array;
  /** 0 for "other", else the position in `head.names` + 1. */
  readonly name: Uint32Array;
  readonly parent: Int32Array;
  /** One past the last node of the subtree. */
  readonly end: Uint32Array;
  /** By type and side. */
  readonly flat: Float64Array[][] = [];
  /** Half-widths of the interval of cum (one snapshot) or its change (two), by type; -1 is unknown. */
  readonly error: Float64Array[] = [];
  /** How many stacks each "other" stands for. */
  readonly paths = new Map<number, number>();
  private readonly cums = new Map<number, Float64Array>();
  /** Flat values by type and side, of the types whose sums a number can't hold, and their sums. */
  private readonly wholes = new Map<number, bigint[][]>();
  private readonly wholeCums = new Map<number, bigint[]>();
  private readonly changes = new Map<number, Float64Array>();
  private tokens: string[] | null = null;
  private byName: { starts: Uint32Array; nodes: Uint32Array } | null = null;

  constructor(readonly head: Head, columns: Uint8Array) {
    const m = this.nodes = head.nodes;
    let at = 0;
    const next = (): number => {
      let value = 0, scale = 1, byte: number;
      do {
        if (at >= columns.length) throw new Error(`the tree ends at byte ${at} of its columns, in the middle of a number`);
        byte = columns[at++];
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte & 128);
      return value;
    };
    const zigzag = (value: number) => (value % 2 ? -(value + 1) / 2 : value / 2);
    const value = head.signed ? () => zigzag(next()) : next;

    const depth = this.depth = new Int32Array(m), parent = this.parent = new Int32Array(m);
    for (let i = 0, previous = 0; i < m; i++) {
      const d = previous + zigzag(next());
      if (d < 0 || d > (i && previous + 1)) throw new Error(`node ${i} of the tree has depth ${d} after depth ${previous}`);
      let p = i - 1;
      for (let up = previous; up >= d && p >= 0; up--) p = parent[p];
      depth[i] = previous = d;
      parent[i] = p;
    }
    const name = this.name = new Uint32Array(m);
    for (let i = 0; i < m; i++) {
      name[i] = next();
      if (name[i] > head.names.length) throw new Error(`node ${i} of the tree has name ${name[i]} of ${head.names.length}`);
    }
    for (let t = 0; t < head.types.length; t++) {
      const sides: Float64Array[] = [], starts: number[] = [];
      let isLarge = false;
      for (let side = 0; side < head.snapshots; side++) {
        const flat = new Float64Array(m);
        let size = 0;
        starts.push(at);
        for (let i = 0; i < m; i++) { flat[i] = value(); size += Math.abs(flat[i]) }
        isLarge ||= size > Number.MAX_SAFE_INTEGER;
        sides.push(flat);
      }
      this.flat.push(sides);
      if (isLarge) this.wholes.set(t, starts.map((start, side) => { const exact = wholes(columns, start, m, head.signed); exact.forEach((one, i) => { sides[side][i] = Number(one) }); return exact }));
      const codes = new Float64Array(m);
      let highest = 1;
      for (let i = 0; i < m; i++) { codes[i] = next(); if (codes[i] > highest) highest = codes[i] }
      const widths = halfWidths(Math.min(highest, 4000));
      for (let i = 0; i < m; i++) codes[i] = widths[Math.min(codes[i], 4000)];
      this.error.push(codes);
    }
    for (let i = 0; i < m; i++) if (name[i] === OTHER) this.paths.set(i, next());
    if (at !== columns.length) throw new Error(`${columns.length - at} bytes are left after the columns of the tree`);

    const end = this.end = new Uint32Array(m);
    for (let i = m - 1; i >= 0; i--) {
      if (end[i] === 0) end[i] = i + 1;
      if (parent[i] >= 0 && end[parent[i]] < end[i]) end[parent[i]] = end[i];
    }
  }

  static decode(raw: Uint8Array): Tree {
    const zero = raw.indexOf(0);
    if (zero < 0) throw new Error('the tree has no end of its head');
    const head = parse<Head>(new TextDecoder().decode(raw.subarray(0, zero)));
    if (head.format !== 'hdt1') throw new Error(`the tree has the format ${String(head.format)}; this page reads hdt1`);
    return new Tree(head, raw.subarray(zero + 1));
  }

  /** Value of a node and everything below it, for all nodes. */
  cum(type: number, side: number): Float64Array {
    const key = type * 2 + side;
    let sums = this.cums.get(key);
    if (!sums) {
      const exact = this.wholeCum(type, side);
      sums = exact ? Float64Array.from(exact, Number) : this.flat[type][side].slice();
      for (let i = this.nodes - 1; i > 0 && !exact; i--) if (this.parent[i] >= 0) sums[this.parent[i]] += sums[i];
      this.cums.set(key, sums);
    }
    return sums;
  }

  private wholeCum(type: number, side: number): bigint[] | null {
    const flat = this.wholes.get(type)?.[side], key = type * 2 + side;
    if (!flat) return null;
    let sums = this.wholeCums.get(key);
    if (!sums) {
      sums = flat.slice();
      for (let i = this.nodes - 1; i > 0; i--) if (this.parent[i] >= 0) sums[this.parent[i]] += sums[i];
      this.wholeCums.set(key, sums);
    }
    return sums;
  }

  /** What changed in a node and everything below it, for all nodes of a pair; rounded once, however large both sides are. */
  change(type: number): Float64Array {
    let changes = this.changes.get(type);
    if (!changes) {
      const b = this.wholeCum(type, 0), a = this.wholeCum(type, 1);
      changes = this.cum(type, 1).slice();
      if (a && b) for (let i = 0; i < this.nodes; i++) changes[i] = Number(a[i] - b[i]);
      else this.cum(type, 0).forEach((value, i) => { changes![i] -= value });
      this.changes.set(type, changes);
    }
    return changes;
  }

  /** What changed in a node itself. */
  flatChange(type: number, node: number): number {
    const exact = this.wholes.get(type), flat = this.flat[type];
    return exact ? Number(exact[1][node] - exact[0][node]) : flat[1][node] - flat[0][node];
  }

  /** What changed in all of them. */
  totalChange(type: number): number { return minus(this.head.totals[type][1], this.head.totals[type][0]) }

  get lastSide(): number { return this.head.snapshots - 1 }

  typeOf(name: string): number { return this.head.types.findIndex(type => type.name === name) }

  nameOf(node: number): string {
    const name = this.name[node];
    if (name !== OTHER) return this.head.names[name - 1];
    const paths = this.paths.get(node) ?? 0;
    return `other (${paths === 1 ? '1 stack' : `${paths} stacks`})`;
  }

  kindOf(node: number): number { return this.name[node] === OTHER ? 0 : this.head.kinds?.[this.name[node] - 1] ?? 0 }

  *children(node: number): Iterable<number> {
    const end = node < 0 ? this.nodes : this.end[node];
    for (let c = node + 1; c < end; c = this.end[c]) yield c;
  }

  /** From the root to the node. */
  path(node: number): number[] {
    const path: number[] = [];
    for (let i = node; i >= 0; i = this.parent[i]) path.push(i);
    return path.reverse();
  }

  tokenOf(node: number): string {
    const name = this.name[node];
    if (name === OTHER) return OTHER_TOKEN;
    this.tokens ??= this.head.names.map(token);
    return this.tokens[name - 1];
  }

  tokensOf(node: number): string[] { return this.path(node).map(i => this.tokenOf(i)) }

  /** The node of a path, or its nearest ancestor that is in this tree; -1 is above the roots. */
  resolve(tokens: string[]): { node: number; found: number } {
    let node = -1;
    for (let found = 0; found < tokens.length; found++) {
      let next = -1;
      for (const child of this.children(node)) if (this.tokenOf(child) === tokens[found]) { next = child; break }
      if (next < 0) return { node, found };
      node = next;
    }
    return { node, found: tokens.length };
  }

  /** The nodes of a name, in preorder. */
  nodesOf(name: string): Uint32Array {
    const id = this.head.names.indexOf(name) + 1;
    if (id === 0) return new Uint32Array();
    if (!this.byName) {
      const starts = new Uint32Array(this.head.names.length + 2), nodes = new Uint32Array(this.nodes);
      for (let i = 0; i < this.nodes; i++) starts[this.name[i] + 1]++;
      for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
      const at = starts.slice();
      for (let i = 0; i < this.nodes; i++) nodes[at[this.name[i]]++] = i;
      this.byName = { starts, nodes };
    }
    return this.byName.nodes.subarray(this.byName.starts[id], this.byName.starts[id + 1]);
  }
}
