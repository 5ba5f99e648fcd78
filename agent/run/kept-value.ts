/**
 * A value that is to stand on disk: the last one given, written until it does. Never rejects, never
 * writes two at a time.
 */

import { computeBackoffMs } from '../../lib/imds/backoff.ts';

export interface KeptValueOptions<T> {
  /** Rejects where the disk is full, read-only, … */
  readonly write: (value: T) => Promise<void>;
  /** Each attempt that failed. */
  readonly onFailure: (error: unknown) => void;
}

export class KeptValue<T> {
  readonly #options: KeptValueOptions<T>;
  /** Not on disk yet; null: all is. */
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
   * Resolves when it stands, or when a first attempt has failed: what follows from it need not wait
   * for a full disk.
   */
  async keep(value: T): Promise<void> {
    this.#pending = { value };
    await this.#write();
  }

  /** One last attempt, and no further one. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#write();
  }

  #write(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing ??= this.#writeUntilLast().finally(() => {
      this.#writing = null;
      // Only now: whoever comes while it is written clears the timer and waits for this.
      if (this.#pending !== null) this.#retry();
    });
    return this.#writing;
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#write(), computeBackoffMs(this.#failures, Math.random()));
    this.#timer.unref();
  }

  /** What is given meanwhile is written, too. */
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
