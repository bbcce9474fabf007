// How long a flame graph takes to show, and each picture after that: node tools/bench.mjs REPORT.html|TREE.hdt1|ADDRESS [WIDTH [DPR]]
//
// An address is that of a page of `heapdiff serve`, as http://localhost:8080/flame. Wall-clock times, for people: no test depends on them.
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { launch } from './browser.mjs';

const [, , path, width = '1280', ratio = '1'] = process.argv, web = join(dirname(fileURLToPath(import.meta.url)), '..');
const isServer = path.startsWith('http'), isTree = path.endsWith('.hdt1');
const browser = await launch(), context = await browser.newContext({ viewport: { width: Number(width), height: 900 }, deviceScaleFactor: Number(ratio), reducedMotion: 'reduce' });
const page = await context.newPage(), median = list => list.sort((a, b) => a - b)[list.length >> 1].toFixed(0);

if (!isTree) {
  const first = [], bytes = [];
  for (let run = 0; run < 5; run++) {
    await page.goto('about:blank');
    await page.goto(isServer ? path : `${pathToFileURL(path).href}#p=flame`);
    await page.waitForFunction(() => document.querySelector('.flamebox canvas')?.width > 300);
    first.push(await page.evaluate(() => performance.now() - performance.getEntriesByType('navigation')[0].responseStart));
    bytes.push(await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)));
  }
  console.log(`${isServer ? `${(Math.max(...bytes) / 1e6).toFixed(2)} MB asked for` : `file ${(readFileSync(path).length / 1e6).toFixed(2)} MB`}, first flame after ${median(first)} ms (median of 5, from the first byte of the page)`);
}

/** The tree as it is before gzip. */
async function bytesOf() {
  if (isTree) return readFileSync(path);
  if (isServer) return Buffer.from(await (await fetch(`${new URL(path).origin}/api/v1/tree?order=root-first&most=${process.env.MOST ?? 50_000}`)).arrayBuffer());
  return gunzipSync(Buffer.from(/id="heapdiff-tree-root">([^<]*)</.exec(readFileSync(path, 'utf8'))[1], 'base64'));
}

// The same modules on a canvas of their own, so that one picture can be measured.
const { outputFiles } = await build({ stdin: { contents: "export { Tree } from './src/tree.ts'; export { View, layout } from './src/flame.ts';", resolveDir: web }, bundle: true, write: false, format: 'iife', globalName: 'flame', absWorkingDir: web });
await page.goto('about:blank');
await page.evaluate(outputFiles[0].text + ';globalThis.flame = flame');
const result = await page.evaluate(async ([text, ratio]) => {
  const now = () => performance.now(), out = {}, raw = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const canvas = document.createElement('canvas');
  canvas.width = (innerWidth - 220) * ratio;
  canvas.height = 640 * ratio;
  canvas.style.width = `${innerWidth - 220}px`;
  document.body.append(canvas);
  let t = now();
  const tree = flame.Tree.decode(raw);
  out.decode = now() - t; t = now();
  const type = Math.max(0, tree.head.types.findIndex(one => one.default)), shape = { type, width: 'after', strip: true }, graph = flame.layout(tree, shape);
  out.layout = now() - t;
  const view = new flame.View(tree, graph, shape, 'light'), draws = [], frames = [];
  const draw = () => { const start = now(); view.draw(canvas); draws.push(now() - start) };
  let seed = 42;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let k = 0; k < 8; k++) {
    const level = Math.min(graph.levels - 1, 3 + Math.floor(random() * 12)), q = graph.off[level] + Math.floor(random() * (graph.off[level + 1] - graph.off[level]) * 0.2);
    const [l0, r0] = [view.l, view.r];
    for (let f = 1; f <= 40; f++) { const e = 1 - (1 - f / 40) ** 3; view.l = l0 + (graph.x0[q] - l0) * e; view.r = r0 + (graph.x1[q] - r0) * e; draw(); if (f % 10 === 0) await new Promise(requestAnimationFrame) }
    for (let f = 0; f < 20; f++) { const w = view.r - view.l; view.l += w / 20; view.r += w / 20; view.top = f / 4; draw() }
    view.top = 0;
    for (let f = 1; f <= 20; f++) { view.l -= view.l * f / 20; view.r += (graph.total - view.r) * f / 20; draw() }
  }
  // One picture for each frame of the screen, as in a zoom.
  for (let f = 0, last = await new Promise(requestAnimationFrame); f < 120; f++) {
    const e = f / 120;
    view.l = graph.total * 0.3 * e; view.r = graph.total * (1 - 0.6 * e);
    view.draw(canvas);
    const at = await new Promise(requestAnimationFrame);
    frames.push(at - last);
    last = at;
  }
  const at = (list, share) => +list.sort((a, b) => a - b)[Math.floor(list.length * share)].toFixed(1);
  t = now();
  for (let k = 0; k < 1e5; k++) view.frameAt(random() * 1000, random() * 700, 1000);
  out['hit test, µs'] = (now() - t) / 100; t = now();
  view.search(/encode|f1/i);
  out.search = now() - t; t = now();
  flame.layout(tree, { type: (type + 1) % tree.head.types.length, width: 'after', strip: true });
  out['another type'] = now() - t;
  return { frames: tree.nodes, ...Object.fromEntries(Object.entries(out).map(([key, value]) => [key, +value.toFixed(1)])), draw: { p50: at(draws, 0.5), p95: at(draws, 0.95), n: draws.length }, 'between frames': { p50: at(frames, 0.5), p95: at(frames, 0.95) } };
}, [(await bytesOf()).toString('base64'), Number(ratio)]);
console.log(JSON.stringify(result));
await browser.close();
