// A server for tests of the page: `heapdiff serve` if the binary has it, else a stand-in that asks the binary.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { mock } from './mock.mjs';
import { root } from './pages.mjs';

const binary = process.env.HEAPDIFF;
export const isReal = /^ {2}serve /m.test(spawnSync(binary, ['--help'], { encoding: 'utf8' }).stdout);
if (!isReal) console.log('# skipped: the real server, as this heapdiff has no `serve`; a stand-in answers');

/** A folder with copies of files. */
export function folderOf(...paths) {
  const folder = mkdtempSync(join(tmpdir(), 'heapdiff-served-'));
  for (const path of paths) copyFileSync(join(root, path), join(folder, basename(path)));
  return folder;
}

/** Serves files and folders; `add` puts another file into the folder that is served. */
export const serve = (...paths) => serveAt('127.0.0.1:0', ...paths);

/** The same at an address; `shown` is the one that is printed. Only the real server has it. */
export async function serveAt(http, ...paths) {
  if (!isReal) {
    const server = await mock(paths);
    return { ...server, add: (path, folder) => { copyFileSync(join(root, path), join(folder, basename(path))); return server.add(join(folder, basename(path))) } };
  }
  const process_ = spawn(binary, ['serve', ...paths, '--http', http, '--no_browser', '--source_path', 'testdata/programs/chat'], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise(done => process_.on('exit', done));
  const shown = await new Promise((done, fail) => {
    let text = '';
    process_.stderr.on('data', part => { text += part; const found = /Serving at (\S+) /.exec(text); if (found) done(found[1]) });
    process_.on('exit', code => fail(new Error(`heapdiff serve ended with ${code}: ${text}`)));
  });
  return {
    url: new URL(shown).origin,
    shown,
    async add(path, folder) { copyFileSync(join(root, path), join(folder, basename(path))) },
    async close() { process_.kill('SIGTERM'); await ended },
  };
}
