// Numbers that a browser can't hold: JSON.parse rounds integers beyond 2^53 to the nearest that it can.

export const ROUNDED = 'Some numbers here are beyond 2^53 (9 PB): a browser rounds them to 16 digits. --format csv and the table have all digits.';

/** Whether JSON has such an integer. What looks like one inside a text follows no colon or comma of the JSON itself. */
export function hasLarge(json: string): boolean {
  for (const [, number] of json.matchAll(/(?:[^\\]":|\[|[\d\]}l],)(-?\d{16,})(?=[,\]}])/g)) if (!Number.isSafeInteger(Number(number))) return true;
  return false;
}
