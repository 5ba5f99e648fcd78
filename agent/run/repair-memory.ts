/**
 * What stood as desired, to tell a repair from a first making. The rules are in
 * decide/diff/repairs.
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
  /** networkd is still at work on a link. */
  readonly isSettling: boolean;
}

export class RepairMemory {
  /** Of the run before; null once it was taken over. */
  #inherited: Ledger | null;
  #made: Made = new Map();
  #learned: Desired | null = null;

  constructor(inherited: Ledger) {
    this.#inherited = inherited;
  }

  /** The same desired state that stood as a whole brings nothing new. */
  learn(desired: Desired, { kernel, files, isConverged, isSettling }: Sight): void {
    if (desired === this.#learned) return;
    // With each pass more of it stands: it is looked at when networkd has made it all.
    if (this.#inherited === null && isSettling) return;
    this.#made = rememberMade(this.#made, desired, { kernel, files, ledger: this.#inherited ?? {} });
    this.#inherited = null;
    if (isConverged) this.#learned = desired;
  }

  /** What was made is known even where it is removed before the next look. */
  add(outcomes: readonly Outcome[]): void {
    const made = outcomes.filter(({ error, isMoot }) => error === null && !isMoot);
    this.#made = addMade(
      this.#made,
      made.map(({ change }) => change),
    );
  }

  /** `files`: what stood in the unit directory before the change. Null: it is no repair. */
  classify(change: Change, files: readonly OwnFile[]): RepairKind | null {
    return classifyRepair(change, this.#made, files);
  }
}
