/**
 * Runs work one after the other, by turns between those who ask for it, and rests in between: so
 * that neither the program is busy with it, nor one who asks a lot keeps others waiting.
 */

/** Work takes at most a fifth of the time. */
const restFactor = 4;

export class Turns<Who> {
  /** Who has asked longest without a turn comes first. */
  readonly #waiting = new Map<Who, (() => Promise<void>)[]>();
  #isRunning = false;

  /** How much of somebody's work has not begun. */
  count(who: Who): number {
    return this.#waiting.get(who)?.length ?? 0;
  }

  /** Resolves or rejects as the work does. */
  run<T>(who: Who, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(who) ?? [];
      queue.push(() => work().then(resolve, reject));
      this.#waiting.set(who, queue);
      if (!this.#isRunning) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const [who, [work, ...rest]] = next;
      this.#waiting.delete(who);
      if (rest.length > 0) this.#waiting.set(who, rest);
      const startMs = performance.now();
      await work?.();
      const restMs = (performance.now() - startMs) * restFactor;
      await new Promise((resolve) => setTimeout(resolve, restMs).unref());
    }
    this.#isRunning = false;
  }
}
