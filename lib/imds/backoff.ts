/** How long to wait before a failed service is asked again. Pure. */

const firstCeilingMs = 250;
const longestCeilingMs = 60_000;
/** Several delays near zero in a row would be a busy loop. */
const shortestDelayMs = 50;

/**
 * Exponential back-off with full jitter: uniform below a ceiling that doubles with each failure, so
 * that many hosts which failed at one time do not come back at one time (AWS Architecture Blog,
 * "Exponential Backoff And Jitter").
 *
 * @param attempt failures so far, from 1
 * @param random uniform in [0, 1)
 * @returns milliseconds, 50 … 60 000
 */
export function computeBackoffMs(attempt: number, random: number): number {
  // Beyond 2^8 the ceiling applies anyway; a huge exponent would give Infinity, and 0 · Infinity is
  // NaN.
  const exponent = Math.min(Math.max(attempt - 1, 0), 8);
  const ceilingMs = Math.min(longestCeilingMs, firstCeilingMs * 2 ** exponent);
  return Math.max(shortestDelayMs, ceilingMs * random);
}
