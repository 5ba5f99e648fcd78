/** Logs each trouble once while it lasts, and again when it comes back after it was over. */

import type { Fields } from './journal.ts';

/**
 * Enough for every object of a large instance; the oldest are forgotten first, and may then be
 * logged again.
 */
const mostRemembered = 5_000;

export class TroubleLog {
  readonly #write: (message: string, fields: Fields) => void;
  /** Message → the pass in which it was last reported. */
  readonly #lastPass = new Map<string, number>();
  #pass = 0;

  constructor(write: (message: string, fields: Fields) => void) {
    this.#write = write;
  }

  report(message: string, fields: Fields = {}): void {
    const isNew = !this.#lastPass.delete(message);
    this.#lastPass.set(message, this.#pass);
    if (this.#lastPass.size > mostRemembered) this.#forgetOldest();
    if (isNew) this.#write(message, fields);
  }

  /**
   * A pass has ended. Clean: nothing is refused or held back, so a trouble that this pass did not
   * report is over.
   */
  passed(isClean: boolean): void {
    if (isClean) {
      for (const [message, pass] of this.#lastPass) if (pass < this.#pass) this.#lastPass.delete(message);
    }
    this.#pass++;
  }

  #forgetOldest(): void {
    const [oldest] = this.#lastPass.keys();
    if (oldest !== undefined) this.#lastPass.delete(oldest);
  }
}
