/**
 * A value that must be on disk: the last one given is written, and retried until that succeeds.
 * Never rejects, never has two writes in progress.
 */

import { computeBackoffMs } from '../../lib/imds/backoff.ts';

export interface KeptValueOptions<T> {
  /** Rejects if the disk is full, read-only, … */
  readonly write: (value: T) => Promise<void>;
  /** Each attempt that failed. */
  readonly onFailure: (error: unknown) => void;
}

export class KeptValue<T> {
  readonly #options: KeptValueOptions<T>;
  /** Not on disk yet; null: everything is. */
  #pending: { readonly value: T } | null = null;
  #writing: Promise<void> | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: KeptValueOptions<T>) {
    this.#options = options;
  }

  get isStanding(): boolean {
    return this.#pending === null;
  }

  /**
   * Resolves when the value is on disk or the first attempt has failed: what follows from it does
   * not wait for a full disk.
   */
  async keep(value: T): Promise<void> {
    this.#pending = { value };
    await this.#write();
  }

  /** One last attempt without a retry. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#write();
  }

  #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing ??= this.#writeUntilLast().finally(() => {
      this.#writing = null;
      // Only now: a caller that arrives during the write clears the timer and waits for this write.
      if (this.#pending !== null) this.#retry();
    });
    return this.#writing;
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#write(), computeBackoffMs(this.#failures, Math.random()));
    this.#timer.unref();
  }

  /** A value that is set meanwhile is written, too. */
  async #writeUntilLast(): Promise<void> {
    while (this.#pending !== null) {
      const pending: { readonly value: T } = this.#pending;
      try {
        await this.#options.write(pending.value);
        this.#failures = 0;
        if (this.#pending === pending) this.#pending = null;
      } catch (error) {
        this.#failures++;
        this.#options.onFailure(error);
        return;
      }
    }
  }
}
