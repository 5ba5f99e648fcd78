/**
 * Several attempts at the same thing: which one counts, when each begins, and what becomes of the
 * others.
 */

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { findFirstSuccess } from '../../../lib/imds/first-success.ts';

afterEach(() => {
  jest.useRealTimers();
});

/** How each attempt goes: what comes of it, after so many ms; never: it hangs. */
type Course = { readonly afterMs: number; readonly fails?: true } | 'hangs';

async function run(courses: readonly Course[]) {
  jest.useFakeTimers();
  const sinceMs = Date.now();
  const begun: number[] = [];
  const aborted: number[] = [];
  const attempt = (index: number, signal: AbortSignal) =>
    new Promise<number>((resolve, reject) => {
      begun.push(Date.now() - sinceMs);
      const course = courses[index] ?? 'hangs';
      let isOver = false;
      signal.addEventListener('abort', () => {
        if (!isOver) aborted.push(index);
        reject(new Error('aborted'));
      });
      if (course === 'hangs') return;
      const end = () => {
        isOver = true;
        if (course.fails) reject(new Error(`attempt ${index}`));
        else resolve(index);
      };
      setTimeout(end, course.afterMs);
    });
  const found = findFirstSuccess(
    courses.map((_, index) => index),
    250,
    attempt,
  );
  const settled = found.then((result) => ({ result, endMs: Date.now() - sinceMs }));
  await jest.runAllTimersAsync();
  return { ...(await settled), begun, aborted };
}

describe('findFirstSuccess', () => {
  it('makes one attempt where the first succeeds in time', async () => {
    const { result, begun, aborted } = await run([{ afterMs: 249 }, { afterMs: 1 }]);
    expect({ result, begun, aborted }).toEqual({ result: { kind: 'found', value: 0 }, begun: [0], aborted: [] });
  });

  it('does not wait for a silent one: the next begins 250 ms later, and ends the silent one with its success', async () => {
    const { result, endMs, begun, aborted } = await run(['hangs', 'hangs', { afterMs: 3 }, 'hangs']);
    expect(result).toEqual({ kind: 'found', value: 2 });
    expect({ endMs, begun, aborted }).toEqual({ endMs: 503, begun: [0, 250, 500], aborted: [0, 1] });
  });

  it('begins the next at once where one fails, however many are silent', async () => {
    const { result, begun } = await run(['hangs', { afterMs: 10, fails: true }, { afterMs: 0 }]);
    expect({ result, begun }).toEqual({ result: { kind: 'found', value: 2 }, begun: [0, 250, 260] });
  });

  it('takes a late success of an early one', async () => {
    const { result, endMs } = await run([{ afterMs: 300 }, 'hangs']);
    expect({ result, endMs }).toEqual({ result: { kind: 'found', value: 0 }, endMs: 300 });
  });

  it('tells every failure, in the order of the attempts', async () => {
    const { result } = await run([
      { afterMs: 900, fails: true },
      { afterMs: 1, fails: true },
    ]);
    expect(result).toEqual({ kind: 'none', errors: [new Error('attempt 0'), new Error('attempt 1')] });
    expect((await run([])).result).toEqual({ kind: 'none', errors: [] });
  });
});
