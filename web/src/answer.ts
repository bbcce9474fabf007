// What the page reads of the answers of `--format json` (docs/schema). Sizes are in the unit of their sample type.

import type { Bounds, Estimate } from './format';

export interface Measure { flat: number; cum: number }
export interface Change { before?: number | null; after: number; delta?: number | null }
/** Values per second, where two profiles cover different times. */
export interface PerSecond { before: number; after: number; delta: number; error: Bounds | null }
export interface Place { function: string; file?: string | null; line?: number | null }
export interface Warning { code: string; message: string }
export interface Omitted { rows: number; net?: number; sum: number }

export interface Input {
  name: string; kind: string; time: string | null; build_id: string | null; program: string | null; period: number;
  sample_types: string[]; samples: number; warnings: Warning[];
}

export interface Total extends Change { sample_type: string; unit: string; delta_percent?: number | null; error: Bounds | null; per_second?: PerSecond | null }

export type Status = 'new' | 'gone' | 'grown' | 'shrunk' | 'same' | 'within-noise';

export interface DiffRow {
  name: string; file?: string | null; line?: number | null; before: Measure; after: Measure; delta: Measure;
  delta_percent: number | null; error: Bounds | null; kept: number | null; objects: Change | null; q_value: number | null;
  status: Status; via?: Place | null; via_share?: number | null; moved_from?: string | null; moved_to?: string | null;
  per_second?: PerSecond | null;
}

export interface DiffSite extends Place { before: number; after: number; delta: number; error: Bounds; leaf?: string | null; q_value: number; per_second?: PerSecond | null }
export interface GrownSubtree extends Place {
  before: number; after: number; delta: number; error: Bounds; path: string[]; caller?: string | null; callee?: string | null; share?: number | null;
}

export interface Diff {
  rows: DiffRow[]; sites: DiffSite[]; grown: GrownSubtree[]; explained: number; within_noise: Omitted; omitted: Omitted;
  places?: { counts: GoroutinePlace[] } | null;
}

export interface TopRow {
  name: string; file?: string | null; line?: number | null; flat: number; cum: number; flat_percent: number | null;
  cum_percent: number | null; error: Bounds | null; objects: number | null; via?: Place | null;
}

export interface Share { estimate: number; lower: number; upper: number }

export interface Suspect {
  rank: number; class: string; confidence: string; site: Place; sample_type: string; unit: string; values: number[]; since: number;
  growth: Estimate; slope_per_hour: Estimate | null; q_value: number | null; retention: Share | null; persistence: number;
  path: string[]; patterns: string[]; explanation: string; fix: string; places: Place[]; mechanism: string | null;
  dependency?: string | null; process: number; goroutines: { state: string; parked_in: string; started_by: string; before: number; after: number } | null;
}

export interface Verdict {
  leaks: number; snapshots: number; span_nanos: number | null; slope_per_hour: Estimate | null; omitted: number;
  needed: { snapshots: number; apart_nanos: number | null } | null;
}

export interface TimelineRow extends Place {
  name: string; flat: number[]; cum: number[]; class: string; slope_per_hour: Estimate | null; q_value: number | null;
  retention: Share | null; delta: Measure; allocated_per_second: (number | null)[];
}

export interface Track {
  kind: string; field: string; unit: string; elapsed_nanos: number[]; values: number[]; processes: number[]; inputs: string[];
}

export interface Timeline {
  times: (string | null)[]; elapsed_nanos?: number[] | null; inputs: number[]; processes: number[]; judged: number;
  rows: TimelineRow[]; total: { values: number[]; allocated_per_second: (number | null)[] }; tracks?: Track[]; omitted: Omitted;
}

export interface Frame { name: string; own: boolean; recursive?: boolean }
export interface Rest extends Change { count: number }
export interface RefsLine extends Change {
  depth: number; frames: Frame[]; share: number | null; error: Bounds | null; objects: Change | null; ends?: Change | null; omitted?: Rest | null;
}
export interface Refs {
  pattern: string; relation: string; direction: 'callers' | 'callees'; omitted_paths?: Rest | null;
  sites: { lines: RefsLine[]; dominator?: { function: string; share: number } | null }[];
}

export interface ListLine { line: number | null; before?: Measure | null; after: Measure; delta?: Measure | null; error: { flat: Bounds; cum: Bounds } | null }
export interface Listing {
  function: string; file: string | null; start_line: number | null; lines: ListLine[]; no_source?: string | null;
  source?: { path: string; lines: { line: number; text: string }[]; changed: string[] } | null;
  before?: Measure | null; after: Measure; delta?: Measure | null; error: { flat: Bounds; cum: Bounds } | null;
}

export interface Offender extends Place { before: number; after: number; delta: number; lower: number; upper: number; unit?: string | null; explanation?: string; patterns?: string[] }
export type Outcome = 'pass' | 'fail' | 'inconclusive';
export interface Judgement {
  rule: string; scope: string; demand: string; level: 'fail' | 'warn'; outcome: Outcome; message: string; advice: string | null; sample_type: string;
  unit: string; before: number | null; after: number | null; value: number | null; value_percent: number | null; lower: number | null; upper: number | null;
  limit: number | null; limit_percent: number | null; allowed: number; offenders: Offender[]; let_pass?: Offender[];
}
export interface Check {
  outcome: Outcome; taken_for?: Outcome | null; rules: Judgement[]; before_runs: number; after_runs: number;
  allowances: { place: string; reason: string; expires: string; scope: string; is_used: boolean }[];
}

/** Goroutines in one place. */
export interface GoroutinePlace extends Place {
  waits_for: string; before?: number | null; after: number; delta?: number | null; percent: number | null; root?: string | null; started_by?: string | null;
}

export interface Cluster extends GoroutinePlace {
  status?: Status | null; stack: string[]; stack_bytes: Estimate; longest_wait_minutes?: number | null; created_by?: Place | null;
  class?: string | null; values?: number[]; slope_per_hour?: Estimate | null; lock_held_in?: string | null;
}
export interface Clusters { rows: Cluster[]; omitted: Omitted; unchanged: Omitted; stack_bytes: Estimate }

export interface Answer {
  inputs: Input[]; sample_type: string; unit: string; granularity: string; sort: string; totals: Total[]; warnings: Warning[];
  comparison?: { apart_nanos: number | null; process: string; same_process: boolean; seconds?: number[] | null } | null;
  diff?: Diff | null; top?: { rows: TopRow[]; omitted: Omitted; places?: { counts: GoroutinePlace[] } | null } | null; timeline?: Timeline | null; suspects?: Suspect[] | null;
  verdict?: Verdict | null; refs?: Refs | null; list?: { functions: Listing[]; pattern: string } | null; check?: Check | null;
  goroutines?: Clusters | null;
}

export interface CollectorWindow {
  from_nanos: number; to_nanos: number; collections: number; forced: number; live: number; goal: number; peak: number; cpu_percent: number;
  assist_percent: number; per_second: number; allocated_per_second: number | null; longest_stop_nanos: number;
}
export interface Finding { id: string; severity: 'problem' | 'note'; message: string; advice: string; evidence: string[]; command: string | null; rule: string }
export interface CollectorAnswer {
  inputs: { name: string; collections: number; lines: number }[]; warnings: string[];
  processes: { number: number; inputs: string[]; started: string | null; gogc: number | null; findings: Finding[]; total: CollectorWindow; windows: CollectorWindow[] }[];
}

export interface MemoryAnswer {
  inputs: { name: string; kind: string; samples: number }[]; warnings: string[];
  memory: {
    total: string; source: string; from: string | null; to: string | null; before: number | null; after: number;
    parts: { part: string; before: number | null; after: number | null; evidence: string }[]; limit: { bytes: number; source: string; left: number } | null; findings: Finding[]; count: number;
    moments: { time?: string | null; total: number }[];
  } | null;
}

/** The card of an incident, in blocks: texts are plain. */
export interface Span { style: 'plain' | 'strong' | 'code'; text: string }
export type Block = { kind: 'heading'; level: number; text: Span[] } | { kind: 'paragraph'; text: Span[] } | { kind: 'list'; items: { text: Span[]; items?: Span[][] }[] }
  | { kind: 'table'; titles: Span[][]; right: boolean[]; rows: Span[][][] } | { kind: 'command'; text: string } | { kind: 'details'; summary: Span[]; blocks: Block[] };

/** The block `heapdiff-report`. Each answer is what `--format json` prints. */
export interface Report {
  report: 1; command: string; version: string; command_line?: string | null; answer: Answer;
  /** The same answer in the other sample types. */
  by_type?: { sample_type: string; answer: Answer }[];
  refs?: Answer; source?: Answer; goroutines?: Answer; collector?: CollectorAnswer; memory?: MemoryAnswer; card?: Block[]; compared?: string[]; notes?: string[];
  chart?: { row: number | null; colour: string }[]; heading?: string[]; verdict?: string; closing?: string[]; next?: { lead: string; command: string }[]; exit_code?: number;
}
