// A browser that watches: what a page says on its console, which requests it makes, what axe finds.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };
const folder = process.env.OUT;

/** Chromium without the parts of it that a person would see, if it is there: the same engine at half the cost. */
const program = process.env.CHROMIUM ?? ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(path => existsSync(path)) ?? '/usr/bin/chromium';
export const launch = () => chromium.launch({ executablePath: program, args: ['--no-sandbox'] });

const contextOf = async (browser, { size = 'wide', scheme = 'light', touch = false, scripts = true, motion = 'reduce' } = {}) => {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, hasTouch: touch, isMobile: touch, javaScriptEnabled: scripts, reducedMotion: motion, permissions: ['clipboard-read', 'clipboard-write'] });
  context.setDefaultTimeout(20_000);
  return context;
};

/** An empty page that `open` can load one report after the other in, for tests that ask nothing of its history. */
export const keep = async (browser, options) => (await contextOf(browser, options)).newPage();

/** A page of a report, or of a server if `path` is an address, that fails the test if it complains or asks for anything but itself. `mayFail` is a complaint of the browser that a test brings about. */
export async function open(browser, path, { hash = '', scripts = true, mayFail, kept, ...options } = {}) {
  const page = kept ?? await (await contextOf(browser, { scripts, ...options })).newPage(), complaints = [], requests = [];
  page.on('console', message => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', error => complaints.push(`error: ${error.stack}`));
  page.on('request', request => requests.push(request.url().slice(0, 200)));
  // To try a bundle before it is built into the binary.
  if (process.env.DIST) await page.route('**/assets/app.*', route => route.fulfill({ path: join(process.env.DIST, route.request().url().endsWith('.js') ? 'app.js' : 'app.css') }));
  const isServer = path.startsWith('http://'), url = isServer ? path : pathToFileURL(path).href;
  const goto = async to => {
    // A new fragment alone would not load the page again.
    if (page.url().split('#')[0] === (url + to).split('#')[0]) await page.goto('about:blank');
    await page.goto(url + to);
    if (scripts) await ready(page);
  };
  await goto(hash);
  return {
    page, goto, requests,
    async close() {
      assert.deepEqual(complaints.filter(text => !mayFail?.test(text)), []);
      const isOwn = request => (isServer ? request.startsWith(`${url}/`) || request === 'data:,' : request.split('#')[0] === url.slice(0, 200));
      assert.deepEqual(requests.filter(request => !isOwn(request) && request !== 'about:blank'), []);
      if (kept) page.removeAllListeners(); else await page.context().close();
    },
  };
}

/** Until the page is drawn and nothing is being read. */
export async function ready(page) {
  await page.waitForFunction(() => document.documentElement.dataset.ready === '1' && !document.querySelector('[aria-busy="true"]') && !/Reading the/.test(document.querySelector('.page')?.textContent ?? ''));
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** The rules of axe that look at colours. The others find the same in both schemes, as only colours differ. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

/** What axe finds serious or critical: of all its rules, or of those about colours. */
export async function serious(page, { colours = false } = {}) {
  // The policy of the page forbids a script tag; what the debugger evaluates is not of the page.
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe + ';0');
  const { violations } = await page.evaluate(only => window.axe.run({ resultTypes: ['violations'], ...(only && { runOnly: { type: 'rule', values: only } }) }), colours ? COLOURS : null);
  return violations.filter(one => one.impact === 'serious' || one.impact === 'critical').map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => `${node.html.slice(0, 160)} ${node.failureSummary?.slice(0, 300)}`).join(' | ')}`);
}

export async function shoot(page, name) {
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Changes the colour scheme of the system while the page is open. */
export async function turn(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme });
  await page.waitForFunction(wanted => document.documentElement.dataset.theme === wanted, scheme);
  await ready(page);
}

/** What the page says, without what the pointer or the focus is on. */
export const textOf = page => page.locator('.page').evaluate(element => element.innerText.replaceAll(/\s+/g, ' '));
