/** What the reconciler reads, does and reports. */

import type { Outcome } from '../act/apply.ts';
import type { Known } from '../decide/decider.ts';
import type { UnitDirectory } from '../decide/desired/unit-directory.ts';
import type { Conflict } from '../decide/diff/ownership.ts';
import type {
  Change,
  Desired,
  KernelState,
  Ledger,
  LostRouter,
  NetworkdState,
  RepairKind,
  ReplyFacts,
} from '../model.ts';

/** Everything that the reconciler reads, at once and from memory. */
export interface Senses {
  kernel(): KernelState;
  /** Makes the kernel mirror read again, because events may be late. Rejects if that fails. */
  readKernel(): Promise<void>;
  networkd(): NetworkdState;
  lostRouters(): readonly LostRouter[];
  files(): UnitDirectory;
  /** Undefined: nothing is known, and no reply is marked. */
  replies(): ReplyFacts | undefined;
  metadata(): Pick<Known, 'snapshot' | 'departed' | 'isSilent' | 'isConfirmed'>;
}

/** Everything that the reconciler does. */
export interface Acts {
  /** Applies changes in their order and goes on past a failure. */
  apply(changes: readonly Change[]): Promise<Outcome[]>;
  readLedger(): Ledger;
  /**
   * Called before the changes that it covers are applied. Rejects if the disk is full, read-only, …
   */
  writeLedger(ledger: Ledger): Promise<void>;
}

/** What the reconciler reports. An exception in a reporter does not fail a pass. */
export interface Listener {
  /** `repair`: the kind of object that it restored; null: it is no repair, or it failed. */
  changed(outcome: Outcome, repair: RepairKind | null): void;
  fought(change: Change, count: number): void;
  passed(result: PassResult): void;
  /** The ledger could not be written; the write is retried until it succeeds. */
  ledgerFailed(error: unknown): void;
  /**
   * A pass ended by an error that is not the outcome of a change: a defect of this program, or out
   * of memory.
   */
  failed(error: unknown): void;
}

export interface PassResult {
  readonly desired: Desired;
  readonly conflicts: readonly Conflict[];
  /** Changes that remain after the pass: those that failed and those held back. */
  readonly remaining: readonly Change[];
  readonly applied: number;
  readonly durationMs: number;
  /** False: the decision used stored metadata only, and nothing was removed because of it. */
  readonly isConfirmed: boolean;
  /** What was known of networkd at the time of the decision. */
  readonly networkd: NetworkdState;
  /** Exceptions of the decision for an ENI, by MAC: a defect of this program. */
  readonly thrown: ReadonlyMap<string, unknown>;
}
