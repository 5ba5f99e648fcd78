/**
 * The ledger: as it was decided last, and on disk before the changes that it covers are made, as
 * far as the disk takes it.
 */

import type { Ledger } from '../model.ts';
import { KeptValue } from './kept-value.ts';

export interface LedgerBookOptions {
  readonly read: () => Ledger;
  /** Rejects where the disk is full, read-only, … */
  readonly write: (ledger: Ledger) => Promise<void>;
  /** Each write that failed; it is tried again until it stands. */
  readonly onFailure: (error: unknown) => void;
}

export class LedgerBook {
  readonly #kept: KeptValue<Ledger>;
  #entries: Ledger;
  #recorded: Ledger | null = null;

  constructor({ read, write, onFailure }: LedgerBookOptions) {
    this.#kept = new KeptValue({ write, onFailure });
    this.#entries = read();
  }

  get entries(): Ledger {
    return this.#entries;
  }

  /**
   * Resolves when it stands, or could not be written for now: a full disk must not keep a repair
   * back.
   */
  async record(ledger: Ledger): Promise<void> {
    // The same one in nearly every pass; comparing thousands of entries costs more than the pass
    // itself.
    if (ledger === this.#recorded) return;
    this.#recorded = ledger;
    if (JSON.stringify(ledger) === JSON.stringify(this.#entries)) return;
    this.#entries = ledger;
    await this.#kept.keep(ledger);
  }

  async close(): Promise<void> {
    await this.#kept.close();
  }
}
