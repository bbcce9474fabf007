// The reports that heapdiff writes itself, of every kind of profile in testdata: each page opens and stays silent, and its
// numbers are those of --format json.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { keep, launch, open, serious, shoot } from '../tools/browser.mjs';
import { load } from '../tools/source.mjs';
import { heapdiff, json, root } from '../tools/pages.mjs';
import * as numbers from '../tools/numbers.mjs';

const { format, tree } = await load('format', 'tree');
const folder = mkdtempSync(join(tmpdir(), 'heapdiff-real-'));
let browser, kept;
before(async () => { browser = await launch(); kept = await keep(browser) });
after(() => browser.close());

const pair = name => [`testdata/${name}/before.pb.gz`, `testdata/${name}/after.pb.gz`];
const CASES = [
  ...['chat', 'allocs', 'block', 'cpu', 'goroutine', 'mutex', 'no-gc', 'rate1', 'generics-inline', 'parked', 'crafted/builds', 'crafted/units', 'crafted/scaled', 'crafted/recursion'].map(name => ['diff', ...pair(name)]),
  ['diff', 'testdata/two-builds/v1.pb.gz', 'testdata/two-builds/v2.pb.gz'], ['diff', 'testdata/text-heap/before.txt', 'testdata/text-heap/after.txt'],
  ...['names', 'not-utf8', 'no-symbols', 'large-values', 'empty-stack', 'no-mapping', 'string-labels'].map(name => ['top', `testdata/crafted/${name}.pb.gz`]), ['top', 'testdata/seconds-delta/delta.pb.gz'], ['top', 'testdata/empty/heap.pb.gz'], ['top', 'testdata/patterns/heap.pb.gz'],
  ['check', 'testdata/gate/base-1.pb.gz', 'testdata/gate/regression-1.pb.gz', '--max-growth', '5MiB'], ['check', ...pair('chat'), '--max-growth', '1GiB', '--max', '100MiB'],
  ...['harbor/one', 'harbor/restarted', 'verdicts/ticker', 'verdicts/cache', 'moves/drop-half', 'chat'].map(name => ['leaks', `testdata/${name}`]), ['timeline', 'testdata/harbor/one'], ['timeline', '--cum', 'testdata/harbor/one'], ['timeline', 'testdata/verdicts/goroutine'],
  ...['harbor/one', 'harbor/restarted', 'verdicts/ticker', 'verdicts/goroutine', 'chat'].map(name => ['incident', `testdata/${name}`]),
  ['gc', 'testdata/collector/leak.log'], ['gc', 'testdata/collector/thrash.log', 'testdata/text-heap'], ['memory', 'testdata/text-heap'], ['goroutines', 'testdata/parked/before.txt', 'testdata/parked/after.txt'], ['goroutines', 'testdata/harbor/one'],
  ['check', '--max-growth=1MiB', 'testdata/gate/base-1.pb.gz', 'testdata/gate/regression-1.pb.gz'], ['check', '--no-leaks', 'testdata/verdicts/ticker'],
];
/** What each command opens on, where that is not the first tab. */
const FIRST = { incident: 'Card', gc: 'Collector', memory: 'Memory', goroutines: 'Goroutines', check: 'Check' };

/** Real profiles beside the project, which are not part of it. */
const SHARED = join(root, '..', 'shared'), shared = (...parts) => join(SHARED, ...parts);
const real = [
  ...['stress-failure', 'stress-failure.2', 'stress-failure.3', 'heap'].map(name => ['diff', ...['before', 'after'].map(side => shared('corpus/pprof-proto-heap', `DataDog__dd-trace-go__profiler__internal__fastdelta__testdata__${name}.${side}.pprof`))]),
  ['diff', shared('corpus/pprof-proto-heap/profefe__profefe__testdata__collector_heap_1.prof'), shared('corpus/pprof-proto-heap/profefe__profefe__testdata__collector_heap_2.prof')],
  ['diff', shared('found/same-process/mem2.prof'), shared('found/same-process/mem1.prof')], ['diff', shared('found/different-processes/cpu-010.pb.gz'), shared('found/different-processes/cpu-012.pb.gz')], ['diff', shared('found/windows/profiles_base.pprof'), shared('found/windows/profiles_result.pprof')],
  ['top', shared('corpus/pprof-proto-heap/DataDog__dd-trace-go__profiler__internal__fastdelta__testdata__big-heap.pprof')], ['top', shared('found/negative-sizes/memory.prof')], ['top', shared('found/caller-share/heap.out')], ['top', shared('corpus/pprof-proto-heap/laixintao__flameshow__tests__pprof_data__heap.out')],
  ['check', shared('corpus/pprof-proto-heap/profefe__profefe__testdata__collector_heap_1.prof'), shared('corpus/pprof-proto-heap/profefe__profefe__testdata__collector_heap_2.prof'), '--max-growth', '1MiB'],
  ...['leakbench/recordings/worker-channel-never-closed', 'leakbench/recordings/goroutine-ignores-context', 'leakbench/recordings/steady-service', 'chatlab/recordings/ticker', 'chatlab/recordings/H2-steady-b', 'publiclab/recordings/http_transport-bad', 'publiclab/recordings/goredis_wantconn-bad'].map(name => ['leaks', shared(name)]),
  ...['leakbench/recordings/metric-window-warmup', 'chatlab/recordings/redispipe'].map(name => ['timeline', shared(name)]),
];

const block = (text, id) => { const found = new RegExp(`id="${id}">([^<]*)<`).exec(text); return found && gunzipSync(Buffer.from(found[1], 'base64')) };

for (const [k, args] of [...CASES, ...real].entries()) {
  const isThere = args.every(word => !word.startsWith(SHARED) || existsSync(word));
  test(args.join(' '), { skip: isThere ? false : 'its profiles are not there' }, async () => {
    const path = join(folder, `${k}.html`);
    heapdiff(...args, '--format', 'html', '-o', path);
    const text = readFileSync(path, 'utf8'), answer = json(...args), found = block(text, 'heapdiff-tree-root');
    const decoded = found && tree.Tree.decode(new Uint8Array(found));
    if (decoded) {
      decoded.head.types.forEach((type, t) => decoded.head.totals[t].forEach((total, side) => {
        const cum = decoded.cum(t, side);
        for (let i = 0; i < decoded.nodes; i++) {
          let below = decoded.flat[t][side][i];
          for (const child of decoded.children(i)) below += cum[child];
          assert.equal(below, cum[i], `${type.name} of node ${i}`);
        }
        let sum = 0;
        for (const one of decoded.children(-1)) sum += cum[one];
        assert.equal(sum, total, type.name);
      }));
    }
    const { page, goto, close } = await open(browser, path, { kept });
    const tabs = await page.locator('nav.tabs a').evaluateAll(links => links.map(link => /[#&]p=(\w+)/.exec(link.getAttribute('href'))[1]));
    if (FIRST[args[0]]) assert.match(await page.locator('nav.tabs [aria-current]').innerText(), new RegExp(`^${FIRST[args[0]]}`));
    if (args[0] === 'incident') {
      // The card of the page says what the Markdown for a ticket says: each heading, and each command to copy.
      const card = heapdiff(...args), shown = await page.locator('.incident').innerText();
      for (const [, title] of card.matchAll(/^#+ (?:\d+\. )?([\w ,]+)/gm)) assert.ok(shown.includes(title.trim()), title);
      const commands = await page.locator('.incident .command code').allInnerTexts();
      assert.deepEqual(commands, [...card.matchAll(/```sh\n(.*?)\n```/gs)].map(([, command]) => command));
      assert.ok(!/\*\*|&#|&lt;/.test(shown));
      // On paper the list of files is open.
      assert.equal(await page.locator('.incident details[open]').count(), 0);
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      await page.locator('.incident details[open] table').waitFor();
      await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    }
    for (const tab of tabs) {
      await goto(`#p=${tab}`);
      if (['card', 'gc', 'memory'].includes(tab)) assert.deepEqual(await serious(page), []);
      await shoot(page, `real-${k}-${args[0]}-${tab}`);
      assert.equal(await page.locator('[role=alert]').count(), 0, `${tab}: ${await page.locator('[role=alert]').allInnerTexts()}`);
      if (tab === 'flame') {
        await page.locator('#flametree').focus();
        for (const key of ['ArrowDown', 'Enter', 'w', 'w', 'f', 'ArrowDown', 'Enter', 'Escape']) await page.keyboard.press(key);
        assert.equal(await page.locator('.flamepage [role=alert]').count(), 0);
      }
      if (tab === 'overview' && answer.totals) await numbers.totals(page, answer);
      if (tab === 'overview' && answer.suspects) await numbers.suspects(page, answer);
      if (tab === 'diff' && args[0] === 'diff') await numbers.diffRows(page, args.includes('--all') ? answer : json(...args, '--all'));
      if (tab === 'diff' && args[0] === 'top') await numbers.topRows(page, answer);
      if (tab === 'time' && answer.timeline?.rows) await numbers.timeline(page, answer);
      if (tab === 'check' && answer.check) await numbers.check(page, answer);
      if (tab === 'goroutines' && args[0] === 'leaks') await numbers.goroutines(page, json('goroutines', ...args.slice(1), '--all'));
      if (tab === 'time' && args[0] === 'timeline') {
        // The rows, and the sites of the chart, are in the order of the answer and in its colours.
        const isCum = args.includes('--cum'), [first] = answer.timeline.rows, values = isCum ? first.cum : first.flat;
        const cells = await page.locator('tbody tr.row').first().evaluate(row => [...row.children].map(cell => cell.textContent));
        assert.ok(cells.includes(format.display(values.at(-1), answer.unit)), cells.join(' | '));
        assert.ok((await page.locator('thead').first().innerText()).includes(isCum ? 'Δ cum' : 'Δ flat'));
        const sites = JSON.parse(block(text, 'heapdiff-report').toString()).chart, keys = await page.locator('.key').first().locator('li').allInnerTexts();
        assert.deepEqual(keys.map(key => key.trim()).filter(key => key !== 'the rest'), sites.filter(site => site.row !== null).map(site => format.nameText(answer.timeline.rows[site.row].name, 70)));
        const fills = await page.locator('.key').first().locator('rect').evaluateAll(all => all.map(rect => rect.getAttribute('fill')));
        sites.filter(site => site.row !== null).forEach((site, k) => assert.equal(fills[k], site.colour));
      }
    }
    await close();
  });
}
