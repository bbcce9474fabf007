// A service with heap profiles, for tests of what is recorded: each request gets the next snapshot.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { root } from './pages.mjs';

const LAST = 11;

/** Serves the snapshots of harbor. `hold` waits for the last request and lets none be answered until `release`. */
export async function heaps() {
  let asked = 0, gate = null, open = () => {};
  const server = createServer((request, response) => void (async () => {
    const number = Math.min(asked++, LAST);
    await gate;
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(readFileSync(join(root, `testdata/harbor/one/heap-${String(number).padStart(2, '0')}.pb.gz`)));
  })());
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** From now on, requests wait. */
    async hold() { gate = new Promise(done => { open = done }) },
    release() { open(); gate = null },
    async close() { open(); server.closeAllConnections(); await new Promise(done => server.close(done)) },
  };
}
