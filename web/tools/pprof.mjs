// The same pair in pprof's page, in the same browser, for comparison: node tools/pprof.mjs BEFORE AFTER
//
// Needs go. Wall-clock times, for people: no test depends on them.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { launch } from './browser.mjs';

const [, , before, after] = process.argv, port = 20_000 + (process.pid % 20_000), base = `http://localhost:${port}`;
const server = spawn('go', ['tool', 'pprof', '-http', `localhost:${port}`, '-no_browser', '-diff_base', before, after], { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, PPROF_TMPDIR: '/tmp' } });
await new Promise(done => server.stderr.on('data', text => { if (/Serving web UI/.test(String(text))) done() }));
const browser = await launch(), context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
context.setDefaultTimeout(300_000);
try {
  for (const path of ['/ui/flamegraph', '/ui/top']) {
    const page = await context.newPage(), session = await context.newCDPSession(page), start = performance.now();
    await page.goto(base + path, { timeout: 300_000, waitUntil: 'load' });
    const loaded = performance.now() - start;
    const bytes = (await (await fetch(base + path)).arrayBuffer()).byteLength;
    await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
    const { JSHeapUsedSize } = Object.fromEntries((await session.send('Performance.enable'), await session.send('Performance.getMetrics')).metrics.map(one => [one.name, one.value]));
    const boxes = await page.evaluate(() => document.querySelectorAll('#stack-chart .boxbg, #node .node, #rows tr').length);
    console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB, shown after ${(loaded / 1000).toFixed(1)} s, ${boxes} boxes or rows, JS heap ${(JSHeapUsedSize / 1e6).toFixed(0)} MB`);
    await page.close();
  }
  // `go tool` starts another process, which is the server.
  const family = pid => [pid, ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).flatMap(family)];
  console.log(`server: ${Math.max(...family(server.pid).map(pid => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)).toFixed(0)} MiB at most`);
} finally {
  await browser.close();
  process.kill(-server.pid);
}
