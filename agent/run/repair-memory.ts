/**
 * Which objects were in place as desired, to distinguish a repair from a first configuration. The
 * rules are in decide/diff/repairs.
 */

import type { Outcome } from '../act/apply.ts';
import type { OwnFile } from '../decide/desired/unit-directory.ts';
import { addMade, classifyRepair, type Made, rememberMade } from '../decide/diff/repairs.ts';
import type { Change, Desired, KernelState, Ledger, RepairKind } from '../model.ts';

/** What a pass has seen. */
export interface Sight {
  readonly kernel: KernelState;
  readonly files: readonly OwnFile[];
  /** Nothing differed from what is desired. */
  readonly isConverged: boolean;
  /** The table for replies is as desired. */
  readonly hasReplies: boolean;
  /** networkd is still configuring a link. */
  readonly isSettling: boolean;
}

export class RepairMemory {
  /** The ledger of the previous run; null after it was used. */
  #inherited: Ledger | null;
  #made: Made = new Map();
  #learned: Desired | null = null;

  constructor(inherited: Ledger) {
    this.#inherited = inherited;
  }

  /** The desired state is unchanged and was in place as a whole: there is nothing to learn. */
  learn(desired: Desired, { kernel, files, isConverged, hasReplies, isSettling }: Sight): void {
    if (desired === this.#learned) return;
    // Each pass finds more of it in place: learn when networkd has made everything.
    if (this.#inherited === null && isSettling) return;
    this.#made = rememberMade(this.#made, desired, { kernel, files, hasReplies, ledger: this.#inherited ?? {} });
    this.#inherited = null;
    if (isConverged) this.#learned = desired;
  }

  /** A change that was made is remembered even if its object is removed before the next look. */
  add(outcomes: readonly Outcome[]): void {
    const made = outcomes.filter(({ error, isMoot }) => error === null && !isMoot);
    this.#made = addMade(
      this.#made,
      made.map(({ change }) => change),
    );
  }

  /** `files`: those in the unit directory before the change. Null: the change is no repair. */
  classify(change: Change, files: readonly OwnFile[]): RepairKind | null {
    return classifyRepair(change, this.#made, files);
  }
}
