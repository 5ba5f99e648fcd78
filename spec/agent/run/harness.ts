/** The reconciler over a host in memory, with its reports. */

import { expect } from '@jest/globals';
import type { Outcome } from '../../../agent/act/apply.ts';
import type { KernelError } from '../../../agent/errors.ts';
import type { Change, Ledger, RepairKind } from '../../../agent/model.ts';
import { type PassResult, Reconciler } from '../../../agent/run/reconciler.ts';
import type { ModelWorld } from '../../../fixtures/model/world.ts';
import { makeWorld } from '../../properties/host.ts';
import { makeEni } from '../eni.ts';

/** The primary and one more ENI. */
export class Harness {
  readonly world: ModelWorld;
  readonly changed: Change[] = [];
  /** What each change repaired. */
  readonly repairs: (RepairKind | null)[] = [];
  /** The same, for the changes until it converged. */
  readonly configuredBy: (RepairKind | null)[] = [];
  readonly fights: number[] = [];
  readonly passes: PassResult[] = [];
  readonly failures: unknown[] = [];
  readonly ledgerFailures: unknown[] = [];
  /** Changes that failed. */
  readonly errors: Error[] = [];
  readonly ledgers: Ledger[] = [];
  /** In the order in which they happened. */
  readonly calls: string[] = [];
  /** Called before each change; an exception refuses the change. */
  onApply: (change: Change) => void = () => undefined;
  /** The kernel answers that nothing had to be done. */
  isMoot: (change: Change) => boolean = () => false;
  /** Before changes that go out together. */
  onBatch = async () => {};
  sensesFail = false;
  kernel = () => this.world.kernel();
  /** Reads the kernel again. */
  readKernel = async () => {};
  /** Call it to make networkd answer a reload. */
  answerReload: (() => void) | null = null;
  isNetworkdStuck = false;
  /** Called for each write of the ledger; throws if the disk refuses it. */
  onLedger: () => void = () => undefined;
  /** Every report of the reconciler, in order. */
  readonly journal: string[] = [];
  /** A reporter that throws. */
  onReport: (what: 'changed' | 'fought' | 'passed' | 'ledger') => void = () => undefined;
  isConfirmed = true;
  readonly reconciler: Reconciler;

  constructor(world: ModelWorld = makeWorld([makeEni(0), makeEni(1)])) {
    this.world = world;
    const senses = {
      kernel: () => {
        if (this.sensesFail) throw new Error('out of memory');
        return this.kernel();
      },
      readKernel: () => this.readKernel(),
      networkd: () => world.state.networkd,
      lostRouters: () => [],
      files: () => world.files(),
      replies: () => world.state.replies,
      metadata: () => ({
        snapshot: world.state.snapshot,
        departed: [],
        isSilent: false,
        isConfirmed: this.isConfirmed,
      }),
    };
    const acts = {
      apply: async (changes: readonly Change[]) => {
        if (this.isNetworkdStuck && changes.some(({ kind }) => kind === 'reload')) {
          await new Promise<void>((resolve) => {
            this.answerReload = resolve;
          });
        } else await this.onBatch();
        return changes.map((change) => this.#apply(change));
      },
      readLedger: () => world.state.ledger,
      writeLedger: async (ledger: Ledger) => {
        this.calls.push('ledger');
        this.onLedger();
        this.ledgers.push(ledger);
        world.state.ledger = ledger;
      },
    };
    this.reconciler = new Reconciler(world.state.config, senses, acts, {
      changed: ({ change, error }, repair) => {
        if (error !== null) this.errors.push(error);
        this.changed.push(change);
        this.repairs.push(repair);
        this.journal.push(`${error === null ? 'done' : 'refused'} ${change.kind}`);
        this.onReport('changed');
      },
      fought: (_change, count) => {
        this.fights.push(count);
        this.onReport('fought');
      },
      passed: (result) => {
        this.passes.push(result);
        this.onReport('passed');
      },
      failed: (error) => this.failures.push(error),
      ledgerFailed: (error) => {
        this.ledgerFailures.push(error);
        this.onReport('ledger');
      },
    });
  }

  #apply(change: Change): Outcome {
    this.calls.push(change.kind);
    try {
      this.onApply(change);
      if (this.isMoot(change)) return { change, error: null, isMoot: true };
      this.world.apply(change, this.world.decide().desired);
      return { change, error: null, isMoot: false };
    } catch (error) {
      return { change, error: error as KernelError, isMoot: false };
    }
  }

  async converge(): Promise<void> {
    this.reconciler.start();
    await this.reconciler.idle();
    for (let count = 0; count < 50 && this.world.decide().difference.changes.length > 0; count++) {
      this.reconciler.wake();
      await this.reconciler.idle();
    }
    expect(this.world.decide().difference.changes).toEqual([]);
    // The final ledger entry of what was made.
    this.reconciler.wake();
    await this.reconciler.idle();
    for (const list of [this.changed, this.passes, this.calls]) list.length = 0;
    this.configuredBy.push(...this.repairs.splice(0));
  }

  /** Passes until nothing is due, several times. */
  async settle(count = 6): Promise<void> {
    for (let one = 0; one < count; one++) {
      this.reconciler.wake();
      await this.reconciler.idle();
    }
  }

  countCalls(kind: string): number {
    return this.calls.filter((call) => call === kind).length;
  }

  removeRule(): void {
    const { state } = this.world;
    const ours = state.rules.find(({ table }) => table === 10_001);
    state.rules = state.rules.filter((rule) => rule !== ours);
  }
}
