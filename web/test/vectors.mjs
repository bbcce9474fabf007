// Trees as bytes beside what they mean, for all who read or write hdt1. `node test/vectors.mjs` writes them again.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode, errorCode, grow } from './hdt1.mjs';
import { random } from './source.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const BYTES = { name: 'inuse_space', unit: 'bytes', index: 3, default: true }, OBJECTS = { name: 'inuse_objects', unit: 'count', index: 2 };
const path = (text, values, squares) => ({ frames: text.split(';'), values, squares });
const kindOf = name => (name.startsWith('main.') ? 1 : 3);

function many(seed, n, signed) {
  const { next, below, pick } = random(seed), names = Array.from({ length: 40 }, (_, k) => `pkg${k % 7}.f${k}`);
  return Array.from({ length: n }, () => ({
    frames: Array.from({ length: 1 + below(12) }, () => pick(names)),
    values: [0, 1].map(() => [0, 1].map(() => (next() < 0.2 ? 0 : Math.floor(next() ** 4 * 1e9) * (signed && next() < 0.4 ? -1 : 1)))), squares: [next() * 1e8, next() * 100],
  }));
}

export const trees = {
  pair: grow({ order: 'root-first', types: [OBJECTS, BYTES], sides: 2, kindOf, paths: [
    path('main.main;main.run;main.leak', [[1, 9], [1024, 9216]], [4, 4_000_000]), path('main.main;main.run', [[2, 2], [64, 64]], [0, 0]),
    path('main.main;main.gone', [[5, 0], [50_000, 0]], [1, 10_000]), path('runtime.mcall;main.new', [[0, 3], [0, 300_000]], [1, 250_000]), path('main.main;main.main;main.leak', [[0, 1], [0, 7]], [0, 0])] }),
  one: grow({ order: 'leaf-first', types: [BYTES], sides: 1, kindOf, paths: [path('main.leak;main.main', [[5000]], [10]), path('fmt.Sprint;main.leak;main.main', [[300]], [0])] }),
  cut: grow({ order: 'root-first', types: [OBJECTS, BYTES], sides: 2, kindOf, paths: many(7, 900, false), most: 120 }),
  signed: grow({ order: 'root-first', types: [OBJECTS, BYTES], sides: 2, kindOf, paths: many(11, 200, true), most: 60, signed: true }),
  empty: grow({ order: 'root-first', types: [BYTES], sides: 2, kindOf, paths: [] }),
  names: grow({ order: 'root-first', types: [BYTES], sides: 1, kindOf, paths: [path('</script>;__proto__;nul\0;日本語;\u202ertl;"quotes";' + 'x'.repeat(3000), [[2 ** 52 + 1]], [2 ** 80])] }),
};
// An error that nobody knows, and the largest there is.
trees.pair.error[0][1] = null;
trees.pair.error[1][2] = 2 ** 62;

const powers = [1];
while (powers.length < 4000) powers.push(powers.at(-1) * 1.02);
const rounded = half => { const code = errorCode(half); return code === 0 ? 0 : code === 1 ? null : Math.ceil(powers[code - 2]) };

/** What a reader must find, said without its code: cum by looking at all that follows deeper. */
export function meaning({ head, depth, name, flat, error, paths }) {
  const cum = flat.map(sides => sides.map(values => values.map((_, i) => { let sum = values[i]; for (let j = i + 1; j < depth.length && depth[j] > depth[i]; j++) sum += values[j]; return sum })));
  return { head, depth, name, flat, error: error.map(halves => halves.map(rounded)), paths, cum };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [key, tree] of Object.entries(trees)) {
    writeFileSync(join(here, 'vectors', `${key}.hdt1`), encode(tree));
    writeFileSync(join(here, 'vectors', `${key}.json`), JSON.stringify(meaning(tree)) + '\n');
  }
}
