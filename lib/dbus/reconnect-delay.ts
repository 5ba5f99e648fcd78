/** How long to wait before the next attempt to reach the bus. Pure. */

/** After a restart the bus is back within milliseconds: the first attempts are quick. */
const firstDelayMs = 100;
/** While it stays away an attempt costs one connect() to a missing socket. */
const longestDelayMs = 30_000;

/**
 * Exponential with jitter over its upper half, so that programs do not retry too often or all at
 * once. `attempt` counts failures in a row from 0; `random` is in [0, 1).
 */
export function computeReconnectDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
