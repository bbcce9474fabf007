// Interactions: each by mouse, by keyboard alone, and by link; back and forward; what a reload shows.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, open, ready, textOf } from '../tools/browser.mjs';
import { load } from '../tools/source.mjs';
import { grow } from '../tools/hdt1.mjs';
import { heapdiff, json, page as html, write } from '../tools/pages.mjs';

const made = write(mkdtempSync(join(tmpdir(), 'heapdiff-pages-')));
const { tree, format, codec } = await load('tree', 'format', 'codec');
let browser;
before(async () => { browser = await launch() });
after(() => browser.close());

const fragment = page => page.evaluate(() => location.hash);
const zoomOf = async page => codec.decode(await fragment(page)).view.zoom;
const crumb = page => page.locator('.crumbs [aria-current]').innerText();
const detail = page => page.locator('.detailline').innerText();
/** Where a frame of the flame graph is, by its level and its place on it from 0 to 1. */
async function frame(page, level, at = 0.3) {
  const box = await page.locator('.flamebox canvas').boundingBox();
  return [box.x + box.width * at, box.y + level * 18 + 9];
}
/** Until what the last key, click or turn of the wheel asked for is on the screen: it asks for a picture, which may scroll, which asks for another. */
const drawn = page => page.evaluate(() => new Promise(done => { let left = 3; const next = () => (left-- ? requestAnimationFrame(next) : done()); next() }));

test('pages: by tab, by digit, by link, and back', async () => {
  const { page, close } = await open(browser, made.paths.diff);
  assert.equal(await page.locator('nav.tabs [aria-current]').innerText(), 'Diff2');
  await page.getByRole('link', { name: 'Call paths' }).first().click();
  assert.match(await fragment(page), /p=refs/);
  await page.keyboard.press('3');
  assert.match(await fragment(page), /p=flame/);
  await page.keyboard.press('1');
  await page.goBack();
  assert.match(await fragment(page), /p=flame/);
  await page.goBack();
  await page.goBack();
  assert.equal(await page.locator('nav.tabs [aria-current]').innerText(), 'Diff2');
  await page.goForward();
  assert.match(await fragment(page), /p=refs/);
  await close();
});

test('diff: the numbers are those of the answer, and of the table in a terminal', async () => {
  const { page, close } = await open(browser, made.paths.diff);
  const { answer } = made.reports.diff.report, text = heapdiff('diff', 'testdata/chat/before.pb.gz', 'testdata/chat/after.pb.gz', '--width', '400');
  const rows = await page.locator('tbody tr.row').evaluateAll(all => all.map(row => [...row.children].map(cell => cell.innerText.replaceAll(/\s+/g, ' ').trim())));
  assert.equal(rows.length, answer.diff.rows.filter(row => !['same', 'within-noise'].includes(row.status)).length);
  for (const cells of rows) {
    const row = answer.diff.rows.find(one => cells.at(-2).startsWith(one.name));
    assert.deepEqual(cells.slice(0, 5), [format.change(row.delta.flat, 'bytes'), format.changeMargin(row.error, row.delta.flat, 'bytes'), format.percentChange(row.delta_percent), format.display(row.before.flat, 'bytes'), format.display(row.after.flat, 'bytes')]);
    for (const cell of cells.filter(Boolean)) assert.ok(text.includes(cell), cell);
  }
  const foot = await page.locator('tr.foot').innerText();
  assert.ok(text.includes(foot.replace(/^▸ /, '').trim()), foot);
  await close();
});

test('diff: filter, sort, open, columns and noise; each is in the link, and the link shows the same', async () => {
  const { page, goto, close } = await open(browser, made.paths.diff);
  const names = () => page.locator('tbody tr.row .main').allInnerTexts();
  await page.keyboard.press('/');
  await page.keyboard.type('limiter');
  await page.waitForFunction(() => location.hash.includes('q=limiter'));
  assert.equal((await names()).length, 4);
  await page.locator('[data-search]').fill('lim(');
  assert.match(await page.locator('[role=alert]').innerText(), /Unterminated group|nvalid/);
  assert.equal((await names()).length, 4, 'the last good filter stays');
  await page.locator('[data-search]').fill('');
  await page.getByRole('button', { name: 'after' }).click();
  assert.deepEqual((await names()).map(name => name.split('\n')[0].split(' ')[0]).slice(0, 2), ['chat/limiter.(*Limiter).windowFor', 'chat/limiter.NewRequestLimiter']);
  assert.equal(await page.locator('th[aria-sort]').innerText(), 'after ↓');
  await page.getByRole('button', { name: 'after' }).click();
  assert.equal(await page.locator('th[aria-sort]').getAttribute('aria-sort'), 'ascending');
  // By keyboard: into the rows, down, open.
  await page.locator('tbody tr.row .main button[tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.match(await fragment(page), /sel=/);
  assert.equal(await page.locator('tr.detail').count(), 1);
  await page.locator('.pane [role=tree]').waitFor();
  await page.getByRole('button', { name: /^columns/ }).click();
  await page.getByRole('checkbox', { name: 'cum before' }).check();
  assert.ok((await page.locator('thead').innerText()).includes('cum before'));
  await page.locator('tr.foot button').click();
  assert.equal((await names()).length, 8);
  const hash = await fragment(page), before = await textOf(page);
  await goto(hash);
  await page.getByRole('button', { name: /^columns/ }).click();
  assert.equal(await textOf(page), before);
  await page.keyboard.press('Escape');
  await page.locator('tr.row.open .main button').click();
  assert.doesNotMatch(await fragment(page), /sel=/);
  await close();
});

test('diff: another sample type uses the exact rows', async () => {
  const { page, close } = await open(browser, made.paths.diff);
  await page.locator('#type').selectOption('alloc_space');
  assert.match(await fragment(page), /si=alloc_space/);
  const exact = new Map(json('diff', 'testdata/chat/before.pb.gz', 'testdata/chat/after.pb.gz', '--sample-index=alloc_space', '--all').diff.rows.map(row => [row.name, row]));
  const rows = await page.locator('tbody tr.row').evaluateAll(all => all.map(row => [...row.children].map(cell => cell.innerText.replaceAll(/\s+/g, ' ').trim())));
  assert.ok(rows.length > 5);
  for (const cells of rows) assert.equal(cells[0], format.change(exact.get(cells.at(-2).split(' ←')[0]).delta.flat, 'bytes'), cells.at(-2));
  await page.goBack();
  assert.equal(await page.locator('#type').inputValue(), 'inuse_space');
  await close();
});

test('flame: click zooms, the crumbs and Escape go back, the link shows the same', async () => {
  const { page, goto, close } = await open(browser, made.paths.diff, { hash: '#p=flame' });
  await page.mouse.click(...await frame(page, 6));
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  assert.equal((await zoomOf(page)).length, 6);
  assert.match(await detail(page), /\+82\.2 MiB ±1\d\.\d MiB\s+chat\/limiter\.\(\*Limiter\)\.Allow[\s\S]*13\.0 MiB → 95\.2 MiB/);
  const hash = await fragment(page), before = await textOf(page);
  await goto(hash);
  assert.equal(await textOf(page), before);
  await page.locator('.crumbs').getByRole('button', { name: 'main.main', exact: true }).click();
  assert.equal(await crumb(page), 'main.main');
  await page.locator('#flametree').focus();
  await page.keyboard.press('Escape');
  assert.equal(await crumb(page), 'runtime.main');
  await page.goBack();
  await page.goBack();
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  await page.goForward();
  assert.equal(await crumb(page), 'main.main');
  await page.getByRole('button', { name: 'all', exact: true }).last().click();
  assert.deepEqual(await zoomOf(page), []);
  await close();
});

test('flame: by keyboard alone', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame' });
  const tree = page.locator('#flametree');
  await tree.focus();
  const active = async () => (await page.locator(`#${await tree.getAttribute('aria-activedescendant')}`).innerText());
  assert.match(await active(), /^all: \+117\.3 MiB/);
  for (let k = 0; k < 6; k++) await page.keyboard.press('ArrowDown');
  assert.match(await active(), /^chat\/limiter\.\(\*Limiter\)\.Allow: \+82\.2 MiB/);
  await page.keyboard.press('ArrowRight');
  assert.match(await active(), /^chat\/limiter\.NewRequestLimiter: \+50\.6 MiB ±1\d\.\d MiB, 5\.6 MiB before, 56\.1 MiB after, 34 % of all after/);
  await page.keyboard.press('Enter');
  assert.equal(await crumb(page), 'limiter.NewRequestLimiter');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Backspace');
  assert.equal(await crumb(page), 'main.(*server).ServeHTTP');
  await page.keyboard.press('Home');
  assert.deepEqual(await zoomOf(page), []);
  await page.keyboard.press('w');
  assert.match(await fragment(page), /w=before/);
  await page.keyboard.press('w');
  assert.match(await fragment(page), /w=delta/);
  await page.keyboard.press('w');
  await page.keyboard.press('v');
  assert.match(await fragment(page), /gone=0/);
  await page.keyboard.press('f');
  await ready(page);
  assert.match(await fragment(page), /flip=1/);
  await page.locator('#flametree').focus();
  await page.keyboard.press('ArrowDown');
  assert.match(await page.locator('.detailline .name').innerText(), /windowFor/);
  await page.keyboard.press('r');
  assert.match(await fragment(page), /p=refs.*sel=/);
  await page.goBack();
  await ready(page);
  assert.ok(await page.locator('[role=treeitem]').count() <= 40);
  await close();
});

test('flame: menu by right click and by m; commands and names are copied', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame' });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.mouse.click(...await frame(page, 7), { button: 'right' });
  await page.getByRole('menu').waitFor();
  await page.getByRole('menuitem', { name: /Focus on this/ }).click();
  assert.equal(await clipboard(), "heapdiff diff testdata/chat/before.pb.gz testdata/chat/after.pb.gz --focus='^chat/limiter\\.\\(\\*Limiter\\)\\.windowFor$'");
  await page.keyboard.press('c');
  await drawn(page);
  assert.equal(await clipboard(), 'chat/limiter.(*Limiter).windowFor');
  await page.keyboard.press('m');
  await page.waitForFunction(() => document.activeElement.getAttribute('role') === 'menuitem');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.match(await fragment(page), /p=refs/);
  await page.goBack();
  await ready(page);
  assert.equal(await page.getByRole('menu').count(), 0);
  await close();
});

test('flame: search counts each byte once, n and N zoom to matches', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame' });
  await page.keyboard.press('/');
  await page.keyboard.type('limiter');
  await page.waitForFunction(() => /of \+117/.test(document.querySelector('.found')?.textContent));
  assert.equal((await page.locator('.found').innerText()).split('\n')[0].trim().replace(/ ?[‹›]+$/, ''), '+132.7 MiB of +117.3 MiB (113 %) in 3 frames');
  await page.waitForFunction(() => location.hash.includes('q=limiter'));
  await page.keyboard.press('Enter');
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  await page.locator('#flametree').focus();
  await page.keyboard.press('n');
  assert.equal(await crumb(page), 'limiter.NewRequestLimiter');
  await page.keyboard.press('N');
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  await page.locator('[data-search]').fill('(');
  assert.match(await page.locator('.flamepage [role=alert]').innerText(), /nvalid|Unterminated/);
  await close();
});

test('flame: Ctrl+wheel zooms at the pointer, a plain wheel does not, dragging pans, a click of a drag zooms nowhere', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame' });
  const picture = () => page.locator('.flamebox canvas').evaluate(canvas => canvas.toDataURL().length + canvas.toDataURL().slice(-2000));
  const [x, y] = await frame(page, 3, 0.5), first = await picture();
  await page.mouse.move(x, y);
  await drawn(page);
  const hovered = await picture();
  await page.mouse.wheel(0, 120);
  await drawn(page);
  assert.equal(await picture(), hovered);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -300);
  await page.keyboard.up('Control');
  await drawn(page);
  const zoomed = await picture();
  assert.notEqual(zoomed, hovered);
  await page.mouse.down();
  await page.mouse.move(x - 200, y, { steps: 5 });
  await page.mouse.up();
  await drawn(page);
  assert.notEqual(await picture(), zoomed);
  assert.deepEqual(await zoomOf(page), []);
  await page.getByRole('button', { name: 'Zoom out' }).click();
  await page.getByRole('button', { name: 'Zoom out' }).click();
  await page.mouse.move(5, 5);
  await drawn(page);
  assert.equal(await picture(), first);
  await close();
});

test('flame: the table has the same numbers; a link to a frame that is gone says so', async () => {
  const { page, goto, close } = await open(browser, made.paths.diff, { hash: '#p=flame&as=1' });
  assert.match(await page.locator('.frametable tbody tr').first().innerText(), /\+117\.3 MiB[\s\S]*runtime\.main/);
  await page.locator('.frametable tbody .main button').first().click();
  assert.equal(await crumb(page), 'runtime.main');
  await goto(`#p=flame&z=${['runtime.main', 'main.main', 'no.such'].map(tree.token).join('.')}`);
  assert.equal(await crumb(page), 'main.main');
  assert.match(await page.locator('.notices').innerText(), /nearest one above/);
  await goto('#p=flame&z=1.2.3&si=nonsense&f=main&call_tree=t');
  assert.match(await page.locator('.notices').innerText(), /No sample type is called nonsense/);
  assert.match(await page.locator('.notices').innerText(), /not applied[\s\S]*--focus=main/);
  assert.match(await page.locator('.notices').innerText(), /call_tree/);
  await page.getByRole('link', { name: 'Diff' }).click();
  assert.match(await fragment(page), /call_tree=t/);
  await close();
});

test('flame: a finger first shows the facts, then zooms', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame', size: 'narrow', touch: true });
  const box = await page.locator('.flamebox canvas').boundingBox(), point = [box.x + 60, box.y + 24 * 3 + 12];
  await page.touchscreen.tap(...point);
  assert.match(await detail(page), /main\.load/);
  assert.deepEqual(await zoomOf(page), []);
  await page.touchscreen.tap(...point);
  assert.equal(await crumb(page), 'main.load');
  await page.locator('.detailline').getByRole('button', { name: 'Call paths' }).tap();
  assert.match(await fragment(page), /p=refs/);
  await close();
});

test('refs: the tree by mouse and keys, another function, callees, back', async () => {
  const { page, goto, close } = await open(browser, made.paths.diff, { hash: '#p=refs' });
  const items = page.locator('.refs [role=treeitem]');
  assert.equal(await items.count(), 2);
  await items.first().focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await items.count(), 1);
  assert.match(await fragment(page), /open=/);
  const hash = await fragment(page);
  await goto(hash);
  assert.equal(await items.count(), 1);
  await items.first().click();
  assert.equal(await items.count(), 2);
  await page.locator('.refs a', { hasText: 'ServeHTTP' }).first().click();
  assert.match(await page.locator('h2').first().innerText(), /main\.\(\*server\)\.ServeHTTP/);
  await ready(page);
  assert.match(await page.locator('.refs').innerText(), /\+133\.2 MiB[\s\S]*±1\d\.\d MiB/);
  await page.getByRole('button', { name: 'callees' }).click();
  await ready(page);
  assert.match(await page.locator('.refs').innerText(), /Allow → [\s\S]*windowFor/);
  await page.goBack();
  await page.goBack();
  assert.match(await page.locator('h2').first().innerText(), /windowFor/);
  await close();
});

test('timeline: the cursor, the range by drag, by keys and by number, and its command', async () => {
  const { page, goto, close } = await open(browser, made.paths.leaks, { hash: '#p=time' });
  const chart = page.locator('.timeline svg.chart'), box = await chart.boundingBox(), under = page.locator('.under');
  await page.mouse.move(box.x + 74, box.y + 100);
  assert.match(await under.innerText(), /1\.3 MiB$/);
  await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 100, { steps: 6 });
  await page.mouse.up();
  await page.waitForFunction(() => /t0=\d+&t1=\d+/.test(location.hash));
  const hash = await fragment(page), before = await page.locator('.timeline .command code').first().innerText();
  assert.match(before, /^heapdiff diff testdata\/harbor\/one\/heap-0\d\.pb\.gz testdata\/harbor\/one\/heap-0\d\.pb\.gz$/);
  await goto(hash);
  assert.equal(await page.locator('.timeline .command code').first().innerText(), before);
  await chart.focus();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction(() => /t0=1&t1=3/.test(location.hash));
  await page.getByLabel('to', { exact: true }).fill('5');
  await page.getByLabel('to', { exact: true }).press('Tab');
  await page.waitForFunction(() => /t0=1&t1=5/.test(location.hash));
  const { timeline } = made.reports.leaks.report.answer, row = timeline.rows[0];
  assert.match(await page.locator('.timeline tbody tr.row').first().innerText(), new RegExp(format.change(row.flat[4] - row.flat[0], 'bytes').replaceAll(/[+.]/g, '\\$&')));
  await page.locator('summary').click();
  assert.equal(await page.locator('details tbody tr.row').count(), timeline.inputs.length);
  await close();
});

test('source: the lines with their values, and what is missing', async () => {
  const { page, goto, close } = await open(browser, made.paths.diff, { hash: '#p=source' });
  assert.match(await page.locator('table.code').innerText(), /\+80\.1 MiB/);
  await page.locator('.side button').nth(1).click();
  assert.match(await page.locator('h2').first().innerText(), /NewRequestLimiter/);
  await goto('#p=source&sel=no.such');
  assert.match(await page.locator('.page').innerText(), /carries no source of no\.such[\s\S]*heapdiff list '\^no\\\.such\$'/);
  await close();
});

test('check: the verdict, the exit code, the rule, what broke it', async () => {
  const { page, close } = await open(browser, made.paths.check);
  const text = await textOf(page), { check } = made.reports.check.report.answer;
  assert.match(text, /FAIL \(1 of 1 rule failed\)/);
  assert.match(text, /Exit code 1\./);
  assert.ok(text.includes(format.change(check.rules[0].value, 'bytes')));
  assert.ok(text.includes(check.rules[0].message.slice(0, 40)));
  await page.locator('.offenders').getByRole('link', { name: /call paths/ }).click();
  await ready(page);
  assert.match(await page.locator('h2').first().innerText(), /begin/);
  await close();
});

test('theme, help, letters off, share', async () => {
  const { page, close } = await open(browser, made.paths.diff, { scheme: 'dark' });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
  await page.getByRole('button', { name: /Theme/ }).click();
  assert.equal(await theme(), 'dark');
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Help' }).waitFor();
  await page.getByRole('checkbox', { name: /single letters/ }).uncheck();
  await page.getByRole('heading', { name: 'Help' }).click();
  await page.keyboard.press('1');
  assert.equal(await fragment(page), '');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('heading', { name: 'Help' }).count(), 0);
  await page.getByRole('button', { name: 'share' }).click();
  await page.getByText('copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  await close();
});

test('back and forward through ten steps show what was there', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=overview' });
  const steps = [
    () => page.keyboard.press('2'), () => page.locator('tbody tr.row .main button').first().click(), () => page.getByRole('button', { name: 'before' }).click(), () => page.keyboard.press('3'),
    async () => page.mouse.click(...await frame(page, 4)), () => page.locator('.choice').getByRole('button', { name: 'Δ' }).click(), async () => page.mouse.click(...await frame(page, 5)), () => page.keyboard.press('4'),
    () => page.getByRole('button', { name: 'callees' }).click(), () => page.locator('#type').selectOption('alloc_objects'),
  ];
  const settled = async () => { await ready(page); await page.mouse.move(3, 500); await drawn(page); return `${await fragment(page)} ${await textOf(page)}` };
  const seen = [await settled()];
  for (const step of steps) { await step(); seen.push(await settled()) }
  assert.equal(new Set(seen).size, seen.length);
  for (let k = seen.length - 2; k >= 0; k--) { await page.goBack(); assert.equal(await settled(), seen[k], `back to ${k}`) }
  for (let k = 1; k < seen.length; k++) { await page.goForward(); assert.equal(await settled(), seen[k], `forward to ${k}`) }
  await close();
});

test('a table of thousands of rows draws those in sight, by wheel, keys and link', async () => {
  const { report, trees } = made.reports.diff, rows = report.answer.diff.rows, many = Array.from({ length: 5000 }, (_, k) => ({ ...rows[0], name: `main.f${k}`, via: null, callers: [], delta: { flat: 5000 - k, cum: 5000 - k } }));
  const path = join(mkdtempSync(join(tmpdir(), 'heapdiff-many-')), 'many.html');
  writeFileSync(path, html({ ...report, answer: { ...report.answer, diff: { ...report.answer.diff, rows: many } } }, trees));
  const { page, goto, close } = await open(browser, path, { hash: '#p=diff' });
  const shown = () => page.locator('tbody tr.row .main').allInnerTexts(), count = () => page.locator('tbody tr.row').count();
  assert.ok(await count() < 150);
  assert.equal(await page.locator('table').getAttribute('aria-rowcount'), '5001');
  await page.locator('tbody tr.row .main button').first().focus();
  await page.keyboard.press('End');
  await drawn(page);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'main.f4999');
  await page.keyboard.press('Enter');
  await drawn(page);
  assert.match(await page.locator('tr.detail').innerText(), /main\.f4999/);
  await page.keyboard.press('PageUp');
  await drawn(page);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^main\.f49[678]\d$/);
  await page.keyboard.press('Home');
  await drawn(page);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'main.f0');
  await page.mouse.move(400, 500);
  // The wheel scrolls what is on the screen, which a picture of it makes sure of.
  await page.screenshot({ clip: { x: 0, y: 0, width: 8, height: 8 } });
  await page.mouse.wheel(0, 60_000);
  await page.waitForFunction(() => /main\.f19/.test(document.querySelector('.tablebox').textContent));
  assert.ok(await count() < 150);
  await goto('#p=diff&sel=main.f2500');
  await page.waitForFunction(() => document.querySelector('tr.open')?.getBoundingClientRect().bottom < innerHeight);
  assert.ok((await shown()).includes('main.f2500'));
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await page.emulateMedia({ media: 'print' });
  await drawn(page);
  assert.equal(await count(), 40);
  assert.match(await page.locator('.cut').innerText(), /first 40 of 5000/);
  await close();
});

test('flame: two fingers zoom where they are', async () => {
  const { page, close } = await open(browser, made.paths.diff, { hash: '#p=flame', size: 'narrow', touch: true });
  const box = await page.locator('.flamebox canvas').boundingBox(), session = await page.context().newCDPSession(page), y = box.y + 60;
  const picture = () => page.locator('.flamebox canvas').evaluate(canvas => canvas.toDataURL());
  const touch = (type, ...xs) => session.send('Input.dispatchTouchEvent', { type, touchPoints: xs.map((x, id) => ({ x: box.x + x, y, id })) });
  const before = await picture();
  await touch('touchStart', 140, 180);
  for (let k = 1; k <= 6; k++) await touch('touchMove', 140 - 12 * k, 180 + 12 * k);
  await touch('touchEnd');
  await drawn(page);
  assert.notEqual(await picture(), before);
  assert.deepEqual(await zoomOf(page), []);
  await close();
});

test('flame: a recursion of thousands of frames scrolls, zooms and is in the link', async () => {
  const { report } = made.reports.diff, types = report.answer.totals.map((total, index) => ({ name: total.sample_type, unit: total.unit, index, default: total.sample_type === 'inuse_space' }));
  const frames = Array.from({ length: 3000 }, (_, k) => (k < 2 ? `main.start${k}` : 'main.again')), values = types.map(() => [1 << 20, 4 << 20]);
  const root = grow({ order: 'root-first', types, sides: 2, kindOf: () => 1, paths: [{ frames, values }] }), path = join(mkdtempSync(join(tmpdir(), 'heapdiff-deep-')), 'deep.html');
  writeFileSync(path, html(report, { root }));
  const { page, goto, close } = await open(browser, path, { hash: '#p=flame' });
  await page.locator('.flamebox').evaluate(box => { box.scrollTop = box.scrollHeight });
  await drawn(page);
  const box = await page.locator('.flamebox').boundingBox();
  await page.mouse.click(box.x + 100, box.y + box.height - 16);
  assert.equal((await zoomOf(page)).length, 3000);
  assert.ok(await page.locator('.crumbs li').count() < 60);
  assert.match(await page.locator('.crumbs').innerText(), /2[\s ]?960 frames/);
  await goto(await fragment(page));
  assert.equal(await crumb(page), 'main.again');
  await page.locator('#flametree').focus();
  await page.keyboard.press('Escape');
  assert.equal((await zoomOf(page)).length, 2999);
  await close();
});

test('integers near 2^63 are shown with every digit', async () => {
  const { report } = made.reports.diff, totals = report.answer.totals.map(total => (total.unit === 'count' ? { ...total, before: '@9223372036854774806', after: '@9223372036854775807', delta: 1001, error: null } : total));
  const path = join(mkdtempSync(join(tmpdir(), 'heapdiff-large-')), 'large.html');
  writeFileSync(path, html(JSON.stringify({ ...report, answer: { ...report.answer, totals } }).replaceAll(/"@(\d+)"/g, '$1')));
  const { page, close } = await open(browser, path, { hash: '#p=overview' });
  const row = page.locator('table.totals tbody tr').filter({ hasText: 'inuse_objects' });
  assert.match((await row.innerText()).replaceAll(/\s+/g, ' '), /9 223 372 036 854 774 806 9 223 372 036 854 775 807 \+1 001/);
  await close();
});
