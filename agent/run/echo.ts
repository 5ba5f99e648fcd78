/** Waits until the mirror shows what was made, so that the next pass does not make it twice. */

import type { Outcome } from '../act/apply.ts';
import { identifyChange } from '../decide/diff/retry.ts';
import type { Change } from '../model.ts';
import { isOfFile } from './networkd-handover.ts';
import { UnseenBook } from './unseen.ts';

export interface EchoOptions {
  /** What is to be changed by what the mirror shows now. */
  readonly listChanges: () => readonly Change[];
  /** Has the kernel read again, for events may be late. Rejects where that fails. */
  readonly readKernel: () => Promise<void>;
}

export interface Echoed {
  /** What is not shown time after time is no success. */
  readonly outcomes: readonly Outcome[];
  /** Not shown within the time: another pass is due. */
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
   * Changes that did nothing, for all is so, and are still to be made by what a fresh read shows.
   */
  readonly #elsewhere = new Set<string>();

  constructor(options: EchoOptions) {
    this.#options = options;
  }

  /** A removal of what the kernel made of something that is desired. */
  isHeld(change: Change): boolean {
    return this.#unseen.isHeld(change);
  }

  /**
   * All is so already, by an object that the mirror does not keep: another program's route that
   * goes the same way.
   */
  isElsewhere(change: Change): boolean {
    return this.#elsewhere.size > 0 && this.#elsewhere.has(identifyChange(change));
  }

  /** Forgets what is not to be changed any more. */
  keep(pending: readonly Change[]): void {
    this.#unseen.keep(pending);
    if (this.#elsewhere.size === 0) return;
    const keys = new Set(pending.map(identifyChange));
    for (const key of this.#elsewhere) if (!keys.has(key)) this.#elsewhere.delete(key);
  }

  /** `before`: what was to be changed at the start of the pass. */
  async await(outcomes: readonly Outcome[], before: readonly Change[]): Promise<Echoed> {
    const awaited = outcomes.filter(
      ({ change, error }) => error === null && !isOfFile(change) && change.kind !== 'reload',
    );
    const keys = new Set(awaited.map(({ change }) => identifyChange(change)));
    for (const { change, isMoot } of outcomes) if (!isMoot) this.#elsewhere.delete(identifyChange(change));
    if (keys.size === 0 || (await this.#isShown(keys))) return { outcomes, isLate: false };
    // Its events may wait behind many others, or this process for its time.
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
