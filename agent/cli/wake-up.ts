/**
 * What wakes a loop. A wake that comes while the loop is at work is not lost: the next wait ends at
 * once.
 */

export class WakeUp {
  #isDue = false;
  #resume: () => void = () => undefined;

  wake(): void {
    this.#isDue = true;
    this.#resume();
  }

  /**
   * The loop begins its work: what woke it until now is served by it, what comes from here on is
   * not.
   */
  begin(): void {
    this.#isDue = false;
  }

  /** Resolves at the next wake since `begin`, or when the time is over. */
  async wait(longestMs: number): Promise<void> {
    if (this.#isDue) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longestMs);
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
