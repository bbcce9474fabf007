// Integers beyond 2^53, which JSON.parse rounds to the nearest that a browser can hold.

/** Such an integer: a number in all arithmetic, and all of its digits. */
export class Exact extends Number {
  constructor(readonly whole: bigint) { super(Number(whole)) }
}

const wholeOf = (of: unknown): bigint => (of instanceof Exact ? of.whole : BigInt(Math.round(Number(of))));
const asNumber = (whole: bigint): number => (Number.isSafeInteger(Number(whole)) ? Number(whole) : new Exact(whole) as unknown as number);

/** The difference of two numbers, with all of its digits. */
export const minus = (a: number, b: number): number => ((a as unknown) instanceof Exact || (b as unknown) instanceof Exact ? asNumber(wholeOf(a) - wholeOf(b)) : a - b);

/** The digits of a number without its sign, to the nearest integer. */
export const digits = (of: number): string => String(wholeOf(of < 0 ? ((of as unknown) instanceof Exact ? new Exact(-wholeOf(of)) : -of) : of));

/** Whether JSON has such an integer. What looks like one inside a text follows no colon or comma of the JSON itself. */
export function hasLarge(json: string): boolean {
  for (const [, number] of json.matchAll(/(?:[^\\]":\s*|\[\s*|[\d\]}l],\s*)(-?\d{16,})(?=[,\]}\s])/g)) if (!Number.isSafeInteger(Number(number))) return true;
  return false;
}

const KEY = '\0whole';

/** What JSON says, with every digit. */
export function parse<Of>(json: string): Of {
  if (!hasLarge(json)) return JSON.parse(json) as Of;
  const marked = json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, token => (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `{${JSON.stringify(KEY)}:"${token}"}` : token));
  return JSON.parse(marked, (_, value: unknown) => (value && typeof value === 'object' && KEY in value ? asNumber(BigInt((value as Record<string, string>)[KEY])) : value)) as Of;
}
