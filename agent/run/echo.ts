/**
 * Waits until the mirror shows the changes just made, so that the next pass does not make them
 * twice.
 */

import type { Outcome } from '../act/apply.ts';
import { identifyChange } from '../decide/diff/retry.ts';
import type { Change } from '../model.ts';
import { isOfFile } from './networkd-handover.ts';
import { UnseenBook } from './unseen.ts';

export interface EchoOptions {
  /** The changes that follow from what the mirror shows now. */
  readonly listChanges: () => readonly Change[];
  /** Makes the mirror read the kernel again, because events may be late. Rejects if that fails. */
  readonly readKernel: () => Promise<void>;
}

export interface Echoed {
  /** A change that repeatedly does not appear in the mirror is reported as failed. */
  readonly outcomes: readonly Outcome[];
  /** Not shown within the time limit: another pass is due. */
  readonly isLate: boolean;
}

/**
 * How long the kernel's own events may take to show what was just made; they normally take well
 * below 1 ms.
 */
const echoMs = 100;

export class Echo {
  readonly #options: EchoOptions;
  readonly #unseen = new UnseenBook();
  /**
   * Changes that did nothing because the kernel already had the object, and that a fresh read still
   * asks for.
   */
  readonly #elsewhere = new Set<string>();

  constructor(options: EchoOptions) {
    this.#options = options;
  }

  /** A removal of what the kernel turned a desired object into. */
  isHeld(change: Change): boolean {
    return this.#unseen.isHeld(change);
  }

  /**
   * The kernel already has the object in a form that the mirror does not keep: another program's
   * route with the same next hop.
   */
  isElsewhere(change: Change): boolean {
    return this.#elsewhere.size > 0 && this.#elsewhere.has(identifyChange(change));
  }

  /** Forgets changes that are no longer due. */
  keep(pending: readonly Change[]): void {
    this.#unseen.keep(pending);
    if (this.#elsewhere.size === 0) return;
    const keys = new Set(pending.map(identifyChange));
    for (const key of this.#elsewhere) if (!keys.has(key)) this.#elsewhere.delete(key);
  }

  /** `before`: the changes that were due at the start of the pass. */
  async await(outcomes: readonly Outcome[], before: readonly Change[]): Promise<Echoed> {
    const awaited = outcomes.filter(
      ({ change, error }) => error === null && !isOfFile(change) && change.kind !== 'reload',
    );
    const keys = new Set(awaited.map(({ change }) => identifyChange(change)));
    for (const { change, isMoot } of outcomes) if (!isMoot) this.#elsewhere.delete(identifyChange(change));
    if (keys.size === 0 || (await this.#isShown(keys))) return { outcomes, isLate: false };
    // The events may be queued behind many others, or this process may wait for the processor.
    const isRead = await this.#options.readKernel().then(
      () => true,
      () => false,
    );
    if (!isRead) return { outcomes, isLate: true };
    const pending = this.#options.listChanges();
    const pendingKeys = new Set(pending.map(identifyChange));
    for (const { change, isMoot } of awaited) {
      const key = identifyChange(change);
      if (isMoot && pendingKeys.has(key)) this.#elsewhere.add(key);
    }
    const unseen = pending.filter((change) => keys.has(identifyChange(change)) && !this.isElsewhere(change));
    const errors = this.#unseen.note(unseen, pending, before);
    return {
      outcomes: outcomes.map((outcome) => ({
        ...outcome,
        error: outcome.error ?? errors.get(identifyChange(outcome.change)) ?? null,
      })),
      isLate: true,
    };
  }

  async #isShown(keys: ReadonlySet<string>): Promise<boolean> {
    const untilMs = performance.now() + echoMs;
    for (let delayMs = 1; performance.now() < untilMs; delayMs = Math.min(delayMs * 2, 16)) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (!this.#options.listChanges().some((change) => keys.has(identifyChange(change)))) return true;
    }
    return false;
  }
}
