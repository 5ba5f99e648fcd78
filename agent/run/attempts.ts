/**
 * The reconciler's memory of attempts: which changes are held back, and until when. The rules are
 * in decide/diff/retry.
 */

import type { Config } from '../config/types.ts';
import { listChangedLinks, listChangedObjects, objectOf } from '../decide/diff/desired-objects.ts';
import { type Attempts, identifyChange, recordAttempt, recordFailure } from '../decide/diff/retry.ts';
import type { Change, Desired, Snapshot } from '../model.ts';

/**
 * Above this number of entries, which no host reaches, those without a recent attempt are dropped.
 */
const mostAtPeace = 10_000;
const peaceMs = 300_000;

/** The inputs of the desired state that no other program on the host can change. */
export interface Cause {
  readonly config: Config;
  readonly snapshot: Snapshot | null;
}

interface Entry extends Attempts {
  readonly object: string;
  readonly mac: string;
}

/** Times are in ms on a monotonic clock. */
export class AttemptBook {
  readonly #entries = new Map<string, Entry>();
  #desired: Desired | null = null;
  #cause: Cause | null = null;

  /**
   * Forgets the attempts at objects that EC2 or the operator changed since the last call, and at an
   * ENI whose link appeared or disappeared: they say nothing about the present desired state. An
   * object that comes and goes with the state of the host keeps its attempts: in a fight it does
   * so, too.
   */
  follow(desired: Desired, cause: Cause): void {
    if (desired === this.#desired) return;
    const before = this.#desired;
    const isCaused = this.#cause?.config !== cause.config || this.#cause.snapshot !== cause.snapshot;
    this.#desired = desired;
    this.#cause = cause;
    if (before === null || this.#entries.size === 0) return;
    const links = listChangedLinks(before, desired);
    const objects = isCaused || links.size > 0 ? listChangedObjects(before, desired) : nothing;
    for (const [key, { object, mac }] of this.#entries)
      if (objects.has(object) || links.has(mac)) this.#entries.delete(key);
  }

  /** When the change may be made; `nowMs` if nothing holds it back. */
  dueMs(change: Change, nowMs: number): number {
    return this.#entries.get(identifyChange(change))?.blockedUntilMs ?? nowMs;
  }

  isBlocked(change: Change, nowMs: number): boolean {
    return this.dueMs(change, nowMs) > nowMs;
  }

  /** Returns how often it was made in a row while there is a fight over it; null otherwise. */
  made(change: Change, nowMs: number): number | null {
    const key = identifyChange(change);
    const { next, isFight } = recordAttempt(this.#entries.get(key), nowMs);
    this.#set(key, change, next);
    return isFight ? next.count : null;
  }

  /** It failed, or changed nothing: whatever would make it succeed has not happened yet. */
  refused(change: Change, nowMs: number): void {
    const key = identifyChange(change);
    this.#set(key, change, recordFailure(this.#entries.get(key), nowMs));
  }

  forgetPeaceful(nowMs: number): void {
    if (this.#entries.size < mostAtPeace) return;
    for (const [key, { blockedUntilMs }] of this.#entries)
      if (nowMs - blockedUntilMs > peaceMs) this.#entries.delete(key);
  }

  #set(key: string, change: Change, attempts: Attempts): void {
    this.#entries.set(key, { ...attempts, object: objectOf(change), mac: change.mac });
  }
}

const nothing: ReadonlySet<string> = new Set();
