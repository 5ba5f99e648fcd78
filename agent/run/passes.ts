/**
 * One pass: decide → record → apply → verify → note. Each memory that it needs has its own owner.
 * Invariants: a pass without changes writes nothing and reports nothing; no pass waits for
 * networkd; reports are in the order of the changes.
 */

import type { Outcome } from '../act/apply.ts';
import type { Config } from '../config/types.ts';
import { Decider } from '../decide/decider.ts';
import type { OwnFile } from '../decide/desired/unit-directory.ts';
import type { Change, KernelState, Ledger, NetworkdState } from '../model.ts';
import { AttemptBook } from './attempts.ts';
import type { Acts, Listener, PassResult, Senses } from './boundary.ts';
import { Echo } from './echo.ts';
import { LedgerBook } from './ledger-book.ts';
import { isOfFile, NetworkdHandover } from './networkd-handover.ts';
import { RepairMemory } from './repair-memory.ts';
import { reportSafely } from './report-safely.ts';

export interface PassesOptions {
  readonly senses: Senses;
  readonly acts: Acts;
  readonly listener: Listener;
  /** networkd has answered, or a change is not visible in the mirror yet: another pass is due. */
  readonly wake: () => void;
}

interface Decided extends Pick<PassResult, 'desired' | 'conflicts' | 'isConfirmed' | 'networkd' | 'thrown'> {
  readonly changes: readonly Change[];
  readonly ledger: Ledger;
  readonly kernel: KernelState;
  readonly files: readonly OwnFile[];
  readonly againMs: number | null;
  /** networkd had not answered the last reload. */
  readonly isReloading: boolean;
}

/** The outcomes of a pass. */
interface Applied {
  readonly outcomes: readonly Outcome[];
  /** Not made: held back, or failed. */
  readonly pending: readonly Change[];
  readonly count: number;
}

export class Passes {
  readonly #senses: Senses;
  readonly #acts: Acts;
  readonly #listener: Listener;
  readonly #wake: () => void;
  readonly #ledger: LedgerBook;
  readonly #repairs: RepairMemory;
  readonly #attempts = new AttemptBook();
  readonly #handover = new NetworkdHandover();
  readonly #decider = new Decider();
  readonly #echo: Echo;
  #config: Config;
  /**
   * networkd's answers during a pass: earlier changes are reported first. Null: no pass is in
   * progress.
   */
  #answers: readonly Outcome[] | null = null;
  #isClosed = false;

  constructor(config: Config, { senses, acts, listener, wake }: PassesOptions) {
    this.#config = config;
    this.#senses = senses;
    this.#acts = acts;
    this.#listener = listener;
    this.#wake = wake;
    this.#ledger = new LedgerBook({
      read: () => acts.readLedger(),
      write: (ledger) => acts.writeLedger(ledger),
      onFailure: (error) => reportSafely(listener, (one) => one.ledgerFailed(error)),
    });
    this.#repairs = new RepairMemory(this.#ledger.entries);
    this.#echo = new Echo({ listChanges: () => this.#decide().changes, readKernel: () => senses.readKernel() });
  }

  /** Takes effect with the next pass. */
  setConfig(config: Config): void {
    this.#config = config;
  }

  /** Resolves when networkd has answered; null: nothing is outstanding. */
  get answer(): Promise<void> | null {
    return this.#handover.answer;
  }

  /** networkd came back and has read every file again: what it was sent before no longer counts. */
  forgetOffers(): void {
    this.#handover.forgetOffers();
  }

  /** How long the next pass should wait for networkd. */
  restMs(nowMs: number): number {
    return this.#handover.settling.restMs(nowMs);
  }

  /** Last attempt to write the ledger; networkd's answers are ignored from here on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#ledger.close();
  }

  /**
   * Resolves with the time at which the next pass is due by itself; null: never. Rejects if the
   * pass failed as a whole.
   */
  async run(): Promise<{ readonly result: PassResult; readonly nextMs: number | null }> {
    const startMs = performance.now();
    this.#answers = [];
    try {
      const decided = this.#decide();
      const { desired, kernel, files, changes, conflicts, isConfirmed, networkd, thrown } = decided;
      this.#echo.keep(changes);
      this.#handover.follow(changes);
      this.#attempts.follow(desired, { config: this.#config, snapshot: this.#senses.metadata().snapshot });
      await this.#ledger.record(decided.ledger);
      const { outcomes, pending, count } = await this.#apply(decided);
      // After the changes: counting a repair must not delay it.
      const isSettling = this.#handover.settling.isUnderWay;
      const hasReplies = !changes.some(({ kind }) => kind === 'set-replies');
      this.#repairs.learn(desired, { kernel, files, hasReplies, isConverged: changes.length === 0, isSettling });
      this.#noteAll(outcomes, networkd, files);
      const remaining = pending.filter((change) => !this.#echo.isElsewhere(change));
      const durationMs = performance.now() - startMs;
      return {
        result: { desired, conflicts, remaining, applied: count, durationMs, isConfirmed, networkd, thrown },
        nextMs: this.#findNextMs(pending, decided.againMs),
      };
    } finally {
      const answers = this.#answers;
      this.#answers = null;
      if (answers.length > 0) this.#noteAnswers(answers);
      this.#handover.settling.notePass(startMs, performance.now());
    }
  }

  #decide(): Decided {
    const networkd = this.#senses.networkd();
    const kernel = this.#senses.kernel();
    const directory = this.#senses.files();
    const metadata = this.#senses.metadata();
    const nowMs = performance.now();
    const { prefix } = this.#config.networkd;
    const settling = this.#handover.listSettling({ networkd, links: kernel.links, prefix }, nowMs);
    const known = {
      config: this.#config,
      kernel,
      networkd,
      lostRouters: this.#senses.lostRouters(),
      directory,
      ...metadata,
      ledger: this.#ledger.entries,
      replies: this.#senses.replies(),
      settling,
      unreloaded: this.#handover.listUnreloaded(settling),
      ...this.#handover.told,
    };
    const isConfirmed = metadata.isConfirmed !== false;
    const isReloading = this.#handover.answer !== null;
    return { ...this.#decider.decide(known, nowMs), isConfirmed, isReloading, networkd, kernel, files: directory.own };
  }

  /**
   * Changes before the reload first; networkd's answer is not awaited. A change that is held back
   * is not tried early.
   */
  async #apply({ changes, isReloading }: Decided): Promise<Applied> {
    const nowMs = performance.now();
    const due = changes.filter((change) => !this.#attempts.isBlocked(change, nowMs) && !this.#echo.isHeld(change));
    const isReload = ({ kind }: Change) => kind === 'reload';
    const start = due.some(isReload) ? due.findIndex(isReload) : due.length;
    const first = await this.#applyAll(due.slice(0, start));
    // What was decided before networkd's answer does not know that its files were taken up.
    const reloads = isReloading ? [] : this.#handover.listReady(due, changes, first);
    if (reloads.length > 0) this.#handover.begin(reloads, nowMs, () => this.#reload(reloads), this.#wake);
    const applied = [...first, ...(await this.#applyAll(due.slice(start).filter((change) => !isReload(change))))];
    const { outcomes, isLate } = await this.#echo.await(applied, changes);
    if (isLate) this.#wake();
    for (const change of due) if (this.#echo.isElsewhere(change)) this.#attempts.refused(change, performance.now());
    const made = outcomes.filter(({ error }) => error === null).map(({ change }) => change);
    const done = new Set<Change>([...made, ...reloads]);
    const pending = changes.filter((change) => !done.has(change) || this.#echo.isElsewhere(change));
    return { outcomes, pending, count: applied.length + reloads.length };
  }

  async #applyAll(changes: readonly Change[]): Promise<Outcome[]> {
    return changes.length === 0 ? [] : await this.#acts.apply(changes);
  }

  async #reload(reloads: readonly Change[]): Promise<void> {
    try {
      const outcomes = await this.#acts.apply(reloads);
      // Ignore a reply that arrives after stop().
      if (this.#isClosed) return;
      if (this.#answers === null) this.#noteAnswers(outcomes);
      else this.#answers = [...this.#answers, ...outcomes];
    } catch (error) {
      reportSafely(this.#listener, (listener) => listener.failed(error));
    }
  }

  /** With the files that are on disk when networkd has answered. */
  #noteAnswers(outcomes: readonly Outcome[]): void {
    this.#noteAll(outcomes, this.#senses.networkd(), this.#senses.files().own);
  }

  /** `files`: those before the changes; for a reload, those on disk now. */
  #noteAll(outcomes: readonly Outcome[], networkd: NetworkdState, files: readonly OwnFile[]): void {
    const { prefix } = this.#config.networkd;
    for (const outcome of outcomes) {
      this.#handover.note(outcome, { networkd, files, prefix }, performance.now());
      if (!outcome.isMoot) this.#note(outcome, files);
    }
    this.#repairs.add(outcomes);
  }

  #note(outcome: Outcome, files: readonly OwnFile[]): void {
    const { change, error } = outcome;
    const nowMs = performance.now();
    const repair = error === null ? this.#repairs.classify(change, files) : null;
    reportSafely(this.#listener, (listener) => listener.changed(outcome, repair));
    if (error !== null) {
      this.#attempts.refused(change, nowMs);
      return;
    }
    const fightCount = this.#attempts.made(change, nowMs);
    if (fightCount !== null) reportSafely(this.#listener, (listener) => listener.fought(change, fightCount));
  }

  /**
   * When something that is held back, settling or to be decided again is due. A reload is not due
   * by itself: its files or networkd's answer trigger it. Neither is a removal that is held back
   * because of an object that the kernel does not show.
   */
  #findNextMs(pending: readonly Change[], againMs: number | null): number | null {
    const nowMs = performance.now();
    const waiting = new Set(pending.filter(isOfFile).map(({ mac }) => mac));
    const isDueByItself = (change: Change) =>
      change.kind === 'reload'
        ? this.#handover.answer === null && !waiting.has(change.mac)
        : !this.#echo.isHeld(change);
    const dueMs = [
      ...pending.filter(isDueByItself).map((change) => this.#attempts.dueMs(change, nowMs)),
      ...this.#handover.settling.endsMs(),
      ...(againMs === null ? [] : [againMs]),
    ];
    this.#attempts.forgetPeaceful(nowMs);
    return dueMs.length === 0 ? null : Math.min(...dueMs);
  }
}
