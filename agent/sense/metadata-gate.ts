/** Lets a bounded number of tasks run at once, and none any more once the signal says so. */

export class Gate {
  readonly #waiting: (() => void)[] = [];
  readonly #signal: AbortSignal;
  #free: number;

  constructor(size: number, signal: AbortSignal) {
    this.#free = size;
    this.#signal = signal;
  }

  /** Throws the signal's reason where the task's turn comes after it. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      this.#signal.throwIfAborted();
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
