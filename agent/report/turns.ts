/**
 * Runs jobs one after the other, by turns between the users who ask, and rests in between, so that
 * neither the program is kept busy, nor a user who asks often keeps others waiting.
 */

/** Jobs take at most a fifth of the time. */
const restFactor = 4;

export class Turns<Who> {
  /** The user who has waited longest without a turn comes first. */
  readonly #waiting = new Map<Who, (() => Promise<void>)[]>();
  #isRunning = false;

  /** How many of a user's jobs have not begun. */
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
