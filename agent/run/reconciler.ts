/**
 * The reconciler: wake → sense → decide → act → verify. Invariants: one pass at a time; wake-ups during a pass cost one
 * more pass however many they are; a pass without changes writes nothing and says nothing; no pass waits for networkd.
 */

import type { Outcome } from '../act/apply.ts';
import type { Config } from '../config/types.ts';
import { Decider } from '../decide/decider.ts';
import { nameNetworkFile } from '../decide/desired/network-file.ts';
import type { OwnFile, UnitDirectory } from '../decide/desired/unit-directory.ts';
import type { World } from '../decide/desired/world.ts';
import type { Conflict } from '../decide/diff/ownership.ts';
import { addMade, classifyRepair, type Made, rememberMade } from '../decide/diff/repairs.ts';
import { identifyChange } from '../decide/diff/retry.ts';
import type { Change, Desired, KernelState, Ledger, LostRouter, NetworkdState, RepairKind } from '../model.ts';
import { AttemptBook } from './attempts.ts';
import { Settling } from './settling.ts';
import { UnseenBook } from './unseen.ts';

/** Everything that the reconciler reads, at once and from memory. */
export interface Senses {
  kernel(): KernelState;
  /** Has the kernel read anew, for events may be late. Rejects where that fails. */
  readKernel(): Promise<void>;
  networkd(): NetworkdState;
  lostRouters(): readonly LostRouter[];
  files(): UnitDirectory;
  metadata(): Pick<World, 'snapshot' | 'departed' | 'isSilent'>;
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
  /** What the decision threw for an ENI, by MAC: a defect of this program. */
  readonly thrown: ReadonlyMap<string, unknown>;
}

interface Decided extends Pick<PassResult, 'desired' | 'conflicts' | 'networkd' | 'thrown'> {
  readonly changes: readonly Change[];
  readonly ledger: Ledger;
  readonly kernel: KernelState;
  readonly files: readonly OwnFile[];
  readonly againMs: number | null;
}

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
  /** Of the run before; null after the first pass. */
  #inherited: Ledger | null;
  #made: Made = new Map();
  #learned: Desired | null = null;
  readonly #attempts = new AttemptBook();
  readonly #unseen = new UnseenBook();
  readonly #settling = new Settling();
  readonly #offered = new Set<string>();
  /** MACs of ENIs whose files were written while networkd was away: it may have read them just before. */
  readonly #unread = new Set<string>();
  readonly #decider = new Decider();
  #decidedLedger: Ledger | null = null;
  #isDirty = false;
  #isStarted = false;
  #isStopped = false;
  #isFailing = false;
  #running: Promise<void> | null = null;
  /** A reload that networkd has not answered yet: 257 does so when every link is configured, a stuck one never. */
  #reloading: Promise<void> | null = null;
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

  /** Resolves when no pass is under way or due at once, and networkd has answered. */
  async idle(): Promise<void> {
    while (this.#running !== null || this.#reloading !== null) await (this.#running ?? this.#reloading);
  }

  /** Resolves when no pass is under way or due at once: it is not stuck, whatever networkd does. */
  async passed(): Promise<void> {
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

  /** No new pass begins; the one under way ends. What networkd was asked for, it does without us. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.passed();
  }

  async #drain(): Promise<void> {
    // Leaves the event's own call stack, so that a burst of events is one pass.
    await new Promise(setImmediate);
    while (this.#isDirty && !this.#isStopped) {
      const restMs = this.#settling.restMs(performance.now());
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      this.#isDirty = false;
      const startMs = performance.now();
      try {
        await this.#pass();
        this.#isFailing = false;
      } catch (error) {
        this.#isFailing = true;
        this.#listener.failed(error);
        this.#wakeIn(failedPassMs);
      }
      this.#settling.notePass(startMs, performance.now());
    }
  }

  async #pass(): Promise<void> {
    const startMs = performance.now();
    const { desired, ledger, changes, conflicts, networkd, kernel, files, againMs, thrown } = this.#decide();
    const nowMs = performance.now();
    this.#unseen.keep(changes);
    const due = changes.filter((change) => this.#isDue(change, nowMs));
    await this.#recordLedger(ledger);
    const applied = await this.#apply(due, networkd);
    const outcomes = applied.length > 0 ? await this.#awaitEcho(applied, changes) : applied;
    // After the changes: a repair does not wait for its being counted.
    this.#learn(desired, kernel, files, changes.length === 0);
    this.#noteAll(outcomes, networkd, files);
    const failed = outcomes.filter(({ error }) => error !== null).map(({ change }) => change);
    const held = changes.filter((change) => !due.includes(change));
    const remaining = [...failed, ...held];
    const durationMs = performance.now() - startMs;
    this.#listener.passed({ desired, conflicts, remaining, applied: due.length, durationMs, networkd, thrown });
    this.#scheduleNext(remaining, againMs);
  }

  /** One reload at a time (257 refuses a second one), and no second try before its time. */
  #isDue(change: Change, nowMs: number): boolean {
    if (change.kind === 'reload' && this.#reloading !== null) return false;
    return !this.#attempts.isBlocked(change, nowMs) && !this.#unseen.isHeld(change);
  }

  /** Those before the reload first; networkd's answer is not waited for. */
  async #apply(due: readonly Change[], networkd: NetworkdState): Promise<Outcome[]> {
    const reloads = due.filter(({ kind }) => kind === 'reload');
    const start = reloads.length === 0 ? due.length : due.findIndex(({ kind }) => kind === 'reload');
    const outcomes = await this.#applyAll(due.slice(0, start));
    if (reloads.length > 0) this.#startReload(reloads, networkd);
    return [...outcomes, ...(await this.#applyAll(due.slice(start + reloads.length)))];
  }

  async #applyAll(changes: readonly Change[]): Promise<Outcome[]> {
    return changes.length === 0 ? [] : await this.#acts.apply(changes);
  }

  #startReload(reloads: readonly Change[], networkd: NetworkdState): void {
    for (const { mac, linkName } of reloads) this.#settling.begin(mac, linkName, performance.now());
    const reload = async () => {
      const outcomes = await this.#acts.apply(reloads);
      // An answer that comes after the end is nobody's any more.
      if (!this.#isStopped) this.#noteAll(outcomes, networkd, []);
    };
    this.#reloading = reload()
      .catch((error) => this.#listener.failed(error))
      .finally(() => {
        this.#reloading = null;
        this.wake();
      });
  }

  /** What stands as wished, to tell repairs by. The same wishes that all came true bring nothing new. */
  #learn(desired: Desired, kernel: KernelState, files: readonly OwnFile[], isConverged: boolean): void {
    if (desired === this.#learned) return;
    // With each pass more of it stands: it is looked at when networkd has made it all.
    if (this.#inherited === null && this.#settling.isUnderWay) return;
    this.#made = rememberMade(this.#made, desired, { kernel, files, ledger: this.#inherited ?? {} });
    this.#inherited = null;
    if (isConverged) this.#learned = desired;
  }

  #noteAll(outcomes: readonly Outcome[], networkd: NetworkdState, files: readonly OwnFile[]): void {
    for (const outcome of outcomes) this.#note(outcome, networkd, classifyRepair(outcome.change, this.#made, files));
    this.#made = addMade(
      this.#made,
      outcomes.filter(({ error, isMoot }) => error === null && !isMoot).map(({ change }) => change),
    );
  }

  #decide(): Decided {
    const networkd = this.#senses.networkd();
    const kernel = this.#senses.kernel();
    const directory = this.#senses.files();
    const known = {
      config: this.#config,
      kernel,
      networkd,
      lostRouters: this.#senses.lostRouters(),
      directory,
      ...this.#senses.metadata(),
      ledger: this.#ledger,
      settling: this.#settling.list(
        { networkd, links: kernel.links, prefix: this.#config.networkd.prefix, isReloading: this.#reloading !== null },
        performance.now(),
      ),
      offered: this.#offered,
      unread: this.#unread,
    };
    return { ...this.#decider.decide(known, performance.now()), networkd, kernel, files: directory.own };
  }

  #nameFile(linkName: string): string {
    return nameNetworkFile(this.#config.networkd.prefix, linkName);
  }

  async #recordLedger(ledger: Ledger): Promise<void> {
    // The same one in nearly every pass; comparing thousands of entries costs more than the pass itself.
    if (ledger === this.#decidedLedger) return;
    this.#decidedLedger = ledger;
    if (JSON.stringify(ledger) === JSON.stringify(this.#ledger)) return;
    this.#ledger = ledger;
    await this.#acts.writeLedger(ledger);
  }

  #note(outcome: Outcome, networkd: NetworkdState, repair: RepairKind | null): void {
    const { change, error } = outcome;
    const nowMs = performance.now();
    if (change.kind === 'reload') this.#settling.end(change.mac);
    if (change.kind === 'reload' && error === null) {
      this.#settling.begin(change.mac, change.linkName, nowMs);
      this.#offered.add(this.#nameFile(change.linkName));
      this.#unread.clear();
    }
    if (change.kind === 'write-file' && error === null && networkd.kind !== 'present') this.#unread.add(change.mac);
    if (outcome.isMoot) return;
    this.#listener.changed(outcome, outcome.error === null ? repair : null);
    if (error !== null) {
      this.#attempts.refused(change, nowMs);
      return;
    }
    const fightCount = this.#attempts.made(change, nowMs);
    if (fightCount !== null) this.#listener.fought(change, fightCount);
  }

  /**
   * Waits until the mirror shows what was made, so that the next pass does not make it twice. What
   * is not shown time after time is no success.
   */
  async #awaitEcho(outcomes: readonly Outcome[], before: readonly Change[]): Promise<readonly Outcome[]> {
    const made = new Set(
      outcomes
        .filter(({ change, error, isMoot }) => error === null && !isMoot && !/file|reload/.test(change.kind))
        .map(({ change }) => identifyChange(change)),
    );
    if (made.size === 0) return outcomes;
    const untilMs = performance.now() + echoMs;
    for (let delayMs = 1; performance.now() < untilMs; delayMs = Math.min(delayMs * 2, 16)) {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (!this.#decide().changes.some((change) => made.has(identifyChange(change)))) return outcomes;
    }
    this.#isDirty = true;
    // Its events may wait behind many others, or this process for its time.
    const isRead = await this.#senses.readKernel().then(
      () => true,
      () => false,
    );
    if (!isRead) return outcomes;
    const pending = this.#decide().changes;
    const unseen = pending.filter((change) => made.has(identifyChange(change)));
    const errors = this.#unseen.note(unseen, pending, before);
    return outcomes.map((outcome) => ({
      ...outcome,
      error: outcome.error ?? errors.get(identifyChange(outcome.change)) ?? null,
    }));
  }

  /**
   * One timer for what is held back, settling or to be decided again; without any there is none,
   * and the process sleeps.
   */
  #scheduleNext(pending: readonly Change[], againMs: number | null): void {
    this.#wakeIn(null);
    const nowMs = performance.now();
    const dueMs = [
      ...pending
        .filter(({ kind }) => kind !== 'reload' || this.#reloading === null)
        .map((change) => this.#attempts.dueMs(change, nowMs)),
      ...this.#settling.endsMs(),
      ...(againMs === null ? [] : [againMs]),
    ];
    if (dueMs.length > 0) this.#wakeIn(Math.max(1, Math.min(...dueMs) - nowMs));
    this.#attempts.forgetPeaceful(nowMs);
  }

  /** Null: not by itself. */
  #wakeIn(delayMs: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = delayMs === null || this.#isStopped ? null : setTimeout(() => this.wake(), delayMs);
  }
}
