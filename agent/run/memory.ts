/**
 * What a daemon wants of V8 that does little for months: less memory, and a start without
 * optimising code that runs once. Set from within, so that it holds however the program is started;
 * imported before everything else. Figures: Node 24.21, resident, 15 ENIs with 50 addresses each,
 * where enid has 36 MB more than an idle node after a start.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Optimising compilers are for later: 5 MB of them would be resident after a start that runs most
// of its code once. What is busy later is compiled then.
setFlagsFromString('--no-opt');
// The young generation stays at its first size: 4 to 6 MB after 150 passes. V8 makes it small again
// only where memory is short.
setFlagsFromString('--semi-space-growth-factor=1');

/** By then the start is over in any case. */
const afterStartMs = 5_000;
/**
 * After this many passes, or this much growth of resident memory, a collection is worthwhile once
 * there was no pass for `quietMs`.
 */
const busyPasses = 20;
const grownBytes = 6_000_000;
const quietMs = 5_000;
/** If there is no quiet moment, at the latest after this time. */
const longestWaitMs = 60_000;

/**
 * Call it when the start is done. Call the result with 1 at each pass, and with 0 at anything else
 * that may take memory. In a quiet moment after the start and after each busy time, it frees what
 * they have left behind, which V8 would keep until there is much more: 13 MB after the start, 60 MB
 * after 150 passes. Takes 60 ms, and does not wake a process that is idle.
 */
export function settleMemory(): (passes: number) => void {
  setTimeout(() => {
    setFlagsFromString('--opt');
    // The old generation may grow by half of what is in use before the next collection; the default
    // is four times that: 8 MB after 150 passes.
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
  return (passes) => {
    passCount += passes;
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
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') return;
  collect();
  // 4 MB after a start, 7 after 150 passes.
  const { trimMemory } = await import('../../lib/memory/trim.ts');
  trimMemory();
}
