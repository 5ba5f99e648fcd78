/**
 * One reader of untrusted input, fed until it breaks. What counts as broken is the same for all.
 */

import fc from 'fast-check';

export interface Target {
  readonly name: string;
  /** Runs the reader on many inputs; throws with the seed and the smallest input that breaks it. */
  run(options: FuzzOptions): Promise<void>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
}

/**
 * For one input. A first run may be slow by itself: what is slow once only is the compiler's or the
 * collector's doing.
 */
const longestMs = 100;
const tries = 3;

/** `allowed`: names of the errors that `read` may throw. */
export function makeTarget<Input>(
  name: string,
  input: fc.Arbitrary<Input>,
  read: (input: Input) => unknown,
  allowed: readonly string[] = [],
): Target {
  const attempt = async (value: Input) => {
    try {
      await read(value);
    } catch (error) {
      const is = typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : typeof error;
      if (!allowed.includes(is)) throw error;
    }
  };
  const property = fc.asyncProperty(input, async (value) => {
    for (let attempts = 1; ; attempts++) {
      const before = process.cpuUsage();
      await attempt(value);
      const { user, system } = process.cpuUsage(before);
      const spentMs = (user + system) / 1000;
      if (spentMs <= longestMs) return;
      if (attempts >= tries) throw new Error(`expected at most ${longestMs} ms of processor time, took ${spentMs}`);
    }
  });
  return {
    name,
    run: async ({ seed, count }) => {
      await fc.assert(property, { seed, numRuns: count });
    },
  };
}
