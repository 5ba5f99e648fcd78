/** What wakes `enid status --watch`: nothing that happens while a picture is made is lost. */

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { WakeUp } from '../../../agent/cli/wake-up.ts';

let wakeUp: WakeUp;
beforeEach(() => {
  jest.useFakeTimers();
  wakeUp = new WakeUp();
});
afterEach(() => {
  jest.useRealTimers();
});

/** After how long the wait ends; null: not within the time. */
async function measure(ms: number): Promise<number | null> {
  const startMs = performance.now();
  let endMs: number | null = null;
  void wakeUp.wait(1_000).then(() => {
    endMs = performance.now();
  });
  await jest.advanceTimersByTimeAsync(ms);
  return endMs === null ? null : endMs - startMs;
}

it('ends the wait at once where it came after the loop had begun its work', async () => {
  wakeUp.begin();
  wakeUp.wake();
  expect(await measure(10)).toBe(0);
});

it('is served by work that begins after it', async () => {
  wakeUp.wake();
  wakeUp.begin();
  expect(await measure(10)).toBeNull();
});

it('ends a wait that is under way, and the next one is a new one', async () => {
  wakeUp.begin();
  let isOver = false;
  void wakeUp.wait(1_000).then(() => {
    isOver = true;
  });
  await jest.advanceTimersByTimeAsync(100);
  expect(isOver).toBe(false);
  wakeUp.wake();
  await jest.advanceTimersByTimeAsync(0);
  expect(isOver).toBe(true);
  wakeUp.begin();
  expect(await measure(2_000)).toBe(1_000);
});
