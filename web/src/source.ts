// Where the page gets its data. Components ask a `Source` and know nothing of files or servers.

import { parse } from './large';
import { Tree } from './tree';
import type { Answer, Listing, Refs, Report } from './answer';

export type Order = 'root-first' | 'leaf-first';

export interface Source {
  readonly report: Report;
  /** The answer in a sample type; null if the source has none. */
  answer(type: string): Answer | null;
  hasTree(order: Order): boolean;
  tree(order: Order, signal?: AbortSignal): Promise<Tree | null>;
  /** The exact ways in to a function; null if they must be read off the tree. */
  refs(name: string): Refs['sites'][number] | null;
  /** The functions whose call paths are exact. */
  exactRefs(): string[];
  lines(): Listing[];
  /** Asks for the call paths of a function in the sample type of the answer; null if the source can't. */
  askRefs(name: string, callees: boolean, signal: AbortSignal): Promise<Refs | null> | null;
  /** Asks for the lines of a function; null if the source can't. */
  askLines(name: string, signal: AbortSignal): Promise<Listing[]> | null;
  /** Asks what changed between two snapshots, with the same filters; null if the source can't. */
  askDiff(a: string, b: string, signal: AbortSignal): Promise<Answer> | null;
  /** Whether a new question (a filter, other inputs) can be answered here. */
  readonly canAsk: boolean;
}

const BLOCKS: Record<Order, string> = { 'root-first': 'heapdiff-tree-root', 'leaf-first': 'heapdiff-tree-leaf' };

async function unpack(text: string): Promise<Uint8Array> {
  const packed = atob(text.trim()), bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The blocks of a one-file report. */
export class Embedded implements Source {
  readonly canAsk = false;
  private readonly trees = new Map<Order, Promise<Tree | null>>();

  private constructor(readonly report: Report, private readonly page: Document) {}

  static async open(page: Document): Promise<Embedded> {
    if (typeof DecompressionStream === 'undefined') {
      throw new Error('This browser cannot unpack the data of the report: it needs Chrome 80, Firefox 113 or Safari 16.4, or later. The facts above are complete without it.');
    }
    const block = page.getElementById('heapdiff-report');
    if (!block) throw new Error('The report has no block heapdiff-report: the file is cut off or was changed.');
    const text = new TextDecoder().decode(await unpack(block.textContent ?? '')), report = parse<Report>(text);
    if (report.report !== 1) throw new Error(`The report has version ${String(report.report)}; this page reads version 1.`);
    return new Embedded(report, page);
  }

  answer(type: string): Answer | null {
    const { answer, by_type = [] } = this.report;
    return answer.sample_type === type ? answer : by_type.find(one => one.sample_type === type)?.answer ?? null;
  }

  hasTree(order: Order): boolean { return this.page.getElementById(BLOCKS[order]) !== null }

  tree(order: Order): Promise<Tree | null> {
    let tree = this.trees.get(order);
    if (!tree) {
      const block = this.page.getElementById(BLOCKS[order]);
      tree = block ? unpack(block.textContent ?? '').then(raw => Tree.decode(raw)) : Promise.resolve(null);
      this.trees.set(order, tree);
    }
    return tree;
  }

  private get sites() { return this.report.refs?.refs?.sites ?? [] }

  refs(name: string): Refs['sites'][number] | null { return this.sites.find(site => site.lines[0]?.frames[0]?.name === name) ?? null }

  exactRefs(): string[] { return this.sites.flatMap(site => site.lines[0]?.frames[0]?.name ?? []) }

  lines(): Listing[] { return this.report.source?.list?.functions ?? [] }

  askRefs(): null { return null }

  askLines(): null { return null }

  askDiff(): null { return null }
}
