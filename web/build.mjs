// Builds dist/: the script, the style sheet, their hashes for the page's policy, and the licences of what is in the script.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url)), dist = join(here, 'dist');
/** Bytes that a report may spend on looks: a twelfth of the two megabytes that it may have. A server sends them once. */
const MOST = { js: 166_500, jsGzip: 62_600, css: 17_500 };

const common = { absWorkingDir: here, bundle: true, minify: true, write: false, charset: 'utf8', legalComments: 'none', logLevel: 'warning' };
const script = await build({ ...common, entryPoints: ['src/main.tsx'], format: 'iife', target: ['es2022'], jsx: 'transform', jsxFactory: 'h', jsxFragment: 'Fragment', inject: ['src/h.ts'], tsconfigRaw: {}, metafile: true });
const style = await build({ ...common, entryPoints: ['src/app.css'], target: ['chrome111', 'firefox113', 'safari16.4'] });

// The script stands in a page, where this would end it.
const js = Buffer.from(script.outputFiles[0].text.replaceAll(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--'));
const css = Buffer.from(style.outputFiles[0].contents);
for (const [what, size, most] of [['app.js', js.length, MOST.js], ['app.js, gzip', gzipSync(js).length, MOST.jsGzip], ['app.css', css.length, MOST.css]]) {
  console.log(`${what}: ${size} of ${most} bytes`);
  if (size > most) throw new Error(`${what} has ${size} bytes: the budget is ${most}`);
}
if (/<\/script/i.test(js) || /<\/style/i.test(css)) throw new Error('the bundle holds an end tag');

const hash = bytes => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;
const packages = new Set();
for (const input of Object.keys(script.metafile.inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) packages.add(found[1]);
}
const licences = [...packages].sort().map(name => {
  const folder = join(here, 'node_modules', name), { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`;
});

/** Leaves a file that is right untouched, as cargo builds again what embeds a new one. */
const write = (name, bytes) => { const path = join(dist, name); if (!existsSync(path) || !readFileSync(path).equals(Buffer.from(bytes))) writeFileSync(path, bytes) };
mkdirSync(dist, { recursive: true });
write('app.js', js);
write('app.css', css);
write('hashes.json', JSON.stringify({ 'app.js': hash(js), 'app.css': hash(css) }, null, 2) + '\n');
write('LICENSES.txt', `The script of the page contains these packages.\n\n${licences.join('\n----\n\n')}`);
