// A stand-in for `heapdiff serve`, for tests of the page: its answers are those of the heapdiff binary, asked anew for each
// question, and its trees are grown from traces. It adds what a test needs to see go wrong: a server that is busy, slow or gone.
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode, grow } from './hdt1.mjs';
import { root } from './pages.mjs';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist'), binary = process.env.HEAPDIFF;
const SHELL = '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="heapdiff-source" content="http"><title>heapdiff</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/app.css"></head><body><main id="app"></main><script src="/assets/app.js"></script></body></html>';
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const OPTIONS = { si: 'sample-index', f: 'focus', i: 'ignore', h: 'hide', s: 'show', sf: 'show-from', tf: 'tagfocus', ti: 'tagignore', g: 'granularity', sort: 'sort', own: 'own' };

class Wrong extends Error { constructor(status, code, message, parameter) { super(message); Object.assign(this, { status, code, parameter }) } }

/** What heapdiff prints; its complaint as the API would put it. */
const run = args => new Promise((done, fail) => args.some(word => word.includes('\0')) ? fail(new Wrong(400, 'bad-parameter', 'A command line holds no NUL.')) : execFile(binary, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 }, (error, out, complaint) => {
  if (out) { done(out); return }
  const named = /^heapdiff: --?([a-z-]+):/.exec(complaint), key = named && Object.keys(OPTIONS).find(one => OPTIONS[one] === named[1]);
  fail(new Wrong(400, /regex parse/.test(complaint) ? 'bad-regex' : 'bad-parameter', complaint.replace(/^heapdiff: (-+[a-z-]+: )?/, '').trim(), key || undefined));
}));

/** Serves files and folders; `set` changes how it behaves. */
export async function mock(paths, port = 0) {
  const uploads = mkdtempSync(join(tmpdir(), 'heapdiff-mock-')), clients = new Set(), state = { busy: 0, slow: 0, asked: [] };
  let inputs = [], revision = 0, next = 1;
  const add = async (path, uploaded = false) => {
    const found = { id: `i${next++}`, name: path, kind: 'heap', time: null, process: 0, samples: 0, bytes: 0, state: 'ready', error: null, uploaded };
    found.bytes = statSync(resolve(root, path)).size;
    if (path.endsWith('.log')) { inputs.push({ ...found, kind: 'gctrace' }); return found }
    const { inputs: [first] } = JSON.parse(await run(['top', path, '--format', 'json', '-n', '1']));
    Object.assign(found, { kind: first.kind, time: first.time, samples: first.samples });
    inputs.push(found);
    return found;
  };
  for (const path of paths) {
    const isFolder = statSync(resolve(root, path)).isDirectory();
    for (const file of isFolder ? readdirSync(resolve(root, path)).sort().map(name => join(path, name)) : [path]) await add(file);
  }
  const change = () => {
    revision++;
    for (const client of clients) client.write(`event: inputs\ndata: ${JSON.stringify({ revision, snapshots: inputs.length, new: 1 })}\n\n`);
  };
  change();
  const heaps = () => inputs.filter(one => one.kind !== 'goroutine' && one.kind !== 'gctrace'), of = kind => inputs.filter(one => one.kind === kind), parked = () => of('goroutine');
  const end = (text, side) => heaps().find(one => one.id === text) ?? (side === 'a' ? heaps()[0] : heaps().at(-1));
  const pair = query => (heaps().length < 2 ? heaps() : [end(query.get('a'), 'a'), end(query.get('b'), 'b')]).map(one => one.name);
  const options = (query, ...without) => [...Object.entries(OPTIONS).filter(([key]) => query.get(key) && !without.includes(key)).map(([key, option]) => `--${option}=${query.get(key)}`),
    ...['noinlines'].filter(key => /^[1t]/.test(query.get(key) ?? '')).map(key => `--${key}`), ...(/^[1t]/.test(query.get('norm') ?? '') ? ['--normalize'] : [])];
  const filesOf = (about, query) => (about === 'diff' ? pair(query) : about === 'top' ? pair(query).slice(-1) : about === 'goroutines' || about === 'gc' ? of(about === 'gc' ? 'gctrace' : 'goroutine').map(one => one.name) : heaps().map(one => one.name));
  const words = (about, query) => [about, ...filesOf(about, query), ...(about === 'gc' ? [] : options(query, ...(about === 'goroutines' ? ['si', 'g', 'sort'] : [])))];
  const report = (about, query) => run([...words(about, query), ...(about === 'diff' || about === 'top' ? ['--all', ...(about === 'top' ? ['-n', '0'] : [])] : []), '--format', 'json'].filter((word, k, all) => about !== 'top' || word !== '--all'));
  const abouts = () => [...(heaps().length > 1 ? ['diff', 'leaks', 'timeline'] : []), ...(heaps().length ? ['top'] : []), ...(parked().length ? ['goroutines'] : []), ...(of('gctrace').length ? ['gc'] : [])];
  const quote = word => (/^[A-Za-z0-9_\-+=./:,@%]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const list = () => ({ revision, inputs, live: null, default: { a: heaps()[0]?.id ?? '', b: heaps().at(-1)?.id ?? '' } });
  const ROUTES = {
    async page(query) {
      if (!heaps().length) throw new Wrong(404, 'no-inputs', 'There are no profiles: add some.');
      const about = query.get('about') || (heaps().length > 2 ? 'leaks' : heaps().length === 2 ? 'diff' : 'top'), answer = JSON.parse(await report(about, query));
      return { report: 1, command: about, version: '0.1.0', command_line: ['heapdiff', ...words(about, query)].map(quote).join(' '), answer, notes: [], compared: pair(query), server: { ...list(), abouts: abouts(), types: answer.totals.map(one => one.sample_type), ignored: ['dropneg', 'rel', 'nf', 'ts', 'th'].filter(key => query.get(key)) } };
    },
    report: async query => JSON.parse(await report(query.get('about'), query)),
    refs: async query => JSON.parse(await run(['refs', query.get('p'), ...(query.get('callees') === '1' ? ['--callees'] : []), ...pair(query), ...options(query), '-n', '0', '--format', 'json'])),
    source: async query => JSON.parse(await run(['list', query.get('p'), ...pair(query), ...options(query), '-source_path', 'testdata/programs/chat', '--format', 'json'])),
    command: async query => ({ command: ['heapdiff', ...words(query.get('about'), query)].map(quote).join(' ') }),
    inputs: async () => list(),
    async tree(query) {
      const files = pair(query), asked = options(query), first = JSON.parse(await run(['traces', ...files, ...asked, '--format', 'json', '-n', '0']));
      const types = first.totals.map((total, index) => ({ name: total.sample_type, unit: total.unit, index, default: total.sample_type === first.sample_type })), sides = files.length, paths = new Map();
      for (const [t, type] of types.entries()) {
        const answer = type.name === first.sample_type ? first : JSON.parse(await run(['traces', ...files, ...asked, `--sample-index=${type.name}`, '--format', 'json', '-n', '0']));
        for (const row of answer.traces.rows) {
          const frames = query.get('order') === 'root-first' ? [...row.frames].reverse() : row.frames, key = JSON.stringify(frames);
          const path = paths.get(key) ?? { frames, values: types.map(() => Array(sides).fill(0)), squares: types.map(() => 0) };
          if (sides === 2) path.values[t][0] += row.before ?? 0;
          path.values[t][sides - 1] += row.after;
          const half = row.error ? (row.error.upper - row.error.lower) / 2 : 0;
          path.squares[t] += half * half;
          paths.set(key, path);
        }
      }
      return encode(grow({ order: query.get('order'), types, sides, paths: [...paths.values()], kindOf: name => (/^(main\.|chat\/)/.test(name) ? 1 : 3) }));
    },
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock'), route = url.pathname.replace('/api/v1/', '');
    const send = (status, type, body, more = {}) => response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY, 'cache-control': 'no-cache', ...more }).end(body);
    try {
      if (url.pathname.startsWith('/assets/')) return send(200, url.pathname.endsWith('.js') ? 'text/javascript' : 'text/css', readFileSync(join(dist, basename(url.pathname))));
      if (!url.pathname.startsWith('/api/v1/')) return send(200, 'text/html; charset=utf-8', SHELL);
      state.asked.push(`${request.method} ${decodeURIComponent(route + url.search)}`);
      if (route === 'events') {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'content-security-policy': POLICY });
        response.write(`event: inputs\ndata: ${JSON.stringify({ revision, snapshots: inputs.length, new: 0 })}\n\n`);
        clients.add(response);
        request.on('close', () => clients.delete(response));
        return undefined;
      }
      if (request.method !== 'GET' && request.headers['x-heapdiff'] !== '1') throw new Wrong(403, 'forbidden', 'X-Heapdiff is missing.');
      if (request.method === 'POST') {
        const parts = [];
        for await (const part of request) parts.push(part);
        const path = join(uploads, basename(url.searchParams.get('name')));
        writeFileSync(path, Buffer.concat(parts));
        const added = await add(path, true);
        change();
        return send(201, 'application/json', JSON.stringify(added));
      }
      if (request.method === 'DELETE') {
        inputs = inputs.filter(one => one.id !== route.slice('inputs/'.length));
        change();
        return send(204, 'application/json', '');
      }
      if (state.busy > 0 && route !== 'inputs') { state.busy--; return send(503, 'application/json', JSON.stringify({ error: { code: 'busy', message: 'The server is busy.' } }), { 'retry-after': '1' }) }
      if (state.slow) await new Promise(done => setTimeout(done, state.slow));
      const answer = await (ROUTES[route] ?? (() => { throw new Wrong(404, 'not-found', 'There is no such question.') }))(url.searchParams);
      return Buffer.isBuffer(answer) ? send(200, 'application/vnd.heapdiff.tree', answer) : send(200, 'application/json', JSON.stringify(answer));
    } catch (error) {
      return send(error.status ?? 500, 'application/json', JSON.stringify({ error: { code: error.code ?? 'bug', message: error.message, parameter: error.parameter } }));
    }
  });
  await new Promise(done => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`, state,
    async add(path) { await add(path); change() },
    close: () => new Promise(done => { server.closeAllConnections(); server.close(done) }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await mock(process.argv.slice(2))).url);
