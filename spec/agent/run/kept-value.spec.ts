/** A value that must be on disk: the last one is written, and retried until that succeeds. */

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { KeptValue } from '../../../agent/run/kept-value.ts';

let writes: number[];
let failures: unknown[];
let write: (value: number) => Promise<void>;
let kept: KeptValue<number>;

beforeEach(() => {
  jest.useFakeTimers();
  writes = [];
  failures = [];
  write = async () => undefined;
  kept = new KeptValue<number>({
    write: (value) => {
      writes.push(value);
      return write(value);
    },
    onFailure: (error) => failures.push(error),
  });
});
afterEach(() => {
  jest.useRealTimers();
});

it('writes each value once', async () => {
  await kept.keep(1);
  await kept.keep(2);
  await jest.advanceTimersByTimeAsync(600_000);
  expect([writes, kept.isStanding]).toEqual([[1, 2], true]);
});

it('never has two writes in progress, and of the values set meanwhile writes only the last', async () => {
  let end: () => void = () => undefined;
  write = () =>
    new Promise((resolve) => {
      end = resolve;
    });
  const all = [kept.keep(1), kept.keep(2), kept.keep(3)];
  expect(writes).toEqual([1]);
  end();
  await jest.advanceTimersByTimeAsync(0);
  expect(writes).toEqual([1, 3]);
  end();
  await Promise.all(all);
  expect(kept.isStanding).toBe(true);
});

it('retries until it succeeds, with growing delays, and reports each failure', async () => {
  write = async () => Promise.reject(new Error('ENOSPC'));
  await kept.keep(1);
  expect([writes, failures.length, kept.isStanding]).toEqual([[1], 1, false]);
  await jest.advanceTimersByTimeAsync(600_000);
  expect(writes.length).toBeGreaterThan(10);
  expect(writes.length).toBeLessThan(200);
  write = async () => undefined;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(kept.isStanding).toBe(true);
  const count = writes.length;
  await jest.advanceTimersByTimeAsync(600_000);
  expect(writes).toHaveLength(count);
});

it('writes the newer value instead of the one that failed', async () => {
  write = async () => Promise.reject(new Error('ENOSPC'));
  await kept.keep(1);
  write = async () => undefined;
  await kept.keep(2);
  await jest.advanceTimersByTimeAsync(600_000);
  expect(writes).toEqual([1, 2]);
});

it('continues if a value is set at any moment of a failing write', async () => {
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    write = async () => Promise.reject(new Error('ENOSPC'));
    const first = kept.keep(1);
    for (let count = 0; count < microtasks; count++) await Promise.resolve();
    await kept.keep(2);
    await first;
    write = async () => undefined;
    await jest.advanceTimersByTimeAsync(61_000);
    expect({ microtasks, isStanding: kept.isStanding }).toEqual({ microtasks, isStanding: true });
  }
});

it('tries once more at the end, and never after it', async () => {
  write = async () => Promise.reject(new Error('ENOSPC'));
  await kept.keep(1);
  await kept.close();
  expect(writes).toEqual([1, 1]);
  await jest.advanceTimersByTimeAsync(600_000);
  expect(writes).toEqual([1, 1]);
});
