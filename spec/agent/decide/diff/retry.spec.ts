/** When a change may be made again. */

import { describe, expect, it } from '@jest/globals';
import { type Attempts, recordAttempt, recordFailure } from '../../../../agent/decide/diff/retry.ts';

function repeat(count: number, step: (before: Attempts | undefined, nowMs: number) => Attempts, start?: Attempts) {
  let state = start;
  for (let index = 0; index < count; index++) state = step(state, index);
  return state;
}

describe('retries', () => {
  it('are at once for twenty repairs in a row; then it is a fight', () => {
    let isFights = 0;
    const after = repeat(40, (before, nowMs) => {
      const { next, isFight } = recordAttempt(before, nowMs);
      if (isFight) isFights++;
      expect(next.blockedUntilMs - nowMs > 0).toBe(next.count > 20);
      return next;
    });
    expect(isFights).toBe(20);
    expect(after?.blockedUntilMs).toBe(39 + 60_000);
  });

  it('begin afresh after half a minute of peace', () => {
    const after = repeat(25, (before, nowMs) => recordAttempt(before, nowMs).next);
    expect(recordAttempt(after, (after?.blockedUntilMs ?? 0) + 30_001).next.count).toBe(1);
    expect(recordAttempt(after, (after?.blockedUntilMs ?? 0) + 29_000).next.count).toBe(26);
  });

  it('of what is refused wait longer each time, up to a minute', () => {
    expect(recordFailure(undefined, 0).blockedUntilMs).toBe(250);
    expect(repeat(20, recordFailure)?.blockedUntilMs).toBe(19 + 60_000);
  });

  it('do not take refusals for a fight', () => {
    const refused = repeat(20, recordFailure);
    expect(recordAttempt(refused, 70_000)).toMatchObject({
      isFight: false,
      next: { count: 1, blockedUntilMs: 70_000 },
    });
  });
});
