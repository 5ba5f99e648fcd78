/**
 * The reconciler: wake → sense → decide → act → verify. Invariants: one pass at a time; wake-ups during a pass cost one
 * more pass however many they are; a pass without changes writes nothing and says nothing.
 */

import type { Outcome } from './act/apply.ts';
import type { Config } from './config/types.ts';
import { readDeclared } from './decide/declared.ts';
import { computeDesired } from './decide/desired.ts';
import { type Conflict, computeDifference } from './decide/diff.ts';
import type { OwnFile } from './decide/diff-files.ts';
import { computeLedger } from './decide/ledger.ts';
import { addMade, classifyRepair, type Made, rememberMade } from './decide/repairs.ts';
import { type Attempts, identifyChange, recordAttempt, recordFailure } from './decide/retry.ts';
import { type KnownRouter, rememberRouters } from './decide/routers.ts';
import type {
  Change,
  Desired,
  EniMetadata,
  KernelState,
  Ledger,
  NetworkdState,
  RepairKind,
  Snapshot,
} from './model.ts';

/** Everything that the reconciler reads, at once and from memory. */
export interface Senses {
  kernel(): KernelState;
  networkd(): NetworkdState;
  files(): readonly OwnFile[];
  metadata(): { readonly snapshot: Snapshot | null; readonly departed: readonly EniMetadata[] };
}

/** Everything that the reconciler does. */
export interface Acts {
  /** Applies changes in their order and goes on past a failure. */
  apply(changes: readonly Change[]): Promise<Outcome[]>;
  readLedger(): Ledger;
  /** Called before the changes that it covers are applied. Never rejects: a full disk must not keep a repair back. */
  writeLedger(ledger: Ledger): Promise<void>;
}

/** What the reconciler tells. */
export interface Listener {
  /** `repair`: what it put back; null: no repair, or a refused one. */
  changed(outcome: Outcome, repair: RepairKind | null): void;
  fought(change: Change, count: number): void;
  passed(result: PassResult): void;
  /** A pass ended by an error that is no outcome of a change: a defect of this program, or memory gone. */
  failed(error: unknown): void;
}

export interface PassResult {
  readonly desired: Desired;
  readonly conflicts: readonly Conflict[];
  /** Changes that remain after the pass: refused ones and those held back. */
  readonly remaining: readonly Change[];
  readonly applied: number;
  readonly durationMs: number;
  /** What was known of networkd when it was decided. */
  readonly networkd: NetworkdState;
}

interface Decision extends Pick<PassResult, 'desired' | 'conflicts' | 'networkd'> {
  readonly changes: readonly Change[];
  readonly ledger: Ledger;
  readonly kernel: KernelState;
  readonly files: readonly OwnFile[];
}

/** How long networkd may take to make what its new files say before its work is done beside it. */
const settleMs = 3_000;
/** How long the kernel's own events may take to show what was just made; they normally take well below 1 ms. */
const echoMs = 100;
/** After a pass that failed as a whole. */
const failedPassMs = 1_000;

export class Reconciler {
  readonly #senses: Senses;
  readonly #acts: Acts;
  readonly #listener: Listener;
  #config: Config;
  #ledger: Ledger;
  /** Of the run before; empty after the first pass. */
  #inherited: Ledger;
  #made: Made = new Map();
  readonly #attempts = new Map<string, Attempts>();
  /** MAC → until when networkd is left to work. */
  readonly #settling = new Map<string, number>();
  readonly #offered = new Set<string>();
  #routers: readonly KnownRouter[] = [];
  #isDirty = false;
  #isStarted = false;
  #isStopped = false;
  #isFailing = false;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(config: Config, senses: Senses, acts: Acts, listener: Listener) {
    this.#config = config;
    this.#senses = senses;
    this.#acts = acts;
    this.#listener = listener;
    this.#ledger = acts.readLedger();
    this.#inherited = this.#ledger;
  }

  /** Takes effect with the next pass. */
  setConfig(config: Config): void {
    this.#config = config;
  }

  /** The senses are open: what was asked for until now is done. */
  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  /** Asks for a pass, soon. Cheap, from any event. */
  wake(): void {
    this.#isDirty = true;
    if (!this.#isStarted || this.#isStopped || this.#running !== null) return;
    this.#running = this.#drain().finally(() => {
      this.#running = null;
      if (this.#isDirty && !this.#isStopped) this.wake();
    });
  }

  /** Resolves when no pass is under way or due at once. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** The last pass failed as a whole: nothing is kept right meanwhile. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** networkd came back and has read every file anew: what it was told before no longer counts. */
  forgetOffers(): void {
    this.#offered.clear();
  }

  /** No new pass begins; the one under way ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.idle();
  }

  async #drain(): Promise<void> {
    // Leaves the event's own call stack, so that a burst of events is one pass.
    await new Promise(setImmediate);
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      try {
        await this.#pass();
        this.#isFailing = false;
      } catch (error) {
        this.#isFailing = true;
        this.#listener.failed(error);
        this.#wakeIn(failedPassMs);
      }
    }
  }

  async #pass(): Promise<void> {
    const startMs = performance.now();
    const { desired, ledger, changes, conflicts, networkd, kernel, files } = this.#decide();
    const nowMs = performance.now();
    const due = changes.filter((change) => (this.#attempts.get(identifyChange(change))?.blockedUntilMs ?? 0) <= nowMs);
    let outcomes: Outcome[] = [];
    await this.#recordLedger(ledger);
    if (due.length > 0) {
      outcomes = await this.#acts.apply(due);
    }
    // After the changes: a repair does not wait for its being counted.
    this.#made = rememberMade(this.#made, desired, { kernel, files, ledger: this.#inherited });
    this.#inherited = {};
    for (const outcome of outcomes) this.#note(outcome, classifyRepair(outcome.change, this.#made, files));
    this.#made = addMade(
      this.#made,
      outcomes.filter(({ error, isMoot }) => error === null && !isMoot).map(({ change }) => change),
    );
    await this.#awaitEcho(outcomes);
    const failed = outcomes.filter(({ error }) => error !== null).map(({ change }) => change);
    const held = changes.filter((change) => !due.includes(change));
    const remaining = [...failed, ...held];
    const durationMs = performance.now() - startMs;
    this.#listener.passed({ desired, conflicts, remaining, applied: outcomes.length, durationMs, networkd });
    this.#scheduleNext(remaining);
  }

  #decide(): Decision {
    const kernel = this.#senses.kernel();
    const networkd = this.#senses.networkd();
    const files = this.#senses.files();
    const { snapshot, departed } = this.#senses.metadata();
    this.#routers = rememberRouters(this.#routers, kernel, performance.now());
    const routers = this.#routers;
    const ownFiles = new Map(files.map(({ name, mac }) => [name, mac]));
    const desired = computeDesired({ config: this.#config, snapshot, departed, kernel, routers, networkd, ownFiles });
    const settling = this.#listSettling(networkd, desired);
    const declared = readDeclared(files, kernel);
    const known = { ...declared, ...this.#ledger };
    const actual = { kernel, files, networkd, ledger: known, settling, offered: this.#offered };
    const ledger = computeLedger(desired, kernel, known, declared);
    return { desired, ledger, ...computeDifference(desired, actual), networkd, kernel, files };
  }

  /** Drops those whose time is over or whose link networkd reports as configured. */
  #listSettling(networkd: NetworkdState, desired: Desired): ReadonlySet<string> {
    const nowMs = performance.now();
    for (const [mac, untilMs] of this.#settling) {
      const eni = desired.enis.find((one) => one.mac === mac);
      const link = networkd.links.find((one) => one.linkIndex === eni?.linkIndex);
      const isInForce = link?.networkFile?.endsWith(`/${eni?.networkFiles[0]?.name}`) ?? false;
      if (untilMs <= nowMs || (isInForce && link?.setupState === 'configured')) this.#settling.delete(mac);
    }
    return new Set(this.#settling.keys());
  }

  async #recordLedger(ledger: Ledger): Promise<void> {
    if (JSON.stringify(ledger) === JSON.stringify(this.#ledger)) return;
    this.#ledger = ledger;
    await this.#acts.writeLedger(ledger);
  }

  #note(outcome: Outcome, repair: RepairKind | null): void {
    const { change, error } = outcome;
    const key = identifyChange(change);
    const nowMs = performance.now();
    if (change.kind === 'reload' && error === null) {
      this.#settling.set(change.mac, nowMs + settleMs);
      this.#offered.add(`${this.#config.networkd.prefix}-${change.linkName}.network`);
    }
    if (outcome.isMoot) return;
    this.#listener.changed(outcome, outcome.error === null ? repair : null);
    if (error !== null) {
      this.#attempts.set(key, recordFailure(this.#attempts.get(key), nowMs));
      return;
    }
    const { next, isFight } = recordAttempt(this.#attempts.get(key), nowMs);
    this.#attempts.set(key, next);
    if (isFight) this.#listener.fought(change, next.count);
  }

  /** Waits until the mirror shows what was made, so that the next pass does not make it twice. */
  async #awaitEcho(outcomes: readonly Outcome[]): Promise<void> {
    const made = new Set(
      outcomes
        .filter(({ change, error }) => error === null && !/file|reload/.test(change.kind))
        .map(({ change }) => identifyChange(change)),
    );
    if (made.size === 0) return;
    const untilMs = performance.now() + echoMs;
    for (let delayMs = 1; performance.now() < untilMs; delayMs = Math.min(delayMs * 2, 16)) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (!this.#decide().changes.some((change) => made.has(identifyChange(change)))) return;
    }
    this.#isDirty = true;
  }

  /** One timer for what is held back or settling; without either there is none, and the process sleeps. */
  #scheduleNext(pending: readonly Change[]): void {
    this.#wakeIn(null);
    const nowMs = performance.now();
    const dueMs = [
      ...pending.map((change) => this.#attempts.get(identifyChange(change))?.blockedUntilMs ?? nowMs),
      ...this.#settling.values(),
    ];
    if (dueMs.length > 0) this.#wakeIn(Math.max(1, Math.min(...dueMs) - nowMs));
    this.#forgetPeaceful(nowMs);
  }

  /** Null: not by itself. */
  #wakeIn(delayMs: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = delayMs === null || this.#isStopped ? null : setTimeout(() => this.wake(), delayMs);
  }

  #forgetPeaceful(nowMs: number): void {
    if (this.#attempts.size < 10_000) return;
    for (const [key, { blockedUntilMs }] of this.#attempts) {
      if (nowMs - blockedUntilMs > 300_000) this.#attempts.delete(key);
    }
  }
}
