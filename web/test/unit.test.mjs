// What can be tested without a browser: links, trees, numbers, the layout of the flame graph, call paths.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load, random } from '../tools/source.mjs';
import { meaning, trees } from '../tools/vectors.mjs';
import { encode, errorCode } from '../tools/hdt1.mjs';
import { heapdiff, json, treeOf, data } from '../tools/pages.mjs';

const { codec, tree, flame, format, refs } = await load('codec', 'tree', 'flame', 'format', 'refs');
const vectors = join(dirname(fileURLToPath(import.meta.url)), 'vectors');

test('a link says what it is made of', () => {
  const { next, below, pick } = random(42);
  const letters = ['a', 'Z', '0', '&', '=', '+', '%', '#', '?', ' ', '/', '.', '*', '(', '|', '\\', '"', '<', 'ä', '界', '\u202e', '\0', '😀', '%41', '\n'];
  const text = () => Array.from({ length: below(12) }, () => pick(letters)).join('');
  const tokens = () => Array.from({ length: below(6) }, () => below(2 ** 32).toString(36));
  for (let run = 0; run < 3000; run++) {
    const state = { query: { ...codec.NO_QUERY }, view: { ...codec.NO_VIEW }, extra: [] };
    for (const key of Object.keys(state.query)) if (next() < 0.3) state.query[key] = typeof state.query[key] === 'boolean' ? true : text();
    for (const key of Object.keys(state.view)) {
      if (next() < 0.6) continue;
      const now = state.view[key];
      state.view[key] = key === 'width' ? pick(['after', 'before', 'delta']) : typeof now === 'boolean' ? !now : Array.isArray(now) ? tokens() : text();
    }
    if (next() < 0.3) state.extra.push(['unknown' + text().replaceAll(/[^a-z]/g, ''), text()]);
    assert.deepEqual(codec.decode('#' + codec.encode(state)), state);
    assert.equal(codec.encode(codec.decode(codec.encode(state))), codec.encode(state));
  }
});

test('a link holds nothing for a page at its start, and pprof’s parameters mean what they mean there', () => {
  assert.equal(codec.encode(codec.decode('')), '');
  const { query, view, extra } = codec.decode('#p=flame&si=alloc_space&f=main%5C.&norm=t&call_tree=t&z=1a.b2&gone=0&w=sideways');
  assert.deepEqual([query.si, query.f, query.norm, view.page, view.zoom, view.gone, view.width], ['alloc_space', 'main\\.', true, 'flame', ['1a', 'b2'], false, 'after']);
  assert.deepEqual(extra, [['call_tree', 't'], ['w', 'sideways']]);
  assert.equal(codec.encode(codec.decode('#__proto__=1&constructor=2')), '__proto__=1&constructor=2');
});

for (const file of readdirSync(vectors).filter(name => name.endsWith('.hdt1'))) {
  test(`vector ${file} means what is beside it`, () => {
    const raw = readFileSync(join(vectors, file)), wanted = JSON.parse(readFileSync(join(vectors, file.replace('.hdt1', '.json')), 'utf8'));
    const found = tree.Tree.decode(new Uint8Array(raw)), list = values => [...values];
    assert.deepEqual(found.head, wanted.head);
    assert.deepEqual(list(found.depth), wanted.depth);
    assert.deepEqual(list(found.name), wanted.name);
    assert.deepEqual(found.flat.map(sides => sides.map(list)), wanted.flat);
    assert.deepEqual(found.error.map(halves => list(halves).map(half => (half === tree.UNKNOWN ? null : half))), wanted.error);
    assert.deepEqual([...found.paths.values()], wanted.paths);
    wanted.cum.forEach((sides, t) => sides.forEach((sums, s) => {
      assert.deepEqual(list(found.cum(t, s)), sums);
      const roots = sums.filter((_, i) => wanted.depth[i] === 0).reduce((sum, value) => sum + value, 0);
      assert.equal(roots, wanted.head.totals[t][s]);
    }));
    // The committed bytes are what the writer makes today.
    const made = trees[file.replace('.hdt1', '')];
    assert.deepEqual(encode(made), raw);
    assert.deepEqual(JSON.parse(JSON.stringify(meaning(made))), wanted);
  });
}

test('a damaged tree says what is wrong', () => {
  const raw = new Uint8Array(encode(trees.pair));
  assert.throws(() => tree.Tree.decode(raw.subarray(0, raw.length - 1)), /ends at byte/);
  assert.throws(() => tree.Tree.decode(Uint8Array.from([...raw, 0])), /1 bytes are left/);
  assert.throws(() => tree.Tree.decode(new TextEncoder().encode('{"format":"hdt2"}\0')), /hdt2/);
  assert.throws(() => tree.Tree.decode(new TextEncoder().encode('{}')), /no end of its head/);
  const start = raw.indexOf(0) + 1, deep = raw.slice();
  deep[start] = 8;
  assert.throws(() => tree.Tree.decode(deep), /has depth 4 after depth 0/);
});

test('half-widths are rounded up, by no more than two percent', () => {
  const { next } = random(3);
  for (let run = 0; run < 2000; run++) {
    const half = Math.ceil(2 ** (next() * 50)), code = errorCode(half), back = tree.halfWidths(code)[code];
    assert.ok(back >= half && back <= Math.ceil(half * 1.0201), `${half} became ${back}`);
  }
});

test('flat and children add up to cum for every node of a real tree, however much is cut off', () => {
  for (const most of [Infinity, 20, 5, 1]) {
    for (const order of ['root-first', 'leaf-first']) {
      const made = treeOf([data('chat/before.pb.gz'), data('chat/after.pb.gz')], order, most), found = tree.Tree.decode(new Uint8Array(encode(made)));
      found.head.types.forEach((type, t) => [0, 1].forEach(side => {
        const cum = found.cum(t, side);
        for (let i = 0; i < found.nodes; i++) {
          const below = [...found.children(i)].reduce((sum, child) => sum + cum[child], 0);
          assert.equal(found.flat[t][side][i] + below, cum[i]);
        }
        const total = [...found.children(-1)].reduce((sum, root) => sum + cum[root], 0);
        assert.equal(total, json('diff', 'testdata/chat/before.pb.gz', 'testdata/chat/after.pb.gz').totals.find(one => one.sample_type === type.name)[side ? 'after' : 'before']);
      }));
    }
  }
});

test('paths are found again by their tokens, and the nearest ancestor if they are gone', () => {
  const found = tree.Tree.decode(new Uint8Array(encode(trees.cut)));
  for (let i = 0; i < found.nodes; i++) assert.deepEqual(found.resolve(found.tokensOf(i)), { node: i, found: found.depth[i] + 1 });
  const deep = found.depth.indexOf(2), tokens = [...found.tokensOf(deep), 'nowhere'];
  assert.deepEqual(found.resolve(tokens), { node: deep, found: 3 });
  assert.equal(tree.token('main.leak'), tree.token('main.leak'));
  assert.equal(tree.token(''), (0x811c9dc5).toString(36));
});

test('every frame lies within its parent, siblings do not overlap, and levels are sorted', () => {
  for (const [name, made] of Object.entries(trees)) {
    const found = tree.Tree.decode(new Uint8Array(encode(made)));
    for (const width of ['after', 'before', 'delta']) for (const strip of [true, false]) for (let type = 0; type < found.head.types.length; type++) {
      const graph = flame.layout(found, { type, width, strip });
      for (let level = 0; level < graph.levels; level++) {
        for (let q = graph.off[level]; q < graph.off[level + 1]; q++) {
          const i = graph.id[q];
          assert.ok(q === graph.off[level] || graph.x0[q] >= graph.x1[q - 1] - 1e-6, `${name}: frame ${q} overlaps`);
          if (i < 0) continue;
          const inStrip = graph.atStrip[i] === q, parent = found.parent[i], above = parent < 0 ? (inStrip ? 1 : 0) : (inStrip ? graph.atStrip : graph.at)[parent];
          assert.ok(graph.x0[q] >= graph.x0[above] - 1e-6 && graph.x1[q] <= graph.x1[above] + 1e-6, `${name}: frame ${q} leaves its parent`);
        }
      }
      if (!found.head.signed && width === 'after') {
        const last = found.head.totals[type].length - 1;
        assert.equal(graph.main, found.head.totals[type][last]);
      }
    }
  }
});

test('what vanished is in the strip, with its whole value', () => {
  const found = tree.Tree.decode(new Uint8Array(encode(trees.pair))), graph = flame.layout(found, { type: 1, width: 'after', strip: true });
  assert.equal(graph.total - graph.strip, 50_000);
  const gone = found.nodesOf('main.gone')[0];
  assert.deepEqual([graph.at[gone], graph.x1[graph.atStrip[gone]] - graph.x0[graph.atStrip[gone]]], [-1, 50_000]);
});

test('colours have absolute steps, and noise has none', () => {
  const bounds = [10, 100, 1000, 10000];
  const cases = [[0, 0, 4], [9, 0, 4], [10, 0, 5], [99, 0, 5], [100, 0, 6], [1000, 0, 7], [9999, 0, 7], [1e9, 0, 8], [-10, 0, 3], [-1e9, 0, 0], [500, 500, 4], [501, 500, 6], [-500, 600, 4]];
  for (const [delta, error, wanted] of cases) assert.equal(flame.step(delta, error, bounds), wanted, `${delta} ± ${error}`);
});

test('a search counts each byte once', () => {
  const found = tree.Tree.decode(new Uint8Array(encode(trees.pair))), shape = { type: 1, width: 'after', strip: true };
  const view = new flame.View(found, flame.layout(found, shape), shape, 'light');
  assert.deepEqual(view.search(/^main\./), { frames: 7, before: 51_088, after: 9216 + 64 + 300_000 + 7, delta: 309_287 - 51_088, unseen: 0 });
  assert.deepEqual(view.search(/^main\.main$/), { frames: 2, before: 51_088, after: 9287, delta: 9287 - 51_088, unseen: 0 });
  assert.equal(view.search(null), null);
});

test('call paths read off the tree are those of heapdiff refs', () => {
  const files = [data('chat/before.pb.gz'), data('chat/after.pb.gz')], found = tree.Tree.decode(new Uint8Array(encode(treeOf(files, 'root-first'))));
  const reader = new refs.Reader(found, found.typeOf('inuse_space'));
  for (const name of ['chat/limiter.(*Limiter).windowFor', 'chat/limiter.NewRequestLimiter', 'main.(*server).ServeHTTP', 'runtime.main', 'main.(*History).compress']) {
    const [exact] = refs.ofLines(json('refs', `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, ...files, '-n', '0').refs.sites[0].lines), read = reader.callers(name);
    const lines = node => [node.rest ?? node.frames.map(frame => frame.name).join(' ← '), node.before, node.after, node.children().map(lines).sort()];
    assert.deepEqual(lines(read), lines(exact), name);
  }
  assert.equal(reader.callers('no.such'), null);
});

test('numbers are those of the table', () => {
  const files = ['testdata/chat/before.pb.gz', 'testdata/chat/after.pb.gz'], text = heapdiff('diff', ...files, '--width', '400', '--all', '-n', '0').replaceAll(/ +/g, ' ');
  const answer = json('diff', ...files, '--all');
  for (const row of answer.diff.rows) {
    const parts = [format.change(row.delta.flat, 'bytes'), row.error && format.changeMargin(row.error, row.delta.flat, 'bytes'), format.display(row.before.flat, 'bytes'), format.display(row.after.flat, 'bytes'), row.objects && format.countChange(row.objects.delta)];
    if (row.status !== 'within-noise' && !row.callers?.length) for (const part of parts) assert.ok(!part || text.includes(part.replaceAll(/ +/g, ' ')), `${row.name}: ${part}`);
  }
  for (const total of answer.totals) {
    const unit = total.unit, line = [total.sample_type, format.exact(total.before, unit), format.exact(total.after, unit), format.exactChange(total.delta, unit), format.percentChange(total.delta_percent), format.range(format.change(total.error.lower, unit), format.change(total.error.upper, unit))].join(' ');
    assert.ok(text.includes(line), line);
  }
});

test('numbers round and split as in src/units.rs', () => {
  const cases = [[format.bytes(0), '0 B'], [format.bytes(1023), '1023 B'], [format.bytes(1024), '1.0 KiB'], [format.bytes(1_048_575), '1.0 MiB'], [format.bytes(-3.5 * 2 ** 20), '-3.5 MiB'], [format.bytes(9.9 * 2 ** 30), '9.9 GiB'],
    [format.nanoseconds(898e9), '14 min 58 s'], [format.nanoseconds(1.5e9), '1.50 s'], [format.nanoseconds(90_000e9), '1 d 1 h'], [format.grouped(-1_204_331), '-1 204 331'], [format.short(1_900_000), '1.9 M'], [format.short(950), '950'],
    [format.display(140e6, 'nanoseconds/s'), '140.0 ms/s'], [format.display(-1250, 'count/s'), '-1.25/s'], [format.display(14_000, 'count/s'), '14.0/s'],
    [format.margin({ lower: -1024, upper: 3072 }, 9, 'bytes'), '±2.0 KiB'], [format.margin({ lower: 0, upper: 1800 << 10 }, 5 << 20, 'bytes'), '±0.9 MiB'], [format.margin({ lower: 0, upper: 1800 << 10 }, 5 * 2 ** 30, 'bytes'), '±900.0 KiB'],
    [format.changeMargin({ lower: 600 << 10, upper: 8 << 20 }, 3 << 20, 'bytes'), '+600.0 KiB … +8.0 MiB'], [format.changeMargin({ lower: 600 << 10, upper: 8 << 20 }, 4 << 20, 'bytes'), '±3.7 MiB'],
    [format.range('+1.0 MiB', '+2.0 MiB'), '+1.0 … +2.0 MiB'], [format.range('17', '29'), '17 … 29'], [format.range('+2 706 000', '+2 786 000'), '+2 706 000 … +2 786 000'],
    [format.percentChange(185.4), '+185 %'], [format.percentChange(-2.34), '-2.3 %'], [format.percentChange(Infinity), ''], [format.percent(9.96), '10 %'], [format.percent(-0.01), '0.0 %'], [format.percentChange(0.01), '+0.0 %'],
    // Halves go to the even digit, as in Rust.
    [format.fixed(0.25, 1), '0.2'], [format.fixed(0.75, 1), '0.8'], [format.fixed(0.5, 0), '0'], [format.fixed(1.5, 0), '2'], [format.fixed(2.5, 0), '2'], [format.fixed(0.15, 1), '0.1'], [format.fixed(-0.25, 1), '-0.2'], [format.fixed(12.345, 2), '12.35'],
    [format.escape('rtl\u202egpj'), 'rtl\\u{202e}gpj'], [format.escape('main.größe·世界'), 'main.größe·世界'], [format.escape('a\nb\0'), 'a\\u{a}b\\u{0}'],
    [format.exactly('main.(*T[go.shape.int]).f+g'), '^main\\.\\(\\*T\\[go\\.shape\\.int\\]\\)\\.f\\+g$'], [format.quote("it's"), "'it'\\''s'"], [format.quote('before.pb.gz'), 'before.pb.gz']];
  for (const [found, wanted] of cases) assert.equal(found, wanted);
});

test('a number that a browser rounds is found, and a name that looks like one is not', async () => {
  const { large } = await load('large');
  const large_ = value => large.hasLarge(typeof value === 'string' ? value : JSON.stringify(value));
  for (const value of ['{"a":9007199254740993}', '{"a":[1,-9223372036854775808,2]}', '[9007199254740993]', '{"a":[null,9007199254740993]}', '[[1],9007199254740993]', '{"b":{"a":18446744073709551615}}']) assert.ok(large_(value), value);
  for (const value of [{ a: 2 ** 53 - 1 }, { a: '9007199254740993' }, { a: 'x":9007199254740993,' }, { a: 1e300 }, { a: 123456789012.12345 }, []]) assert.ok(!large_(value), JSON.stringify(value));
});

test('integers beyond 2^53 keep every digit', async () => {
  // One bundle, so that all of it knows the same numbers.
  const { large, format, tree, refs, flame } = await load('large', 'format', 'tree', 'refs', 'flame'), MOST = '9223372036854775807';
  const read = large.parse(`{"a": ${MOST}, "b": [1, -9223372036854775808, 2.5, 1e300, 9007199254740993], "text": "x\\":${MOST},", "c":${MOST}.5, "\\u0000":"${MOST}"}`);
  assert.deepEqual([read.a, ...read.b, read.c].map(value => format.grouped(value)).slice(0, 3), ['9 223 372 036 854 775 807', '1', '-9 223 372 036 854 775 808']);
  assert.equal(format.grouped(read.b[4]), '9 007 199 254 740 993');
  assert.deepEqual([read.b[2], read.b[3], read.c, read.text, read['\0'], read.a > 1, Math.abs(read.b[1])], [2.5, 1e300, Number(MOST), `x":${MOST},`, MOST, true, 2 ** 63]);
  const less = large.parse('[9223372036854774807]')[0];
  assert.deepEqual([large.minus(read.a, less), large.minus(less, read.a), format.grouped(large.minus(read.b[1], 1)), format.grouped(large.minus(read.a, -5)), large.minus(5, 3)], [1000, -1000, '-9 223 372 036 854 775 809', '9 223 372 036 854 775 812', 2]);
  assert.deepEqual([format.exact(read.a, 'count'), format.exactChange(read.a, 'count'), format.display(read.a, 'bytes'), format.halfWidth({ lower: less, upper: read.a })], ['9 223 372 036 854 775 807', '+9 223 372 036 854 775 807', '8.0 EiB', 500]);

  // A tree whose sides are near 2^63, and one whose values are small but not their sum.
  const most = 2n ** 63n - 1n, head = of => ({ format: 'hdt1', order: 'root-first', granularity: 'functions', names: ['main.main', 'main.a', 'main.b'], types: [{ name: 'inuse_objects', unit: 'count', index: 0, default: true }], snapshots: 2, signed: of, nodes: 3, others: 0, paths: 3, totals: [[1, 2]], steps: [[1, 10, 100, 1000]] });
  const made = (flat, signed) => tree.Tree.decode(new Uint8Array(encode({ head: head(signed), depth: [0, 1, 1], name: [1, 2, 3], flat: [flat], error: [[0, 0, 0]], paths: [] })));
  const one = made([[0n, most - 5000n, 2000n], [0n, most - 6001n, 3000n]], false);
  assert.deepEqual([...one.change(0)], [-1, -1001, 1000]);
  assert.deepEqual([one.flatChange(0, 0), one.flatChange(0, 1), one.flatChange(0, 2)], [0, -1001, 1000]);
  assert.deepEqual([refs.deltaOf(new refs.Reader(one, 0).callers('main.a')), refs.deltaOf(new refs.Reader(one, 0).callers('main.b'))], [-1001, 1000]);
  const shape = { type: 0, width: 'after', strip: true }, view = new flame.View(one, flame.layout(one, shape), shape, 'light');
  assert.deepEqual([view.search(/main\.a/).delta, view.colour(view.graph.at[1]), view.colour(view.graph.at[2])], [-1001, 0, 8]);
  const signed = made([[0n, -most, 2n ** 53n + 1n], [7n, -most + 3n, 2n ** 53n]], true);
  assert.deepEqual([...signed.change(0)], [9, 3, -1]);
  const sums = made([[1, 2 ** 53 - 1, 2 ** 53 - 1], [2, 2 ** 53 - 1, 2 ** 53 - 1]], false);
  assert.deepEqual([...sums.change(0)], [1, 0, 0]);
});

test('a page that is hidden has no stream of events; shown again, it asks what it missed', async () => {
  const { events } = await load('events');
  const open = [], page = new EventTarget();
  page.hidden = false;
  class Stream extends EventTarget {
    static CLOSED = 2;
    readyState = 1;
    constructor(url) { super(); assert.equal(url, '/api/v1/events'); open.push(this) }
    close() { this.readyState = 2; open.splice(open.indexOf(this), 1) }
  }
  const hide = hidden => { page.hidden = hidden; page.dispatchEvent(new Event('visibilitychange')) };
  const told = { news: 0, back: 0 }, old = [globalThis.document, globalThis.EventSource];
  Object.assign(globalThis, { document: page, EventSource: Stream });
  try {
    events.listen(() => { told.news++ }, () => { told.back++ });
    assert.equal(open.length, 1);
    open[0].dispatchEvent(new Event('open'));
    open[0].dispatchEvent(new Event('inputs'));
    assert.deepEqual(told, { news: 1, back: 0 });
    hide(true);
    assert.equal(open.length, 0);
    hide(true);
    hide(false);
    hide(false);
    assert.equal(open.length, 1);
    open[0].dispatchEvent(new Event('open'));
    assert.deepEqual(told, { news: 1, back: 1 });
    // One that breaks off is opened again by the browser, and what was missed is asked for.
    open[0].dispatchEvent(new Event('error'));
    open[0].dispatchEvent(new Event('open'));
    assert.deepEqual(told, { news: 1, back: 2 });
    // A page that begins hidden waits.
    hide(true);
    events.listen(() => {}, () => { told.back++ });
    assert.equal(open.length, 0);
    hide(false);
    assert.equal(open.length, 2);
    open.forEach(one => one.dispatchEvent(new Event('open')));
    assert.equal(told.back, 4);
  } finally {
    [globalThis.document, globalThis.EventSource] = old;
  }
});

test('a message that something follows ends with a stop', () => {
  for (const [text, ends] of [['no answer', 'no answer.'], ['No answer.', 'No answer.'], ['why?', 'why?'], ['', '']]) assert.equal(format.sentence(text), ends);
});

test('the name of a file is sent so that no command line reads it as anything else', () => {
  for (const [name, sent] of [
    ['heap.pb.gz', 'heap.pb.gz'], ['heap 12:30:00.pb.gz', 'heap 12_30_00.pb.gz'], ['a*b?[c]{d}.pb', 'a_b__c__d_.pb'], ['-o', '_o'], ['..', '_'], ['.', '_'],
    ['a/b\\c', 'a_b_c'], ['a\nb', 'a_b'], ['ä-heap.pb.gz', 'ä-heap.pb.gz'], ['.hidden', '.hidden'],
  ]) assert.equal(format.uploadName(name), sent);
});

test('what a server said before another one began at its address is not its own', async () => {
  const { http } = await load('http');
  assert.notEqual(http.stampOf({ start: 'a', revision: 1 }), http.stampOf({ start: 'b', revision: 1 }));
  assert.notEqual(http.stampOf({ start: 'a', revision: 1 }), http.stampOf({ start: 'a', revision: 2 }));
  const page = (start, version) => new http.Http({ report: 1, version, server: { start, revision: 1, abouts: [], types: [] } }, codec.NO_QUERY, '');
  const old = globalThis.fetch;
  let asked = 0;
  globalThis.fetch = async () => new Response(JSON.stringify({ list: { functions: [String(++asked)] } }));
  try {
    const lines = start => page(start, '').askLines('main.f', new AbortController().signal);
    assert.deepEqual([await lines('a'), await lines('a'), await lines('b')], [['1'], ['1'], ['2']]);
  } finally {
    globalThis.fetch = old;
  }
});
