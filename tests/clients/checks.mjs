// What the Node clients of this folder share: what they send, and how their checks are run.

import { inspect } from "node:util";

// For each check as a whole, and so for every wait in it, however slow the machine is.
const DEADLINE_MS = 120_000;
export const MESSAGE_BYTES_MAX = 2 << 20;
// Around the lengths where the frame header takes another form.
export const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20];
// One to four bytes per character, and a family of emoji that only joiners hold together.
export const UNICODE = "a\u00e9\u20ac\u4e16\u{1f600} \u{1f468}\u200d\u{1f469}\u200d\u{1f467}";
// The longest that fits into a close frame beside the code.
export const LONG_REASON = "\u00e9".repeat(61) + "!";

export const bytes = (size) => Buffer.from(Array.from({ length: size }, (_, n) => n % 251));

// Messages that a client sends before it reads their echoes.
export const inFlight = () =>
  Array.from({ length: 200 }, (_, n) => (n % 2 ? `${n} ${"x".repeat(n)}` : Buffer.alloc(n, n)));

// Unlike the failures of node:assert, this one does not show a megabyte in full.
export function equal(found, wanted, what) {
  const same = Buffer.isBuffer(wanted)
    ? Buffer.isBuffer(found) && wanted.equals(found)
    : found === wanted;
  const show = (value) => inspect(value, { maxStringLength: 60 });
  if (!same) throw new Error(`${what} is ${show(found)}, not ${show(wanted)}`);
}

// Runs pairs of a name and a function, one after the other, and `cleanUp` after each.
export async function run(checks, cleanUp) {
  let failed = 0;
  for (const [name, check] of checks) {
    let timer;
    const deadline = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end within ${DEADLINE_MS} ms`)), DEADLINE_MS);
    });
    try {
      await Promise.race([check(), deadline]);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.message}`);
    }
    clearTimeout(timer);
    cleanUp();
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
