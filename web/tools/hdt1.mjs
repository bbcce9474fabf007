// Writes hdt1 trees for tests, straight from the description of the format and apart from the code that reads them.

const OTHER = 0;

/** Powers of 1.02 by repeated multiplication, so that every writer rounds alike. */
const powers = [1];
while (powers.at(-1) < 2 ** 63) powers.push(powers.at(-1) * 1.02);

/** The smallest code whose half-width is no smaller; null is unknown. */
export function errorCode(half) {
  if (half === null) return 1;
  if (half === 0) return 0;
  let lo = 0, hi = powers.length - 1;
  while (lo < hi) { const mid = (lo + hi) >> 1; if (Math.ceil(powers[mid]) >= half) hi = mid; else lo = mid + 1 }
  return lo + 2;
}

const zigzag = value => (typeof value === 'bigint' ? (value >= 0n ? 2n * value : -2n * value - 1n) : value >= 0 ? 2 * value : -2 * value - 1);

/** Builds a tree of paths: `{frames, values: [type][side], squares: [type]}`; keeps the `most` heaviest nodes. */
export function grow({ order, types, sides, paths, kindOf, most = Infinity, signed = false }) {
  const blank = () => ({ children: new Map(), flat: types.map(() => Array(sides).fill(0)), cum: types.map(() => Array(sides).fill(0)), squares: types.map(() => 0), ends: 0 });
  const top = blank();
  for (const path of paths) {
    let node = top;
    const visit = one => types.forEach((_, t) => { for (let s = 0; s < sides; s++) one.cum[t][s] += path.values[t][s]; one.squares[t] += path.squares?.[t] ?? 0 });
    visit(top);
    for (const frame of path.frames) {
      if (!node.children.has(frame)) node.children.set(frame, blank());
      node = node.children.get(frame);
      visit(node);
    }
    node.ends++;
    types.forEach((_, t) => { for (let s = 0; s < sides; s++) node.flat[t][s] += path.values[t][s] });
  }
  const score = node => Math.max(...types.map((_, t) => Math.max(...node.cum[t].map((value, s) => Math.abs(value) / (Math.abs(top.cum[t][s]) || 1)))));
  const all = [];
  const walk = node => { for (const child of node.children.values()) { all.push(score(child)); walk(child) } };
  walk(top);
  const least = all.length > most ? all.sort((x, y) => y - x)[most - 1] : -1;
  const names = [], ids = new Map(), rows = [];
  const size = node => Math.abs(node.cum.at(-1).at(-1) - (sides === 2 ? node.cum.at(-1)[0] : 0));
  const stacks = node => { let n = node.ends ? 1 : 0; for (const child of node.children.values()) n += stacks(child); return n };
  const emit = (node, depth) => {
    const kept = [...node.children].filter(([, child]) => score(child) >= least), rest = [...node.children].filter(([, child]) => score(child) < least);
    kept.sort((x, y) => size(y[1]) - size(x[1]));
    for (const [name, child] of kept) {
      if (!ids.has(name)) { ids.set(name, names.length); names.push(name) }
      rows.push({ depth, name: ids.get(name) + 1, flat: child.flat, error: child.squares.map(Math.sqrt) });
      emit(child, depth + 1);
    }
    if (rest.length) {
      const flat = types.map((_, t) => Array.from({ length: sides }, (_, s) => rest.reduce((sum, [, child]) => sum + child.cum[t][s], 0)));
      rows.push({ depth, name: OTHER, flat, error: types.map((_, t) => Math.sqrt(rest.reduce((sum, [, child]) => sum + child.squares[t], 0))), paths: rest.reduce((sum, [, child]) => sum + stacks(child), 0) });
    }
  };
  emit(top, 0);
  const steps = types.map((_, t) => {
    const whole = Math.max(...top.cum[t].map(Math.abs), 1), unit = types[t].unit === 'bytes' ? 1024 : 1000;
    return [whole / 1000, whole / 100, whole / 20, whole / 4].map(bound => Math.max(1, unit ** Math.max(0, Math.floor(Math.log(bound) / Math.log(unit))) * Math.max(1, Math.round(bound / unit ** Math.max(0, Math.floor(Math.log(bound) / Math.log(unit)))))));
  });
  return {
    head: { format: 'hdt1', order, granularity: 'functions', names, kinds: names.map(kindOf), types, snapshots: sides, signed, nodes: rows.length, others: rows.filter(row => row.name === OTHER).length,
      paths: stacks(top), totals: top.cum, steps },
    depth: rows.map(row => row.depth), name: rows.map(row => row.name), flat: types.map((_, t) => Array.from({ length: sides }, (_, s) => rows.map(row => row.flat[t][s]))),
    error: types.map((_, t) => rows.map(row => Math.ceil(row.error[t]))), paths: rows.filter(row => row.name === OTHER).map(row => row.paths),
  };
}

/** The bytes of a tree, before gzip. Values may be BigInts. */
export function encode({ head, depth, name, flat, error, paths }) {
  const bytes = [];
  const put = value => {
    if (typeof value === 'bigint') { for (; value >= 128n; value >>= 7n) bytes.push(Number(value & 127n) | 128); bytes.push(Number(value)); return }
    let rest = value; while (rest >= 128) { bytes.push((rest % 128) | 128); rest = Math.floor(rest / 128) } bytes.push(rest);
  };
  depth.forEach((d, i) => put(zigzag(d - (i ? depth[i - 1] : 0))));
  name.forEach(put);
  flat.forEach((sides, t) => {
    for (const side of sides) for (const value of side) put(head.signed ? zigzag(value) : value);
    for (const half of error[t]) put(errorCode(half));
  });
  paths.forEach(put);
  return Buffer.concat([Buffer.from(JSON.stringify(head)), Buffer.from([0]), Buffer.from(bytes)]);
}
