/** The reconciler's memory of what was tried: what is held back, and until when. The rules are in decide/diff/retry. */

import { type Attempts, identifyChange, recordAttempt, recordFailure } from '../decide/diff/retry.ts';
import type { Change } from '../model.ts';

/** More objects than a host has are remembered only while they are not at peace. */
const mostAtPeace = 10_000;
const peaceMs = 300_000;

/** Times are in ms on a clock that only goes forward. */
export class AttemptBook {
  readonly #attempts = new Map<string, Attempts>();

  /** When the change may be made; `nowMs` where nothing holds it back. */
  dueMs(change: Change, nowMs: number): number {
    return this.#attempts.get(identifyChange(change))?.blockedUntilMs ?? nowMs;
  }

  isBlocked(change: Change, nowMs: number): boolean {
    return this.dueMs(change, nowMs) > nowMs;
  }

  /** Returns how often it was made in a row when a fight has just begun; null otherwise. */
  made(change: Change, nowMs: number): number | null {
    const key = identifyChange(change);
    const { next, isFight } = recordAttempt(this.#attempts.get(key), nowMs);
    this.#attempts.set(key, next);
    return isFight ? next.count : null;
  }

  refused(change: Change, nowMs: number): void {
    const key = identifyChange(change);
    this.#attempts.set(key, recordFailure(this.#attempts.get(key), nowMs));
  }

  forgetPeaceful(nowMs: number): void {
    if (this.#attempts.size < mostAtPeace) return;
    for (const [key, { blockedUntilMs }] of this.#attempts) {
      if (nowMs - blockedUntilMs > peaceMs) this.#attempts.delete(key);
    }
  }
}
