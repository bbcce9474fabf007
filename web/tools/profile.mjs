// A heap profile of any names, for tests: each name allocates in a frame that `main.main` calls.
import { gzipSync } from 'node:zlib';

const varint = value => { const bytes = []; let rest = BigInt(value); while (rest >= 128n) { bytes.push(Number(rest & 127n) | 128); rest >>= 7n } bytes.push(Number(rest)); return Buffer.from(bytes) };
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const block = (field, bytes) => Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
const packed = (field, values) => block(field, Buffer.concat(values.map(varint)));

/** The bytes of a profile.proto, gzipped. `scale` makes two profiles differ. */
export function profile(names, { scale = 1, seconds = 1_700_000_000, file = name => `${name}.go` } = {}) {
  const strings = [''], text = value => { if (!strings.includes(value)) strings.push(value); return strings.indexOf(value) };
  const type = (name, unit) => Buffer.concat([number(1, text(name)), number(2, text(unit))]), all = ['main.main', ...names], parts = [];
  for (const [name, unit] of [['alloc_objects', 'count'], ['alloc_space', 'bytes'], ['inuse_objects', 'count'], ['inuse_space', 'bytes']]) parts.push(block(1, type(name, unit)));
  names.forEach((_, k) => { const objects = (k + 1) * 100 * scale, bytes = objects * 4096; parts.push(block(2, Buffer.concat([packed(1, [k + 2, 1]), packed(2, [objects, bytes, objects, bytes])]))) });
  parts.push(block(3, Buffer.concat([number(1, 1), number(2, 0x400000), number(3, 0x800000), number(5, text('/bin/</script>'))])));
  all.forEach((name, k) => {
    parts.push(block(4, Buffer.concat([number(1, k + 1), number(2, 1), number(3, 0x400000 + k), block(4, Buffer.concat([number(1, k + 1), number(2, k + 1)]))])));
    parts.push(block(5, Buffer.concat([number(1, k + 1), number(2, text(name)), number(4, text(file(name).slice(0, 2000)))])));
  });
  parts.push(number(9, BigInt(seconds) * 1_000_000_000n), block(11, type('space', 'bytes')), number(12, 524_288), number(14, text('inuse_space')));
  for (const string of strings) parts.push(block(6, Buffer.from(string)));
  return gzipSync(Buffer.concat(parts));
}
