/**
 * What systemd-networkd reports about the links of interest, in memory: read again on its signals,
 * polled only while an answer is outstanding. Invariant: if an answer does not come, the last one
 * stays.
 */

import type { NetworkdState } from '../model.ts';
import { type NetworkdWatcher, startMs } from './networkd.ts';

export interface NetworkdViewOptions {
  readonly watcher: NetworkdWatcher;
  /** Indexes of the links to ask about: the ENI candidates. */
  readonly linkIndexes: () => readonly number[];
  /** What is known changed. */
  readonly onChanged: (state: NetworkdState) => void;
  /** networkd left the bus or joined it: it reads all its files again. */
  readonly onRestart: () => void;
  /** One line; the same trouble is reported once. */
  readonly onTrouble: (message: string) => void;
}

/** networkd announces the properties of one step one by one: they cause one read. */
const debounceMs = 10;
/** While a link is not configured yet or networkd does not answer. */
const retryDelaysMs = [50, 100, 200, 500, 1_000];

export class NetworkdView {
  readonly #options: NetworkdViewOptions;
  #state: NetworkdState = { kind: 'unknown', version: null, links: [] };
  #reading: Promise<void> | null = null;
  #isStale = false;
  #timer: NodeJS.Timeout | null = null;
  #tries = 0;
  #trouble: string | null = null;
  #isStopped = false;
  #stopListening: () => void = () => undefined;

  constructor(options: NetworkdViewOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.watcher.onEvent((event) => {
      if (event.kind === 'link-changed' && !this.#options.linkIndexes().includes(event.linkIndex)) return;
      // The files must be up to date before the next networkd reads them: no delay, no question to
      // the bus.
      const { version, links } = this.#state;
      if (event.kind === 'vanished') this.#set({ kind: 'absent', version, links, isStarting: true });
      if (event.kind === 'vanished' || event.kind === 'appeared') this.#options.onRestart();
      this.#tries = 0;
      this.#schedule(event.kind === 'vanished' ? 0 : debounceMs);
    });
    this.#options.watcher.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.watcher.stop();
  }

  state(): NetworkdState {
    return this.#state;
  }

  /** Links appeared or disappeared. */
  linksChanged(): void {
    this.#tries = 0;
    this.#schedule(0);
  }

  /** Reads everything now; resolves when the state is not older than the call. Never rejects. */
  async refresh(): Promise<void> {
    this.#options.watcher.forget();
    await this.#update();
  }

  /** Reads what networkd has announced as changed. */
  async #update(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isStale = true;
    this.#reading ??= this.#readUntilFresh().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#update(), delayMs);
  }

  async #readUntilFresh(): Promise<void> {
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    const wanted = this.#options.linkIndexes();
    let isComplete = true;
    try {
      const state = await this.#options.watcher.readState(wanted);
      this.#trouble = null;
      const isKnown = (linkIndex: number) =>
        state.links.some((link) => link.linkIndex === linkIndex && !/^(pending|initialized)$/.test(link.setupState));
      isComplete = state.kind === 'absent' || wanted.every(isKnown);
      this.#set(state);
      // Whether it runs and has only lost the bus.
      if (state.kind === 'absent' && this.#options.watcher.isAbsenceFresh) this.#schedule(startMs + debounceMs);
    } catch (error) {
      // When the bus closes, questions in progress fail: that is no problem.
      if (this.#isStopped) return;
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#trouble) this.#options.onTrouble(message);
      this.#trouble = message;
      isComplete = false;
    }
    if (isComplete) return;
    this.#schedule(retryDelaysMs[Math.min(this.#tries, retryDelaysMs.length - 1)] ?? 1_000);
    this.#tries++;
  }

  #set(state: NetworkdState): void {
    if (this.#isStopped || JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#options.onChanged(state);
  }
}
