// Makes report pages for tests: answers of the real heapdiff, trees from its traces, in the file format of the report.
//
// HEAPDIFF names the binary. Everything is made from testdata/, so that no test depends on a recording elsewhere.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { encode, grow } from './hdt1.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, '..', '..');
export const data = path => join('testdata', path);
const binary = process.env.HEAPDIFF;
if (!binary) throw new Error('HEAPDIFF must name the heapdiff binary: HEAPDIFF=target/release/heapdiff node --test web/test/');

/** What heapdiff prints, also if a check fails (1) or is inconclusive (3). */
export function heapdiff(...args) {
  try {
    return execFileSync(binary, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (error.stdout || error.status === 1 || error.status === 3) return error.stdout;
    throw error;
  }
}
export const json = (...args) => JSON.parse(heapdiff(...args, '--format', 'json'));

/** The kinds of names, as far as a test needs them. */
const kindOf = name => (/^(main\.|chat\/|example\.org\/)/.test(name) ? 1 : /^[^/]*\.[^/]*\//.test(name) ? 2 : 3);

/** A tree of all traces, for each sample type. */
export function treeOf(files, order, most = Infinity, rename = name => name) {
  const first = json('traces', ...files), types = first.totals.map((total, index) => ({ name: total.sample_type, unit: total.unit, index, default: total.sample_type === first.sample_type }));
  const sides = files.length;
  const paths = new Map();
  types.forEach((type, t) => {
    const answer = type.name === first.sample_type ? first : json('traces', ...files, `--sample-index=${type.name}`);
    for (const row of answer.traces.rows) {
      const frames = row.frames.map(rename), ordered = order === 'root-first' ? frames.reverse() : frames, key = JSON.stringify(ordered);
      const path = paths.get(key) ?? { frames: ordered, values: types.map(() => Array(sides).fill(0)), squares: types.map(() => 0) };
      if (sides === 2) path.values[t][0] += row.before ?? 0;
      path.values[t][sides - 1] += row.after;
      const half = row.error ? (row.error.upper - row.error.lower) / 2 : 0;
      path.squares[t] += half * half;
      paths.set(key, path);
    }
  });
  return grow({ order, types, sides, paths: [...paths.values()], kindOf, most });
}

/** The answer in the other sample types. */
function byType(command, files, answer) {
  const others = answer.totals.filter(total => total.sample_type !== answer.sample_type).map(total => total.sample_type);
  return others.map(type => ({ sample_type: type, answer: json(command, ...files, `--sample-index=${type}`, ...(command === 'diff' ? ['--all'] : [])) }));
}

const any = names => `^(?:${names.map(name => name.replace(/[\\.+*?()|[\]{}^$#&\-~]/g, '\\$&')).join('|')})$`;
export const refsOf = (files, names) => json('refs', any(names), ...files, '-n', '0');
export const sourceOf = (files, names) => json('list', any(names), ...files, '-source_path', 'testdata/programs/chat');

const dist = join(here, '..', 'dist');

/** The file: plain facts first, then the blocks, then the script. A report may be JSON already. */
export function page(report, trees = {}) {
  const js = readFileSync(join(dist, 'app.js'), 'utf8'), css = readFileSync(join(dist, 'app.css'), 'utf8'), hashes = JSON.parse(readFileSync(join(dist, 'hashes.json'), 'utf8'));
  const block = (id, bytes) => `<script type="application/octet-stream" id="${id}">${gzipSync(bytes, { level: 6 }).toString('base64')}</script>\n`;
  const policy = `default-src 'none'; script-src '${hashes['app.js']}'; style-src '${hashes['app.css']}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return `<!doctype html><html lang="en"><head><meta charset=utf-8><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="${policy}">\n<title>heapdiff</title><style>${css}</style></head>\n<body>\n<main id="app"><h1>plain facts</h1></main>\n`
    + block('heapdiff-report', Buffer.from(typeof report === 'string' ? report : JSON.stringify(report)))
    + (trees.root ? block('heapdiff-tree-root', encode(trees.root)) : '') + (trees.leaf ? block('heapdiff-tree-leaf', encode(trees.leaf)) : '')
    + `<script>${js}</script></body></html>\n`;
}

const report = (command, args, answer, more = {}) => ({ report: 1, command, version: '0.1.0', command_line: `heapdiff ${command} ${args.join(' ')}`, answer, notes: [], ...more });

/** Every kind of page, by name. */
export function reports() {
  const chat = ['before', 'after'].map(name => data(`chat/${name}.pb.gz`)), harbor = data('harbor/one'), gate = ['base-1', 'regression-1'].map(name => data(`gate/${name}.pb.gz`));
  const diff = json('diff', ...chat, '--all'), names = diff.diff.rows.slice(0, 5).map(row => row.name);
  const both = files => ({ root: treeOf(files, 'root-first'), leaf: treeOf(files, 'leaf-first') });
  const list = {};
  const put = (name, of, trees) => { list[name] = { report: of, trees } };
  put('diff', report('diff', chat, diff, { by_type: byType('diff', chat, diff), refs: refsOf(chat, [...names, 'chat/limiter.NewRequestLimiter']), source: sourceOf(chat, ['chat/limiter.(*Limiter).windowFor', 'chat/limiter.NewRequestLimiter']),
    goroutines: json('goroutines', data('parked/before.txt'), data('parked/after.txt')), collector: json('gc', data('collector/leak.log')),
    heading: ['chat', 'build 7f9dd2763cf4', '1 min apart', 'same process', 'period 512 KiB'], closing: ['Two snapshots show growth, not a leak: a cache that fills up looks the same. With four or more, heapdiff leaks tells them apart.'],
    next: [{ lead: 'Call paths', command: `heapdiff refs '^chat/limiter\\.\\(\\*Limiter\\)\\.windowFor$' ${chat.join(' ')}` }] }), both(chat));
  const leaks = json('leaks', harbor), heaps = leaks.inputs.filter(one => one.kind === 'heap').map(one => one.name), ends = [heaps[0], heaps.at(-1)];
  put('leaks', report('leaks', [harbor], leaks, { compared: ends, refs: refsOf(ends, leaks.suspects.filter(one => one.sample_type !== 'goroutine').map(one => one.site.function)), goroutines: json('goroutines', harbor) }), both(ends));
  put('timeline', report('timeline', [data('harbor/restarted')], json('timeline', data('harbor/restarted'))), {});
  put('check', report('check', [...gate, '--max-growth 5MiB'], json('check', ...gate, '--max-growth', '5MiB'), { refs: refsOf(gate, ['example.org/gate.(*Gate).begin']) }), both(gate));
  const top = json('top', chat[1]);
  put('top', report('top', [chat[1]], top, { by_type: byType('top', [chat[1]], top), refs: refsOf([chat[1]], names.slice(0, 2)) }), both([chat[1]]));
  put('hostile', hostile(chat), undefined);
  list.hostile.trees = list.hostile.report.trees;
  delete list.hostile.report.trees;
  return list;
}

export const NASTY = ['</script><script>document.title="owned"</script>', `"'><img src=x onerror=document.title="owned">`, '\u202egnp.exe\u2066', 'main.' + 'x'.repeat(65_536), 'nul\0name', '__proto__', 'constructor', '<!--<script>', '&lt;b&gt;', 'a\nb\tc\u001b[31m', '𝒻/日本語.関数'];

/** Names as bad as they get, in all places that hold a name. */
function hostile(chat) {
  const seen = new Map();
  const rename = name => { if (!seen.has(name)) seen.set(name, NASTY[seen.size] ?? name); return seen.get(name) };
  const swap = value => (typeof value === 'string' ? (seen.has(value) ? seen.get(value) : value) : Array.isArray(value) ? value.map(swap)
    : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, swap(one)])) : value);
  const diff = json('diff', ...chat, '--all');
  diff.diff.rows.forEach(row => rename(row.name));
  const root = treeOf(chat, 'root-first', Infinity, rename), leaf = treeOf(chat, 'leaf-first', Infinity, rename);
  const refs = refsOf(chat, diff.diff.rows.slice(0, 4).map(row => row.name));
  const answer = swap(diff), bad = NASTY[0];
  answer.inputs[0].program = bad;
  answer.inputs[0].name = `${bad}.pb.gz`;
  answer.warnings = [{ code: 'other', message: NASTY.join(' ') }];
  const lines = json('leaks', data('harbor/one'));
  lines.timeline.rows.forEach((row, k) => { row.name = NASTY[k] ?? row.name; row.file = bad });
  lines.suspects.forEach((one, k) => { one.site.function = NASTY[k] ?? bad; one.path = NASTY; one.explanation = bad; one.fix = bad });
  const stacks = json('goroutines', data('parked/before.txt'), data('parked/after.txt'));
  stacks.goroutines.rows.forEach((row, k) => { row.function = NASTY[k] ?? bad; row.stack = NASTY; row.waits_for = bad });
  const list = json('list', '.', chat[1]);
  list.list.functions.slice(0, NASTY.length).forEach((one, k) => { one.function = NASTY[k]; one.file = bad; one.source = { path: bad, changed: [], lines: [{ line: one.lines[0]?.line ?? 1, text: bad + NASTY[2] + '\t' + NASTY[4] }] } });
  const check = json('check', data('gate/base-1.pb.gz'), data('gate/regression-1.pb.gz'), '--max-growth', '5MiB');
  check.check.rules.forEach(rule => { rule.rule = bad; rule.message = bad; rule.offenders.forEach((one, k) => { one.function = NASTY[k] }) });
  const spans = [...NASTY.map(text => ({ style: 'plain', text: text.slice(0, 900) })), ...NASTY.map(text => ({ style: 'code', text: text.slice(0, 300) }))].map(one => ({ ...one, text: one.text.replace(/[\0-\x1f\u202e\u2066]/g, '?') }));
  const card = [{ kind: 'heading', level: 1, text: spans }, { kind: 'paragraph', text: spans }, { kind: 'list', items: [{ text: spans, items: [spans] }] }, { kind: 'command', text: bad }, { kind: 'table', titles: [spans, []], right: [false, true], rows: [[spans, spans]] }, { kind: 'details', summary: spans, blocks: [{ kind: 'paragraph', text: spans }] }];
  const memory = json('memory', data('text-heap'));
  Object.assign(memory, { warnings: NASTY, inputs: NASTY.map(name => ({ name, kind: bad, samples: 1 })) });
  memory.memory.parts.forEach((part, k) => { part.part = NASTY[k] ?? bad; part.evidence = bad });
  memory.memory.source = bad;
  return { ...report('diff', [bad], { ...answer, timeline: lines.timeline, suspects: lines.suspects, verdict: lines.verdict, check: check.check, inputs: [...answer.inputs, ...lines.inputs] }, {
    by_type: swap(byType('diff', chat, diff)), refs: swap(refs), source: list, goroutines: stacks, collector: { ...json('gc', data('collector/leak.log')), warnings: [bad] }, card, memory,
    heading: [bad], closing: [bad], next: [{ lead: bad, command: bad }], notes: [bad] }), trees: { root, leaf } };
}

/** Writes all pages to a folder and returns their paths. */
export function write(folder) {
  mkdirSync(folder, { recursive: true });
  const paths = {};
  const all = reports();
  for (const [name, { report: of, trees }] of Object.entries(all)) {
    paths[name] = join(folder, `${name}.html`);
    writeFileSync(paths[name], page(of, trees));
  }
  return { paths, reports: all };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(write(process.argv[2] ?? 'pages').paths);
