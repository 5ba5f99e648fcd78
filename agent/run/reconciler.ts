/**
 * The reconciler: wake → pass → schedule, and nothing else. Invariants: one pass at a time; any
 * number of wake-ups during a pass causes one more pass; an exception in a reporter neither fails a
 * pass nor loses its timer.
 */

import type { Config } from '../config/types.ts';
import type { Acts, Listener, Senses } from './boundary.ts';
import { Passes } from './passes.ts';
import { reportSafely } from './report-safely.ts';

export type { Acts, Listener, PassResult, Senses } from './boundary.ts';

/** After a pass that failed as a whole. */
const failedPassMs = 1_000;

export class Reconciler {
  readonly #passes: Passes;
  readonly #listener: Listener;
  #phase: 'waiting' | 'started' | 'stopped' = 'waiting';
  #isDirty = false;
  #isFailing = false;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(config: Config, senses: Senses, acts: Acts, listener: Listener) {
    this.#listener = listener;
    this.#passes = new Passes(config, { senses, acts, listener, wake: () => this.wake() });
  }

  /** Takes effect with the next pass. */
  setConfig(config: Config): void {
    this.#passes.setConfig(config);
  }

  /** The senses are open: earlier wake-ups are now served. */
  start(): void {
    this.#phase = 'started';
    this.wake();
  }

  /** Requests a pass, soon. Cheap enough for any event. */
  wake(): void {
    this.#isDirty = true;
    if (this.#phase !== 'started' || this.#running !== null) return;
    this.#running = this.#drain().finally(() => {
      this.#running = null;
      if (this.#isDirty) this.wake();
    });
  }

  /** Resolves when no pass is in progress or due at once, and networkd has answered. */
  async idle(): Promise<void> {
    while (this.#running !== null || this.#passes.answer !== null) await (this.#running ?? this.#passes.answer);
  }

  /**
   * Resolves when no pass is in progress or due at once: the reconciler is not stuck, whatever
   * networkd does.
   */
  async passed(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** The last pass failed as a whole: nothing is repaired meanwhile. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** networkd came back and has read every file again: what it was sent before no longer counts. */
  forgetOffers(): void {
    this.#passes.forgetOffers();
  }

  /**
   * No new pass begins; the one in progress ends. networkd completes by itself what it was asked to
   * do.
   */
  async stop(): Promise<void> {
    this.#phase = 'stopped';
    this.#wakeAt(null);
    await this.passed();
    await this.#passes.close();
  }

  async #drain(): Promise<void> {
    // Leaves the call stack of the event, so that a burst of events is one pass.
    await new Promise(setImmediate);
    while (this.#isDirty && this.#phase === 'started') {
      const restMs = this.#passes.restMs(performance.now());
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      this.#isDirty = false;
      try {
        const { result, nextMs } = await this.#passes.run();
        this.#isFailing = false;
        this.#wakeAt(nextMs);
        reportSafely(this.#listener, (listener) => listener.passed(result));
      } catch (error) {
        this.#isFailing = true;
        this.#wakeAt(performance.now() + failedPassMs);
        reportSafely(this.#listener, (listener) => listener.failed(error));
      }
    }
  }

  /** One timer; null: none, and the process sleeps until it is woken. */
  #wakeAt(timeMs: number | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const isOver = timeMs === null || this.#phase === 'stopped';
    this.#timer = isOver ? null : setTimeout(() => this.wake(), Math.max(1, timeMs - performance.now()));
  }
}
