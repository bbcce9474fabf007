// Every page of every report: silent, alone, accessible, within its width, in both themes and on paper.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { launch, open, ready, serious, shoot, turn } from '../tools/browser.mjs';
import { NASTY, write } from '../tools/pages.mjs';

const made = write(mkdtempSync(join(tmpdir(), 'heapdiff-pages-')));
let browser;
before(async () => { browser = await launch() });
after(() => browser.close());

const TABS = { diff: ['overview', 'diff', 'flame', 'refs', 'source', 'goroutines', 'gc'], leaks: ['overview', 'flame', 'refs', 'time', 'goroutines'], timeline: ['overview', 'time'], check: ['check', 'overview', 'flame', 'refs'], top: ['overview', 'diff', 'flame', 'refs'],
  hostile: ['card', 'check', 'overview', 'diff', 'flame', 'refs', 'time', 'source', 'goroutines', 'gc', 'memory'] };

for (const [name, tabs] of Object.entries(TABS)) {
  describe(`report ${name}`, () => {
    // Wide pages load in the light and turn dark, narrow ones the other way round.
    for (const [size, scheme, other] of [['wide', 'light', 'dark'], ['narrow', 'dark', 'light']]) {
      test(size, async () => {
        const { page, goto, close } = await open(browser, made.paths[name], { size, scheme });
        const found = [];
        const shown = await page.locator('nav.tabs a').evaluateAll(links => links.map(link => /[#&]p=(\w+)/.exec(link.getAttribute('href'))?.[1]));
        assert.deepEqual(shown, tabs);
        const look = async (tab, now, colours) => {
          found.push(...(await serious(page, { colours })).map(one => `${tab} ${now}: ${one}`));
          const [inner, whole] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
          assert.ok(whole <= inner, `${tab} ${now} is ${whole} wide in ${inner}`);
          await shoot(page, `${name}-${tab}-${size}-${now}`);
        };
        for (const tab of tabs) {
          await page.emulateMedia({ colorScheme: scheme });
          await goto(`#p=${tab}`);
          assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
          assert.equal(await page.locator('nav.tabs [aria-current]').count(), 1, tab);
          assert.equal(await page.locator('[style]').evaluateAll(all => all.filter(one => /url|expression/i.test(one.getAttribute('style'))).length), 0);
          await look(tab, scheme, false);
          await turn(page, other);
          await look(tab, other, true);
        }
        assert.deepEqual(found, []);
        await close();
      });
    }
  });
}

test('a page is no wider than 320 pixels where the window is', async () => {
  for (const name of ['diff', 'leaks', 'hostile']) {
    const { page, goto, close } = await open(browser, made.paths[name], { size: 'narrow' });
    await page.setViewportSize({ width: 320, height: 640 });
    for (const tab of TABS[name]) {
      await goto(`#p=${tab}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), `${name} ${tab}`);
    }
    await close();
  }
});

test('names as bad as they get run nothing and break nothing', async () => {
  const { page, goto, close } = await open(browser, made.paths.hostile);
  for (const tab of TABS.hostile) {
    await goto(`#p=${tab}`);
    assert.match(await page.title(), /heapdiff$/);
    assert.equal(await page.locator('img, iframe, object, embed, .page script').count(), 0);
    const text = await page.locator('body').evaluate(body => body.innerText);
    assert.ok(!/[\u202e\u2066\0\u001b]/.test(text), `${tab} shows a character that steers`);
    assert.ok(text.length < 200_000, `${tab} has ${text.length} characters`);
  }
  await goto('#p=diff&noise=1');
  for (const name of ['\\u{202e}gnp.exe\\u{2066}', 'nul\\u{0}name', '</script><script>']) assert.ok((await page.locator('.page').innerText()).includes(name), name);
  // A row of each name opens, and so do its call paths.
  const rows = page.locator('tbody tr.row .main button'), count = await rows.count();
  for (let k = 0; k < count; k++) { await rows.nth(k).click(); assert.equal(await page.locator('tr.detail').count(), 1); await rows.nth(k).click() }
  for (const name of NASTY.slice(0, 10)) { await goto(`#p=refs&sel=${encodeURIComponent(name).slice(0, 3000)}`); await goto(`#p=flame&q=${encodeURIComponent(name.slice(0, 40))}`) }
  await close();
});

test('without scripts the facts are there', async () => {
  const { page, close } = await open(browser, made.paths.diff, { scripts: false });
  assert.equal(await page.locator('main h1').innerText(), 'plain facts');
  await close();
});

test('a report that is cut off says so, and keeps the facts', async () => {
  const { page, close } = await open(browser, made.paths.diff);
  const broken = await page.context().newPage();
  await broken.setContent(readFileSync(made.paths.diff, 'utf8').replace('id="heapdiff-report"', 'id="gone"'));
  assert.match(await broken.locator('main').innerText(), /no block heapdiff-report[\s\S]*plain facts/);
  await broken.close();
  await close();
});

/** The text of a PDF of Chromium, which maps glyphs to characters, is not worth a library: its size and pages are. */
function pdfPages(bytes) {
  let text = bytes.toString('latin1');
  for (const match of text.matchAll(/stream\r?\n/g)) { try { text += inflateSync(bytes.subarray(match.index + match[0].length)).toString('latin1') } catch { /* not deflated */ } }
  return (text.match(/\/Type\s*\/Page\b(?!s)/g) ?? []).length;
}

/** The words of a PDF, without the spaces between them; null if there is no pdftotext. */
function pdfText(bytes) {
  const { stdout, error } = spawnSync('pdftotext', ['-raw', '-', '-'], { input: bytes, encoding: 'utf8' });
  return error ? null : stdout.replaceAll(/\s+/g, '');
}
const isReadable = pdfText(Buffer.from('%PDF-1.4')) !== null;
if (!isReadable) console.log('# skipped: the text of what is printed, as there is no pdftotext');

test('every page prints, light, with its tables whole and all of its numbers', async () => {
  for (const [name, tabs] of Object.entries(TABS)) {
    const { page, goto, close } = await open(browser, made.paths[name], { scheme: 'dark' });
    for (const tab of tabs) {
      await goto(`#p=${tab}`);
      const pdf = await page.pdf({ format: 'A4' });
      assert.ok(pdf.length > 8000 && pdfPages(pdf) >= 1, `${name} ${tab}: ${pdf.length} bytes`);
      if (!isReadable || name === 'hostile') continue;
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      await page.emulateMedia({ media: 'print' });
      await ready(page);
      const shown = await page.evaluate(() => [...document.querySelectorAll('.page h1:not(.unseen), .page h2, .page .num, .page .name, .legend li, footer code')].filter(one => one.checkVisibility() && !one.closest('.unseen, .flametree')).map(one => one.innerText.replaceAll(/\s+/g, '')));
      const text = pdfText(pdf), missing = shown.filter(one => one && !text.includes(one));
      assert.ok(shown.length > 3 && text.includes('heapdiff0.1.0'), `${name} ${tab} has ${shown.length} texts`);
      assert.deepEqual(missing, [], `${name} ${tab}`);
      await page.emulateMedia({ media: null });
      await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    }
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await page.emulateMedia({ media: 'print' });
    await ready(page);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
    assert.equal(await page.locator('.onlyprint').isVisible(), true);
    assert.equal(await page.locator('.tabs').isVisible(), false);
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await close();
  }
});

test('a file is small', () => {
  for (const path of Object.values(made.paths)) assert.ok(statSync(path).size < 2_000_000, path);
});
