/**
 * The ledger: as last decided, and on disk before the changes that it covers are made, unless the
 * disk refuses it.
 */

import type { Ledger } from '../model.ts';
import { KeptValue } from './kept-value.ts';

export interface LedgerBookOptions {
  readonly read: () => Ledger;
  /** Rejects if the disk is full, read-only, … */
  readonly write: (ledger: Ledger) => Promise<void>;
  /** Called for each write that failed; the write is retried until it succeeds. */
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
   * Resolves when the ledger is on disk or the first write has failed: a full disk must not delay a
   * repair.
   */
  async record(ledger: Ledger): Promise<void> {
    // In nearly every pass it is the same object; comparing thousands of entries costs more than
    // the pass itself.
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
