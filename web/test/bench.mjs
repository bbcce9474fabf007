// How long a report takes to show its flame graph, and each picture after that: node test/bench.mjs REPORT.html [WIDTH [DPR]]
//
// Wall-clock times, for people: no test depends on them.
import { build } from 'esbuild';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launch } from './browser.mjs';

const [, , path, width = '1280', ratio = '1'] = process.argv, web = join(dirname(fileURLToPath(import.meta.url)), '..');
const browser = await launch(), context = await browser.newContext({ viewport: { width: Number(width), height: 900 }, deviceScaleFactor: Number(ratio), reducedMotion: 'reduce' });
const page = await context.newPage();
const first = [];
for (let run = 0; run < 5; run++) {
  await page.goto('about:blank');
  await page.goto(`${pathToFileURL(path).href}#p=flame`);
  await page.waitForFunction(() => document.querySelector('canvas')?.width > 300);
  first.push(await page.evaluate(() => performance.now() - performance.getEntriesByType('navigation')[0].responseStart));
}
console.log(`file ${(readFileSync(path).length / 1e6).toFixed(2)} MB, first flame after ${first.sort((a, b) => a - b)[2].toFixed(0)} ms (median of 5, from the start of reading the file)`);

// The same modules on a canvas of their own, so that one picture can be measured.
const { outputFiles } = await build({ stdin: { contents: "export { Tree } from './src/tree.ts'; export { View, layout } from './src/flame.ts';", resolveDir: web }, bundle: true, write: false, format: 'iife', globalName: 'flame', absWorkingDir: web });
await page.evaluate(outputFiles[0].text + ';globalThis.flame = flame');
const result = await page.evaluate(async () => {
  const now = () => performance.now(), block = document.getElementById('heapdiff-tree-root').textContent, out = {};
  let t = now();
  const packed = atob(block.trim()), bytes = Uint8Array.from(packed, c => c.charCodeAt(0));
  const raw = new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
  out.unpack = now() - t; t = now();
  const tree = flame.Tree.decode(raw);
  out.decode = now() - t; t = now();
  const type = Math.max(0, tree.head.types.findIndex(one => one.default)), shape = { type, width: 'after', strip: true }, graph = flame.layout(tree, shape);
  out.layout = now() - t;
  const canvas = document.querySelector('canvas'), view = new flame.View(tree, graph, shape, 'light'), draws = [];
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
  draws.sort((a, b) => a - b);
  t = now();
  for (let k = 0; k < 1e5; k++) view.frameAt(random() * 1000, random() * 700, 1000);
  out['hit test, µs'] = (now() - t) / 100; t = now();
  view.search(/encode/i);
  out.search = now() - t; t = now();
  flame.layout(tree, { type: (type + 1) % tree.head.types.length, width: 'after', strip: true });
  out['another type'] = now() - t;
  return { frames: tree.nodes, ...Object.fromEntries(Object.entries(out).map(([key, value]) => [key, +value.toFixed(1)])), draw: { p50: +draws[draws.length >> 1].toFixed(1), p95: +draws[Math.floor(draws.length * 0.95)].toFixed(1), n: draws.length } };
});
console.log(JSON.stringify(result));
await browser.close();
