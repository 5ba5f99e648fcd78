import { expect, it } from '@jest/globals';
import { computeReconnectDelayMs } from '../../../lib/dbus/reconnect-delay.ts';

it.each([
  [0, 0, 50],
  [0, 1, 100],
  [3, 0, 400],
  [20, 0.5, 22_500],
  [1_000_000, 1, 30_000],
])('failure %i with jitter %d waits %i ms', (attempt, random, want) => {
  expect(computeReconnectDelayMs(attempt, random)).toBe(want);
});
