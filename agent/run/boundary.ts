/** What the reconciler reads, does and reports. */

import type { Outcome } from '../act/apply.ts';
import type { Known } from '../decide/decider.ts';
import type { UnitDirectory } from '../decide/desired/unit-directory.ts';
import type { Conflict } from '../decide/diff/ownership.ts';
import type { Change, Desired, KernelState, Ledger, LostRouter, NetworkdState, RepairKind } from '../model.ts';

/** Everything that the reconciler reads, at once and from memory. */
export interface Senses {
  kernel(): KernelState;
  /** Has the kernel read again, for events may be late. Rejects where that fails. */
  readKernel(): Promise<void>;
  networkd(): NetworkdState;
  lostRouters(): readonly LostRouter[];
  files(): UnitDirectory;
  metadata(): Pick<Known, 'snapshot' | 'departed' | 'isSilent' | 'isConfirmed'>;
}

/** Everything that the reconciler does. */
export interface Acts {
  /** Applies changes in their order and goes on past a failure. */
  apply(changes: readonly Change[]): Promise<Outcome[]>;
  readLedger(): Ledger;
  /**
   * Called before the changes that it covers are applied. Rejects where the disk is full,
   * read-only, …
   */
  writeLedger(ledger: Ledger): Promise<void>;
}

/** What the reconciler reports. One that throws fails nothing. */
export interface Listener {
  /** `repair`: what it put back; null: no repair, or a refused one. */
  changed(outcome: Outcome, repair: RepairKind | null): void;
  fought(change: Change, count: number): void;
  passed(result: PassResult): void;
  /** The ledger could not be written; it is tried again until it stands. */
  ledgerFailed(error: unknown): void;
  /**
   * A pass ended by an error that is no outcome of a change: a defect of this program, or memory
   * gone.
   */
  failed(error: unknown): void;
}

export interface PassResult {
  readonly desired: Desired;
  readonly conflicts: readonly Conflict[];
  /** Changes that remain after the pass: refused ones and those held back. */
  readonly remaining: readonly Change[];
  readonly applied: number;
  readonly durationMs: number;
  /**
   * False: it was decided by metadata that are only remembered, and nothing was removed for them.
   */
  readonly isConfirmed: boolean;
  /** What was known of networkd when it was decided. */
  readonly networkd: NetworkdState;
  /** What the decision threw for an ENI, by MAC: a defect of this program. */
  readonly thrown: ReadonlyMap<string, unknown>;
}
