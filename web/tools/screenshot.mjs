// Makes the picture of the README: node web/tools/screenshot.mjs (HEAPDIFF names the program, CHROMIUM the browser).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const heapdiff = process.env.HEAPDIFF ?? join(root, 'target/release/heapdiff');
const folder = mkdtempSync(join(tmpdir(), 'heapdiff-'));
try {
  const report = join(folder, 'leaks.html');
  execFileSync(heapdiff, ['leaks', 'testdata/harbor/one', '--quiet', '-o', report], { cwd: root, stdio: 'inherit' });
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
  await page.goto(`file://${report}`);
  await page.getByRole('heading', { name: /leak/ }).first().waitFor();
  await page.screenshot({ path: join(root, 'docs/report.png') });
  await browser.close();
} finally {
  rmSync(folder, { recursive: true });
}
