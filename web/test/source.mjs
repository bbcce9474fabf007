// The modules of src/ as node can load them.
import { build } from 'esbuild';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..');

export async function load(...names) {
  const contents = names.map(name => `export * as ${name} from './src/${name}.ts';`).join('\n');
  const { outputFiles } = await build({ stdin: { contents, resolveDir: web }, absWorkingDir: web, bundle: true, write: false, format: 'esm', platform: 'neutral', mainFields: ['module', 'main'], logLevel: 'warning' });
  const path = join(mkdtempSync(join(tmpdir(), 'heapdiff-web-')), 'modules.mjs');
  writeFileSync(path, outputFiles[0].contents);
  return import(pathToFileURL(path));
}

/** Numbers that are the same in each run. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return state / 2 ** 32 };
  return { next, below: n => Math.floor(next() * n), pick: list => list[Math.floor(next() * list.length)] };
}
