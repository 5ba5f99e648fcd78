/**
 * How many calls are answered, of one sender and in all. Pure. A sender that was refused just now
 * is loud. All those share a few calls and refusals a second, so that somebody who floods by many
 * connections costs little, and everybody else gets in beside them: dbus-daemon takes 2 KiB from
 * each connection in turn, so that what is answered to a hundred of them would hold up what is
 * answered to others.
 */

/** A person's tool asks one thing after the other; a program that reads every ENI at once, some. */
const mostOfSender = 16;
const mostOfAll = 64;
/**
 * For those that have none. dbus-daemon gives each user 256 connections (max_connections_per_user).
 */
const mostSenders = 512;
const loudMs = 1_000;
const loudCallsPerSecond = 16;
const refusalsPerSecond = 128;

export class CallLimits {
  /** Let in, and not answered yet. */
  readonly #running = new Map<string, number>();
  #runningCount = 0;
  /** Let in, and not decoded yet. */
  readonly #arriving = new Map<string, number>();
  #arrivingCount = 0;
  /** Until when; the one that was refused last comes last. */
  readonly #loud = new Map<string, number>();
  readonly #loudCalls = new SecondBudget(loudCallsPerSecond);
  readonly #refusals = new SecondBudget(refusalsPerSecond);

  /** Whether one more call may be decoded. */
  letIn(sender: string, nowMs: number): boolean {
    const own = (this.#running.get(sender) ?? 0) + (this.#arriving.get(sender) ?? 0);
    const all = this.#runningCount + this.#arrivingCount;
    const isLoud = (this.#loud.get(sender) ?? 0) > nowMs;
    const isFull = own >= mostOfSender || all >= (own > 0 ? mostOfAll : mostSenders);
    if (isFull || (isLoud && !this.#loudCalls.take(nowMs))) {
      this.#markLoud(sender, nowMs);
      return false;
    }
    this.#arriving.set(sender, (this.#arriving.get(sender) ?? 0) + 1);
    this.#arrivingCount += 1;
    return true;
  }

  /**
   * Whether one more caller may be told that it was refused; others run into their own time limits.
   */
  mayRefuse(nowMs: number): boolean {
    return this.#refusals.take(nowMs);
  }

  /** All that has arrived was decoded, or could not be. */
  arrived(): void {
    this.#arriving.clear();
    this.#arrivingCount = 0;
  }

  /** A call is being answered; to be called back once it is. */
  begin(sender: string): () => void {
    this.#running.set(sender, (this.#running.get(sender) ?? 0) + 1);
    this.#runningCount += 1;
    return () => {
      const left = (this.#running.get(sender) ?? 0) - 1;
      if (left > 0) this.#running.set(sender, left);
      else this.#running.delete(sender);
      this.#runningCount -= 1;
    };
  }

  #markLoud(sender: string, nowMs: number): void {
    this.#loud.delete(sender);
    this.#loud.set(sender, nowMs + loudMs);
    const [oldest] = this.#loud.keys();
    if (this.#loud.size > mostSenders && oldest !== undefined) this.#loud.delete(oldest);
  }
}

class SecondBudget {
  readonly #most: number;
  #left = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  take(nowMs: number): boolean {
    if (nowMs >= this.#untilMs) {
      this.#untilMs = nowMs + 1_000;
      this.#left = this.#most;
    }
    this.#left -= 1;
    return this.#left >= 0;
  }
}
