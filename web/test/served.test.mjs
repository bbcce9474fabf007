// The page on a server: each question by mouse, by keyboard alone and by link; what is new, what is sent, and what goes wrong.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, open, ready, serious, shoot, textOf, turn } from '../tools/browser.mjs';
import { NASTY, heapdiff, json, root } from '../tools/pages.mjs';
import { profile } from '../tools/profile.mjs';
import { folderOf, isReal, serve, serveAt } from '../tools/serve.mjs';
import { heaps } from '../tools/service.mjs';
import { mock } from '../tools/mock.mjs';
import { load } from '../tools/source.mjs';

const { format, codec } = await load('format', 'codec');
const CHAT = ['testdata/chat/before.pb.gz', 'testdata/chat/after.pb.gz'], HARBOR = 'testdata/harbor/one';
const heapOf = k => `${HARBOR}/heap-${String(k).padStart(2, '0')}.pb.gz`;
let browser, chat, harbor;
before(async () => { [browser, chat, harbor] = await Promise.all([launch(), serve(...CHAT), serve(HARBOR)]) });
after(async () => { await browser?.close(); await chat?.close(); await harbor?.close() });

const address = page => page.evaluate(() => location.pathname + location.search);
const rowsOf = page => page.locator('tbody tr.row').evaluateAll(all => all.map(row => [...row.children].map(cell => cell.textContent.replaceAll(/\s+/g, ' ').trim())));
/** The rows of a diff as the page writes them: the change and the name. */
const wanted = answer => { const rows = answer.diff.rows.filter(row => !['same', 'within-noise'].includes(row.status)); return [...rows.filter(row => row.delta.flat > 0), ...rows.filter(row => row.delta.flat <= 0)].map(row => [format.change(row.delta.flat, answer.unit), format.nameText(row.name)]) };
const shown = async page => (await rowsOf(page)).map(cells => [cells[0], cells.at(-2).split(' ←')[0]]);
/** Opens a filter for typing; what is there is selected. */
async function edit(page, word) {
  await page.getByRole('button', { name: `Change the filter ${word}` }).click();
  await page.waitForFunction(() => document.activeElement.matches('.chip input'));
}
const REFUSED = /status of (400|404|503)/;

const PAGES = ['/', '/diff', '/top', '/flame', '/refs', '/time', '/source', '/goroutines', '/gc'];
describe('every page', () => {
  // Wide pages load in the light and turn dark, narrow ones the other way round.
  for (const [size, scheme, other] of [['wide', 'light', 'dark'], ['narrow', 'dark', 'light']]) {
    test(size, async () => {
      const { page, goto, close } = await open(browser, harbor.url, { size, scheme, hash: '/' });
      assert.deepEqual(await page.locator('nav.tabs a').evaluateAll(links => links.map(link => link.getAttribute('href')).filter(path => path !== '/memory')), PAGES);
      const found = [], isWithin = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
      for (const path of PAGES) {
        await page.emulateMedia({ colorScheme: scheme });
        await goto(`${path}?f=main`);
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
        assert.equal(await page.locator('nav.tabs [aria-current]').getAttribute('href'), `${path}?f=main`);
        assert.ok(await isWithin(), `${path} is wide`);
        await shoot(page, `served-${path.slice(1) || 'overview'}-${size}-${scheme}`);
        if (size === 'narrow') await page.getByRole('button', { name: 'Options' }).click();
        await page.getByRole('button', { name: /^inputs/ }).click();
        await page.locator('#drawer').waitFor();
        assert.ok(await isWithin(), `${path} with its inputs is wide`);
        found.push(...(await serious(page)).map(one => `${path} ${scheme}: ${one}`));
        await turn(page, other);
        assert.ok(await isWithin(), `${path} with its inputs is wide, ${other}`);
        await shoot(page, `served-${path.slice(1) || 'overview'}-${size}-${other}`);
        found.push(...(await serious(page, { colours: true })).map(one => `${path} ${other}: ${one}`));
      }
      assert.deepEqual(found, []);
      await close();
    });
  }
});

test('pages: by tab, by digit, by path, and back; the filter stays', async () => {
  const { page, close } = await open(browser, chat.url, { hash: '/diff?f=limiter' });
  await page.getByRole('link', { name: 'Call paths' }).first().click();
  assert.equal(await address(page), '/refs?f=limiter');
  await page.keyboard.press('4');
  await ready(page);
  assert.equal(await address(page), '/flame?f=limiter');
  await page.keyboard.press('1');
  await ready(page);
  assert.equal(await address(page), '/?f=limiter');
  await page.goBack();
  await page.goBack();
  await page.goBack();
  await ready(page);
  assert.equal(await page.locator('nav.tabs [aria-current]').innerText(), 'Diff2');
  await page.goForward();
  await ready(page);
  assert.equal(await address(page), '/refs?f=limiter');
  await page.getByRole('link', { name: 'Top' }).first().click();
  await ready(page);
  assert.deepEqual((await page.locator('nav.tabs a').allInnerTexts()).slice(0, 3), ['Overview1', 'Diff2', 'Top3']);
  assert.equal(await page.locator('nav.tabs [aria-current]').innerText(), 'Top3');
  await close();
});

test('filters: added by mouse and by keys, changed, removed; the rows are those of the command line', async () => {
  const { page, goto, close } = await open(browser, chat.url, { hash: '/diff' });
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--all')));
  await page.getByRole('button', { name: '+ filter' }).click();
  await page.getByRole('textbox', { name: /^focus/ }).fill('limiter');
  await page.getByRole('button', { name: 'apply' }).click();
  await ready(page);
  assert.equal(await address(page), '/diff?f=limiter');
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--focus=limiter', '--all')));
  // By keys: to the list, a second filter, Enter.
  await page.getByRole('button', { name: '+ filter' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.matches('.chip input'));
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.type('hide');
  await page.keyboard.press('Tab');
  await page.keyboard.type('windowFor');
  await page.keyboard.press('Enter');
  await ready(page);
  assert.equal(await address(page), '/diff?f=limiter&h=windowFor');
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--focus=limiter', '--hide=windowFor', '--all')));
  await edit(page, 'focus');
  await page.keyboard.press('Escape');
  assert.equal(await address(page), '/diff?f=limiter&h=windowFor');
  await edit(page, 'focus');
  await page.keyboard.type('Allow');
  await page.keyboard.press('Enter');
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--focus=Allow', '--hide=windowFor', '--all')));
  const link = await address(page), before = await textOf(page);
  await goto(link);
  assert.equal(await textOf(page), before);
  await page.getByRole('button', { name: 'Remove the filter hide' }).click();
  await page.getByRole('button', { name: 'Remove the filter focus' }).click();
  await ready(page);
  assert.equal(await address(page), '/diff');
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--all')));
  await page.goBack();
  await page.goBack();
  await ready(page);
  assert.equal(await textOf(page), before);
  await close();
});

for (const [key, option, value] of [['i', 'ignore', 'limiter'], ['s', 'show', 'main'], ['sf', 'show-from', 'ServeHTTP'], ['tf', 'tagfocus', 'bytes=1kb:'], ['ti', 'tagignore', 'bytes=1kb:']]) {
  test(`filter ${option} by link`, async () => {
    const { page, close } = await open(browser, chat.url, { hash: `/diff?${key}=${value}`, mayFail: REFUSED });
    const rows = wanted(json('diff', ...CHAT, `--${option}=${value}`, '--all'));
    if (rows.length) assert.deepEqual(await shown(page), rows); else assert.ok(await page.locator('.page').innerText());
    assert.match(await page.locator('.filters .chip').innerText(), new RegExp(value));
    await close();
  });
}

test('a regular expression that is none: the reason is there, the last answer stays, and the page goes on', async () => {
  const { page, close } = await open(browser, chat.url, { hash: '/diff?f=limiter', mayFail: REFUSED });
  const before = await shown(page);
  await edit(page, 'focus');
  await page.keyboard.type('lim(');
  await page.keyboard.press('Enter');
  await page.locator('.filters [role=alert]').waitFor();
  assert.match(await page.locator('.filters [role=alert]').innerText(), /focus: [\s\S]*unclosed group[\s\S]*the last answer/);
  assert.deepEqual(await shown(page), before);
  assert.equal(await page.locator('.chip.bad').count(), 1);
  await page.getByRole('button', { name: 'Remove the filter focus' }).click();
  await ready(page);
  assert.equal(await page.locator('[role=alert]').count(), 0);
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--all')));
  await close();
  // In a link there is no last answer.
  const first = await open(browser, chat.url, { hash: '/diff?f=lim(', mayFail: REFUSED });
  assert.match(await first.page.locator('.page [role=alert]').innerText(), /regex parse error: lim\( \^ error: unclosed group/);
  assert.equal(await first.page.locator('nav.tabs [aria-current]').getAttribute('href'), '/diff?f=lim(');
  assert.equal(await first.page.locator('.notices').allInnerTexts().then(all => all.join('').trim()), '');
  await first.page.getByRole('button', { name: 'without filters' }).click();
  await ready(first.page);
  assert.equal((await shown(first.page)).length, before.length + wanted(json('diff', ...CHAT, '--all')).length - before.length);
  await first.close();
});

test('no match: it says so and offers the way back', async () => {
  const { page, close } = await open(browser, chat.url, { hash: '/flame', mayFail: REFUSED });
  await page.getByRole('button', { name: '+ filter' }).click();
  await page.keyboard.type('no_such_name');
  await page.keyboard.press('Enter');
  await page.locator('.page [role=alert]').waitFor();
  await page.getByRole('button', { name: 'without filters' }).click();
  await ready(page);
  assert.equal(await page.locator('.flamebox').count(), 1);
  await page.goBack();
  await page.locator('.page [role=alert]').waitFor();
  await close();
});

test('type, granularity and order are asked for, and are in the link', async () => {
  const { page, goto, close } = await open(browser, chat.url, { hash: '/diff' });
  await page.locator('#type').selectOption('alloc_space');
  await ready(page);
  assert.equal(await address(page), '/diff?si=alloc_space');
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--all')));
  await page.locator('#granularity').selectOption('lines');
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--granularity=lines', '--all')));
  // A row of a line opens the call paths of its function.
  await page.locator('tbody tr.row .main button').first().click();
  await page.locator('.pane [role=tree]').waitFor();
  await page.locator('#sort').selectOption('cum');
  await ready(page);
  assert.deepEqual((await shown(page)).map(row => row[1]), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--granularity=lines', '--sort=cum', '--all')).map(row => row[1]));
  const link = await address(page), before = await shown(page);
  await goto(link);
  assert.deepEqual(await shown(page), before);
  await close();
});

test('before and after are any two snapshots', async () => {
  const { page, close } = await open(browser, harbor.url, { hash: '/diff' });
  await page.getByRole('button', { name: /^inputs/ }).click();
  const ids = await page.locator('#input-a option').evaluateAll(all => all.map(one => [one.value, one.textContent]));
  const id = k => ids.find(([, text]) => text.includes(`heap-${String(k).padStart(2, '0')}`))[0];
  await page.locator('#input-a').selectOption(id(3));
  await ready(page);
  await page.locator('#input-b').selectOption(id(8));
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', heapOf(3), heapOf(8), '--all')));
  await page.getByRole('button', { name: 'swap' }).click();
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', heapOf(8), heapOf(3), '--all')));
  await page.getByRole('button', { name: 'first and last' }).click();
  await ready(page);
  assert.equal(await address(page), '/diff');
  await page.goBack();
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', heapOf(8), heapOf(3), '--all')));
  await close();
});

test('timeline: a range compares its ends, by mouse, by keys and by link', async () => {
  const { page, goto, close } = await open(browser, harbor.url, { hash: '/time' });
  const chart = page.locator('.timeline svg.chart'), box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 100, { steps: 6 });
  await page.mouse.up();
  await page.waitForFunction(() => /a=i?\d+&b=i?\d+/.test(location.search));
  await page.locator('#rediff').waitFor();
  await ready(page);
  const ends = async () => (await page.locator('.timeline .command code').first().innerText()).split(' ').slice(-2);
  const changes = () => page.locator('section[aria-labelledby=rediff] tbody tr.row').evaluateAll(all => all.map(row => [row.children[0].textContent, [...row.children].at(-2).textContent.split(' ←')[0]]));
  const rows = async () => { const answer = json('diff', ...await ends(), '--all'); return wanted(answer).slice(0, 12) };
  let expected = await rows();
  assert.deepEqual((await changes()).slice(0, expected.length), expected);
  const link = await address(page);
  await goto(link);
  assert.deepEqual((await changes()).slice(0, expected.length), expected);
  await chart.focus();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !location.search.includes('a='));
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction(() => /b=i?\d+/.test(location.search));
  await page.locator('#rediff').waitFor();
  await ready(page);
  assert.deepEqual(await ends(), [heapOf(0), heapOf(2)]);
  expected = await rows();
  assert.deepEqual((await changes()).slice(0, expected.length), expected);
  await page.locator('section[aria-labelledby=rediff]').getByRole('link').first().click();
  await ready(page);
  assert.deepEqual(await shown(page), wanted(json('diff', heapOf(0), heapOf(2), '--all')));
  await page.goBack();
  await page.goBack();
  await page.goBack();
  await ready(page);
  assert.equal(await address(page), link);
  await close();
});

/** Where a frame of the flame graph is. */
async function frame(page, level, at = 0.3) {
  const box = await page.locator('.flamebox canvas').boundingBox();
  return [box.x + box.width * at, box.y + level * 18 + 9];
}
const crumb = page => page.locator('.crumbs [aria-current]').innerText();

test('flame: the menu and the keys filter; the zoom stays, also in another type', async () => {
  const { page, goto, close } = await open(browser, chat.url, { hash: '/flame' });
  await page.mouse.click(...await frame(page, 6));
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  await page.mouse.click(...await frame(page, 7), { button: 'right' });
  await page.getByRole('menuitem', { name: 'Hide this frame' }).click();
  await ready(page);
  assert.equal(new URLSearchParams(await page.evaluate(() => location.search)).get('h'), '^chat/limiter\\.\\(\\*Limiter\\)\\.windowFor$');
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  await page.locator('#type').selectOption('alloc_space');
  await ready(page);
  assert.equal(await crumb(page), 'limiter.(*Limiter).Allow');
  assert.match(await page.locator('.legend h3').innerText(), /alloc_space/);
  const link = await address(page), before = await textOf(page);
  await goto(link);
  assert.equal(await textOf(page), before);
  // By keys: focus on the frame, then ignore another.
  await goto('/flame');
  await page.locator('#flametree').focus();
  for (let k = 0; k < 6; k++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('o');
  await ready(page);
  assert.equal(await page.locator('.chip code').innerText(), '^chat/limiter\\.\\(\\*Limiter\\)\\.Allow$');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'flametree');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('m');
  await page.getByRole('menuitem', { name: 'Show from here' }).press('Enter');
  await ready(page);
  assert.match(await address(page), /&sf=/);
  await page.goBack();
  await page.goBack();
  await ready(page);
  assert.equal(await address(page), '/flame');
  await close();
});

test('refs and source of any function', async () => {
  const { page, goto, close } = await open(browser, chat.url, { hash: '/refs' });
  await page.getByLabel('Find a function').fill('History');
  await page.locator('.side .list button').first().click();
  await ready(page);
  const name = await page.locator('h2 .name').first().innerText();
  const { lines } = json('refs', format.exactly(name), ...CHAT, '-n', '0').refs.sites[0];
  assert.match(await page.locator('.refs').innerText(), new RegExp(format.change(lines[0].delta ?? lines[0].after, 'bytes').replace(/[+.]/g, '\\$&')));
  await page.getByRole('button', { name: 'callees' }).click();
  await ready(page);
  const below = json('refs', format.exactly(name), '--callees', ...CHAT, '-n', '0').refs.sites[0].lines;
  assert.equal(await page.locator('.refs [role=treeitem]').first().locator('.num').first().innerText(), format.change(below[0].delta ?? below[0].after, 'bytes'));
  await page.getByRole('link', { name: /^source of/ }).first().click();
  await ready(page);
  assert.ok((await page.locator('table.code').innerText()).includes('\n'));
  await goto('/source?sel=chat/limiter.(*Limiter).windowFor');
  const listing = json('list', '^chat/limiter\\.\\(\\*Limiter\\)\\.windowFor$', ...CHAT).list.functions[0];
  for (const line of listing.lines) if (line.delta?.cum) assert.ok((await page.locator('table.code').innerText()).includes(format.change(line.delta.cum, 'bytes')));
  await page.getByLabel('Find a function').fill('NewRequest');
  await page.locator('.side .list button').first().click();
  await ready(page);
  assert.match(await page.locator('h2').first().innerText(), /NewRequestLimiter/);
  await page.goBack();
  await ready(page);
  assert.match(await page.locator('h2').first().innerText(), /windowFor/);
  await close();
});

test('copy command: what it prints is what is shown', async () => {
  const { page, close } = await open(browser, chat.url, { hash: '/diff?f=limiter&si=alloc_space' });
  await page.getByRole('button', { name: 'copy command' }).click();
  await page.getByText('copied', { exact: true }).waitFor();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(line, /^heapdiff diff /);
  const words = [...line.matchAll(/'([^']*)'|(\S+?='[^']*')|(\S+)/g)].map(found => (found[1] ?? found[2] ?? found[3]).replaceAll("'", '')).slice(1);
  assert.deepEqual(await shown(page), wanted(JSON.parse(heapdiff(...words, '--all', '--format', 'json'))));
  await close();
});

test('copy command: also of what lies beside the heap', async () => {
  const { page, goto, close } = await open(browser, harbor.url, { hash: '/goroutines' });
  for (const [path, command] of [['/goroutines', 'goroutines'], ['/gc', 'gc'], ['/time', 'timeline'], ['/', 'leaks'], ['/flame', 'diff']]) {
    await goto(path);
    await page.getByRole('button', { name: 'copy command' }).click();
    await page.getByText('copied', { exact: true }).waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`^heapdiff ${command} `));
  }
  await close();
});

test('parameters of pprof: known ones work, others are kept and named', async () => {
  const { page, close } = await open(browser, chat.url, { hash: '/flame?f=limiter&call_tree=t&dropneg=t' });
  assert.match(await page.locator('.notices').allInnerTexts().then(all => all.join(' ')), /dropneg[\s\S]*call_tree|call_tree[\s\S]*dropneg/);
  await page.getByRole('link', { name: 'Diff' }).click();
  await ready(page);
  assert.match(await address(page), /^\/diff\?f=limiter&.*call_tree=t/);
  await close();
});

test('the theme is kept', async () => {
  const { page, goto, close } = await open(browser, chat.url, { hash: '/' });
  await page.getByRole('button', { name: /Theme/ }).click();
  await goto('/diff');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.getByRole('button', { name: /Theme/ }).click();
  await page.getByRole('button', { name: /Theme/ }).click();
  await goto('/diff');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await close();
});

/** Has `news` come, which changes nothing unasked, and updates the page, which keeps the zoom and the link. */
async function update(page, news) {
  const zoom = await crumb(page), link = await address(page), before = await page.locator('.detailline').innerText();
  await news();
  assert.equal(await page.locator('.detailline').innerText(), before, 'nothing changes unasked');
  await page.getByRole('button', { name: 'update' }).click();
  await page.waitForFunction(text => document.querySelector('.detailline').innerText !== text, before);
  await ready(page);
  assert.equal(await crumb(page), zoom);
  assert.equal(await address(page), link);
}

test('new snapshots: the page says so, shows them when asked to, and the zoom stays; with follow at once', async () => {
  const folder = folderOf(heapOf(0), heapOf(1), heapOf(2), heapOf(3)), server = await serve(folder);
  const { page, close } = await open(browser, server.url, { hash: '/flame' });
  await page.mouse.click(...await frame(page, 2, 0.1));
  const zoom = await crumb(page), facts = () => page.locator('.detailline').innerText();
  await update(page, async () => {
    await server.add(heapOf(4), folder);
    await server.add(heapOf(5), folder);
    await page.getByText('2 new snapshots').waitFor();
  });
  assert.equal(await page.getByText('new snapshot').count(), 0);
  const updated = await facts();
  await page.getByRole('button', { name: /^inputs/ }).click();
  await server.add(heapOf(6), folder);
  await page.getByText('1 new snapshot').waitFor();
  await page.getByRole('button', { name: 'follow' }).first().click();
  await page.waitForFunction(text => document.querySelector('.detailline').innerText !== text, updated);
  assert.match(await address(page), /follow=1/);
  const followed = await facts();
  await server.add(heapOf(11), folder);
  await page.waitForFunction(text => document.querySelector('.detailline').innerText !== text, followed);
  assert.equal(await crumb(page), zoom);
  await close();
  await server.close();
});

/** Without the real server there is nothing to record, and no token. */
const REAL = { skip: isReal ? false : 'a stand-in has it not' };

test('a service that is recorded: new snapshots are said, and an update keeps the zoom, the selection and the filter', REAL, async () => {
  const service = await heaps(), folder = mkdtempSync(join(tmpdir(), 'heapdiff-live-'));
  const server = await serveAt('127.0.0.1:0', service.url, '--every', '100ms', '--no-goroutines', '--no-memstats', '-o', join(folder, 'kept'));
  const { page, close } = await open(browser, server.url, { hash: '/flame?a=&f=main' });
  await service.hold();
  // What came meanwhile is shown first.
  await page.getByRole('button', { name: 'update' }).click({ timeout: 2000 }).catch(() => {});
  await ready(page);
  await page.mouse.click(...await frame(page, 2, 0.1));
  await page.keyboard.press('ArrowDown');
  const link = await address(page);
  assert.match(link, /f=main/);
  assert.match(link, /z=/);
  await update(page, async () => {
    service.release();
    await page.getByText(/\d+ new snapshots?/).first().waitFor();
  });
  await close();
  await server.close();
  await service.close();
});

test('beyond this machine: the address with the token opens the page and leaves none in the link; without it there is nothing', REAL, async () => {
  const server = await serveAt('0.0.0.0:0', ...CHAT), shown_ = new URL(server.shown), token = shown_.searchParams.get('token');
  assert.ok(token.length >= 32);
  const { page, close } = await open(browser, server.url, { hash: `/diff?f=limiter&token=${token}`, mayFail: /status of 403/ });
  assert.equal(await address(page), '/diff?f=limiter');
  assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--focus=limiter', '--all')));
  assert.ok(!(await page.evaluate(() => document.documentElement.outerHTML + document.cookie)).includes(token), 'the page sees no token');
  await page.locator('#type').selectOption('alloc_space');
  await ready(page);
  await close();
  const stranger = await browser.newContext(), other = await stranger.newPage();
  const answer = await other.goto(`${server.url}/diff`);
  assert.equal(answer.status(), 403);
  assert.match(await other.locator('body').innerText(), /asks for its token/);
  await stranger.close();
  await server.close();
});

test('files: chosen, dropped, broken, removed; the page goes on', async () => {
  const server = await serve(CHAT[0]);
  const { page, close } = await open(browser, server.url, { hash: '/', mayFail: /status of 4\d\d/ });
  assert.deepEqual(await page.locator('nav.tabs a').evaluateAll(all => all.map(one => one.getAttribute('href'))), ['/', '/top', '/flame', '/refs', '/source']);
  await page.getByRole('button', { name: /^inputs/ }).click();
  await page.locator('input[type=file]').setInputFiles(join(root, CHAT[1]));
  await page.locator('.sent').getByText('ready').waitFor();
  await page.getByRole('button', { name: 'update' }).click();
  await page.locator('nav.tabs a[href="/diff"]').waitFor();
  if (isReal) {
    await page.getByRole('button', { name: 'copy command' }).click();
    await page.getByText('There is no command for this').waitFor();
  }
  // A broken file, by drop.
  const bytes = [...Buffer.from('this is no profile')];
  const transfer = await page.evaluateHandle(of => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(of)], 'broken.pb.gz')); return data }, bytes);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: transfer });
  await page.locator('.dropzone').waitFor();
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await page.locator('.sent .wrong').waitFor();
  assert.match(await page.locator('.sent .wrong').innerText(), /^failed: ./);
  assert.equal(await page.locator('.dropzone').count(), 0);
  await page.getByRole('link', { name: /^Diff/ }).first().click();
  await ready(page);
  assert.ok((await shown(page)).length > 3);
  const count = () => page.locator('#drawer tbody tr').count();
  const had = await count();
  await page.locator('#drawer').getByRole('button', { name: /^Remove/ }).last().click();
  await page.waitForFunction(n => document.querySelectorAll('#drawer tbody tr').length < n, had);
  await close();
  await server.close();
});

test('a server with nothing: files make the page', async () => {
  const server = await serve();
  const { page, close } = await open(browser, server.url, { hash: '/', mayFail: /status of 404/ });
  await page.getByRole('heading', { name: 'Nothing to show yet' }).waitFor();
  assert.deepEqual(await serious(page), []);
  await page.locator('.empty input[type=file]').setInputFiles(CHAT.map(path => join(root, path)));
  await page.locator('table.totals').waitFor();
  await close();
  await server.close();
});

test('names as bad as they get, in every page, chip and input', async () => {
  const folder = folderOf(), names = NASTY.filter(name => name !== '');
  for (const [k, name] of ['</script><img src=x onerror=1>.pb.gz'.replaceAll('/', '%2f'), 'b.pb.gz', 'c.pb.gz'].entries()) writeFileSync(join(folder, name), profile(names, { scale: k + 1, seconds: 1_700_000_000 + 60 * k }));
  const server = await serve(folder), { page, goto, close } = await open(browser, server.url, { hash: '/', mayFail: REFUSED });
  const look = async what => {
    assert.match(await page.title(), /heapdiff$/, what);
    assert.equal(await page.locator('img, iframe, object, embed, .page script').count(), 0, what);
    const text = await page.locator('body').innerText();
    assert.ok(!/[\u202e\u2066\0\u001b]/.test(text), `${what} shows a character that steers`);
    assert.ok(text.length < 200_000, `${what} has ${text.length} characters`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is wide`);
  };
  await page.getByRole('button', { name: /^inputs/ }).click();
  await look('inputs');
  for (const path of ['/', '/diff', '/top', '/flame', '/refs', '/time', '/source']) { await goto(path); await look(path) }
  for (const name of names.filter(one => one.length < 100)) {
    await goto(`/refs?sel=${encodeURIComponent(name)}&call_tree=${encodeURIComponent(name)}`);
    await look(`refs of ${name}`);
    await goto(`/diff?f=${encodeURIComponent(format.exactly(name))}&q=${encodeURIComponent(name)}`);
    await look(`filter of ${name}`);
  }
  await goto('/diff');
  const buttons = page.locator('tbody tr.row .main button'), count = await buttons.count();
  assert.ok(count >= 6, `${count} rows`);
  for (let k = 0; k < count; k++) { await buttons.nth(k).click(); await ready(page); await look(`row ${k}`); await buttons.nth(k).click() }
  await close();
  await server.close();
});

test('by keyboard alone: pages, search, type, inputs, a row and its call paths', async () => {
  const { page, close } = await open(browser, harbor.url, { hash: '/' });
  for (const [k, path] of PAGES.entries()) {
    await page.keyboard.press(String(k + 1));
    await ready(page);
    assert.equal(await address(page), path);
    if (await page.locator('[data-search]').count()) {
      await page.keyboard.press('/');
      assert.ok(await page.evaluate(() => document.activeElement.matches('[data-search]')), path);
      await page.evaluate(() => document.activeElement.blur());
    }
  }
  await page.keyboard.press('2');
  await ready(page);
  await page.keyboard.press('g');
  await page.keyboard.press('ArrowDown');
  await ready(page);
  assert.match(await address(page), /^\/diff\?si=alloc/);
  // On to the button of the inputs, and into them.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#drawer').waitFor();
  for (let k = 0; k < 30 && !(await page.evaluate(() => document.activeElement.id === 'input-a')); k++) await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await ready(page);
  assert.match(await address(page), /&a=/);
  for (let k = 0; k < 60 && !(await page.evaluate(() => document.activeElement.matches('tbody tr.row button'))); k++) await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.pane [role=treeitem]').first().waitFor();
  assert.match(await address(page), /sel=/);
  await close();
});

describe('a stand-in', () => {
  let server;
  before(async () => { server = await mock(CHAT) });
  after(() => server.close());

  test('busy: the page waits as long as it is told, and tries again', async () => {
    const { page, close } = await open(browser, server.url, { hash: '/diff', mayFail: REFUSED });
    server.state.busy = 1;
    await page.locator('#type').selectOption('alloc_space');
    await page.getByText('Trying again in 1 s').waitFor();
    await page.waitForFunction(() => !document.querySelector('.notices [role=alert]'));
    await ready(page);
    assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--all')));
    await close();
  });

  test('slow: the old picture stays, dimmed, and only the last question counts', async () => {
    const { page, close } = await open(browser, server.url, { hash: '/diff' });
    const before = await shown(page);
    server.state.slow = 400;
    await page.locator('#type').selectOption('alloc_objects');
    await page.locator('.stale').waitFor();
    assert.deepEqual(await shown(page), before);
    await page.locator('#type').selectOption('alloc_space');
    await ready(page);
    assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--all')));
    server.state.slow = 0;
    await close();
  });

  test('a server that comes back: the page asks again by itself', async () => {
    const first = await mock(CHAT), port = Number(new URL(first.url).port), { page, close } = await open(browser, first.url, { hash: '/diff', mayFail: /ERR_CONNECTION|ERR_INCOMPLETE/ });
    await first.close();
    await page.locator('#type').selectOption('alloc_space');
    await page.locator('.notices [role=alert]').waitFor();
    const second = await mock(CHAT, port);
    await page.waitForFunction(() => !document.querySelector('.notices [role=alert]'));
    await ready(page);
    assert.deepEqual(await shown(page), wanted(json('diff', ...CHAT, '--sample-index=alloc_space', '--all')));
    await close();
    await second.close();
  });

  test('gone: what was shown stays, and says that it is the last answer', async () => {
    const lost = await mock(CHAT), { page, close } = await open(browser, lost.url, { hash: '/diff', mayFail: /ERR_CONNECTION|ERR_INCOMPLETE/ });
    const before = await shown(page);
    await lost.close();
    await page.locator('#type').selectOption('alloc_space');
    await page.locator('.notices [role=alert]').waitFor();
    assert.match(await page.locator('.notices [role=alert]').innerText(), /does not answer/);
    assert.deepEqual(await shown(page), before);
    await close();
  });
});

test('an address of a server says what it is made of', () => {
  for (const page of Object.keys(codec.PATHS)) {
    const state = codec.decodePath(codec.PATHS[page], '?z=1a.b2&f=a%7Cb&call_tree=t&follow=1');
    assert.deepEqual([state.view.page, state.view.zoom, state.query.f, state.view.follow, state.extra], [page, ['1a', 'b2'], 'a|b', true, [['call_tree', 't']]]);
    const text = codec.encodePath(state), at = text.indexOf('?');
    assert.deepEqual(codec.decodePath(text.slice(0, at), text.slice(at)), state);
  }
  assert.equal(codec.decodePath('/flame', '?p=main').view.search, 'main');
  assert.equal(codec.encodePath(codec.decodePath('/flame', '?token=secret&f=a')), '/flame?f=a');
  assert.equal(codec.decodePath('/nowhere', '').view.page, 'overview');
  assert.equal(codec.ask(codec.decode('f=b&si=x&a=3&g=lines').query, ['a', 'g']), 'si=x&f=b');
});
