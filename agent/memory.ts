/**
 * What a daemon wants of V8 that does little for months: less memory, and a start without optimising code that runs once.
 * Set from within, so that it holds however the program is started; imported before everything else. Figures: Node 20,
 * 15 ENIs with 50 addresses each.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Optimising compilers are for later: the start runs most of its code once, and their jobs take a fifth of its processor time
// and leave 9 MB behind. What is busy later is compiled then; a daemon with nothing to do never has them.
setFlagsFromString('--no-opt');
// The young generation stays at its first size, for a sixth more processor time of the first configuration; by default that
// lets it grow to 34 MB, and V8 makes it small again only where memory is short.
setFlagsFromString('--semi-space-growth-factor=1');

/** The start is over, in any case. */
const afterStartMs = 5_000;
/** After so many passes, or with so much more resident than before, it is worth to collect, once there was no pass for so long. */
const busyPasses = 20;
const grownBytes = 6_000_000;
const quietMs = 5_000;
/** Where there is no quiet moment, after so long. */
const longestWaitMs = 60_000;
/** In a row: one to make code old, one to drop it; one more for what only that has held, which closes the gaps, too. */
const collections = 2;

/**
 * To be called when the start is done; the result is to be called at each pass. In a quiet moment after the start, and after
 * each busy time, it drops what that has left behind, which V8 would keep until much more is there. Takes 60 ms, and wakes
 * nobody who has slept through.
 */
export function settleMemory(): () => void {
  setTimeout(() => {
    setFlagsFromString('--opt');
    // The old generation may grow by half of what is in use before it is looked through; by default to four times of that.
    setFlagsFromString('--heap-growing-percent=50');
  }, afterStartMs).unref();
  let passCount = busyPasses;
  let residentBytes = 0;
  let waitingSinceMs: number | null = performance.now();
  const timer = setTimeout(async () => {
    passCount = 0;
    waitingSinceMs = null;
    await dropGarbage();
    residentBytes = process.memoryUsage.rss();
  }, quietMs).unref();
  return () => {
    passCount++;
    const nowMs = performance.now();
    if (waitingSinceMs !== null && nowMs - waitingSinceMs > longestWaitMs) return;
    if (passCount < busyPasses && process.memoryUsage.rss() <= residentBytes + grownBytes) return;
    waitingSinceMs ??= nowMs;
    // Also where it has gone off before.
    timer.refresh();
  };
}

async function dropGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  // Compiled code of what has not run since the collection before goes, too: 2 MB of the start's. V8 waits for five otherwise.
  setFlagsFromString('--bytecode-old-age=1');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') return;
  for (let count = 0; count < collections; count++) collect();
  // V8 gives a page back only when it is empty: without this 2.5 MB stay between what is left. Not always: it takes time.
  setFlagsFromString('--compact-on-every-full-gc');
  collect();
  setFlagsFromString('--no-compact-on-every-full-gc');
  const { trimMemory } = await import('../lib/memory/trim.ts');
  trimMemory();
}
