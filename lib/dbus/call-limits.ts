/**
 * How many calls are answered, per sender and in total. Pure. A sender that was refused recently is
 * loud. All loud senders share a few calls and refusals per second, so that a flood from many
 * connections costs little and other senders still get answers: dbus-daemon takes 2 KiB from each
 * connection in turn, so answers to a hundred flooding connections would delay all others.
 */

/**
 * A command sends one call after the other; a program that reads every ENI at once sends some in
 * parallel.
 */
const mostOfSender = 16;
const mostOfAll = 64;
/**
 * For senders without calls in progress. dbus-daemon gives each user 256 connections
 * (max_connections_per_user).
 */
const mostSenders = 512;
const loudMs = 1_000;
const loudCallsPerSecond = 16;
const refusalsPerSecond = 128;

export class CallLimits {
  /** Accepted, and not answered yet. */
  readonly #running = new Map<string, number>();
  #runningCount = 0;
  /** Accepted, and not decoded yet. */
  readonly #arriving = new Map<string, number>();
  #arrivingCount = 0;
  /** When each sender stops being loud; the latest refusal is last. */
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

  /** Whether one more caller may get a refusal; others run into their own time limits. */
  mayRefuse(nowMs: number): boolean {
    return this.#refusals.take(nowMs);
  }

  /** Everything received so far was decoded, or could not be. */
  arrived(): void {
    this.#arriving.clear();
    this.#arrivingCount = 0;
  }

  /** A call is being answered; call the result once it is done. */
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
