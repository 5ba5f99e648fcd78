import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { computeBackoffMs } from '../../../lib/imds/backoff.ts';

describe('computeBackoffMs', () => {
  it.each([
    [1, 0, 50],
    [1, 0.5, 125],
    [2, 0.5, 250],
    [4, 0.5, 1_000],
    [9, 0.5, 30_000],
    [1_000_000, 0.5, 30_000],
    [0, 0.5, 125],
  ])('after %i failures at %f: %i ms', (attempt, random, want) => {
    expect(computeBackoffMs(attempt, random)).toBe(want);
  });

  it('stays within 50 ms and a minute', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
        const delayMs = computeBackoffMs(attempt, random);
        expect(delayMs).toBeGreaterThanOrEqual(50);
        expect(delayMs).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
