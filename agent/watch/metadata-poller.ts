/**
 * Keeps the accepted snapshot of the metadata up to date: polls, retries quickly while something is
 * awaited, backs off while the service fails. Invariant: a failed read changes nothing.
 */

import { computeBackoffMs } from '../../lib/imds/backoff.ts';
import { type AcceptState, acceptSnapshot, readyEnis } from '../decide/inputs/accept-snapshot.ts';
import type { EniMetadata, Snapshot } from '../model.ts';

/** What survives a restart: written to the runtime directory whenever it changes. */
export interface StoredMetadata {
  readonly snapshot: Snapshot;
  /** ENIs that the metadata no longer lists while their link is still there. */
  readonly departed: readonly EniMetadata[];
}

export interface PollerOptions {
  /** Takes one whole snapshot or throws. */
  readonly read: () => Promise<Snapshot>;
  readonly intervalMs: number;
  readonly stored: StoredMetadata | null;
  /**
   * Writes what is accepted to disk before anything follows from it. Never rejects: a full disk is
   * no reason to wait.
   */
  readonly keep: (metadata: StoredMetadata) => Promise<void>;
  /** The accepted snapshot changed, or was confirmed for the first time since the start. */
  readonly onChanged: () => void;
  /** Once for each new problem of what the service says. */
  readonly onTrouble: (message: string) => void;
  /** The service starts to fail. `readAt`: when it was last read; null: not in this run. */
  readonly onLost: (message: string, readAt: Date | null) => void;
  readonly onRecovered: (outage: { readonly since: Date; readonly failures: number }) => void;
  /** MACs of the links that are there: a departed ENI is forgotten with its link. */
  readonly presentMacs: () => ReadonlySet<string>;
  readonly random?: () => number;
}

const noneDeparted: readonly EniMetadata[] = [];
/**
 * Delays of the quick retries while a link waits for its metadata: propagation takes up to 30 s
 * (EC2 users' reports).
 */
const quickDelaysMs = [0, 100, 200, 300, 500, 1_000];
const quickForMs = 30_000;
/**
 * While no metadata is known, only leased addresses work: the service is asked this often, even
 * after a long outage.
 */
const longestUnknownMs = 5_000;

export class MetadataPoller {
  readonly #options: PollerOptions;
  #intervalMs: number;
  #stored: StoredMetadata | null;
  #accepted: AcceptState;
  /** The last read, if it changed nothing: an equal one changes nothing either, and is skipped. */
  #settled: Snapshot | null = null;
  #timer: NodeJS.Timeout | null = null;
  #reading: Promise<boolean> | null = null;
  /** Replaced when a read is abandoned. */
  #turn = 0;
  #failures = 0;
  /** When the first of them was noticed. */
  #failingSince = new Date(0);
  #readAt: Date | null = null;
  #failure: string | null = null;
  #problems = new Set<string>();
  #awaited: { sinceMs: number; tries: number } | null = null;
  /**
   * A read of this run was accepted; until then the stored snapshot is only what was known once.
   */
  #isConfirmed = false;
  #isStopped = false;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs;
    this.#stored = options.stored;
    this.#accepted = { accepted: options.stored?.snapshot ?? null, missing: {} };
  }

  /** `isConfirmed`: the service has confirmed it in this run. */
  metadata(): { snapshot: Snapshot | null; departed: readonly EniMetadata[]; isConfirmed: boolean } {
    const { snapshot = null, departed = noneDeparted } = this.#stored ?? {};
    return { snapshot, departed, isConfirmed: this.#isConfirmed };
  }

  /** Why the last read failed; null: it succeeded. */
  get failure(): string | null {
    return this.#failure;
  }

  get isReading(): boolean {
    return this.#reading !== null;
  }

  /** When the service last answered; null: not in this run. */
  get readAt(): Date | null {
    return this.#readAt;
  }

  /** What the last read lacked and a second one must confirm. */
  get unconfirmed(): readonly string[] {
    return Object.keys(this.#accepted.missing);
  }

  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs;
  }

  /**
   * A link has no metadata yet: read soon, and repeatedly for as long as propagation takes. Null:
   * nothing is awaited. Call it after every pass; another text restarts the quick retries.
   */
  await(awaited: string | null): void {
    if (awaited === null) this.#awaited = null;
    else if (this.#awaited === null || this.#awaitedText !== awaited) {
      this.#awaited = { sinceMs: performance.now(), tries: 0 };
      this.#schedule();
    }
    this.#awaitedText = awaited;
  }
  #awaitedText: string | null = null;

  /** Reads now; true if a snapshot was taken. Joins a read in progress. */
  readNow(): Promise<boolean> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#reading !== null) return this.#reading;
    const turn = this.#turn;
    this.#reading = this.#read(turn).finally(() => {
      if (turn !== this.#turn) return;
      this.#reading = null;
      this.#schedule();
    });
    return this.#reading;
  }

  /** Ignores the answer to a read in progress: it was requested under another configuration. */
  abandonRead(): void {
    this.#turn++;
    this.#reading = null;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #read(turn: number): Promise<boolean> {
    let candidate: Snapshot;
    try {
      candidate = await this.#options.read();
    } catch (error) {
      if (turn !== this.#turn) return false;
      this.#failures++;
      this.#failure = error instanceof Error ? error.message : String(error);
      if (this.#failures === 1) {
        this.#failingSince = new Date();
        this.#options.onLost(this.#failure, this.#readAt);
      }
      return false;
    }
    if (turn !== this.#turn) return false;
    if (this.#failures > 0) this.#options.onRecovered({ since: this.#failingSince, failures: this.#failures });
    this.#failures = 0;
    this.#readAt = new Date();
    this.#failure = null;
    await this.#accept(candidate);
    return true;
  }

  async #accept(candidate: Snapshot): Promise<void> {
    if (candidate === this.#settled) return;
    const wasConfirmed = this.unconfirmed.length === 0;
    const result = acceptSnapshot(this.#accepted, candidate);
    this.#accepted = result.state;
    for (const problem of result.problems) if (!this.#problems.has(problem)) this.#options.onTrouble(problem);
    this.#problems = new Set(result.problems);
    const stored = { snapshot: result.accepted, departed: this.#computeDeparted(result.accepted) };
    const isChanged = JSON.stringify(stored) !== JSON.stringify(this.#stored);
    // A departed ENI is forgotten with its link, whatever the service says.
    const isSettled = !isChanged && wasConfirmed && this.unconfirmed.length === 0 && stored.departed.length === 0;
    this.#settled = isSettled ? candidate : null;
    if (!isChanged && this.#isConfirmed) return;
    if (isChanged) await this.#options.keep(stored);
    this.#stored = stored;
    this.#isConfirmed = true;
    this.#options.onChanged();
  }

  #computeDeparted(next: Snapshot): EniMetadata[] {
    const listed = new Set(next.enis.map((reading) => (reading.kind === 'ready' ? reading.eni.mac : reading.mac)));
    const present = this.#options.presentMacs();
    const before = readyEnis(this.#stored?.snapshot ?? null);
    return [...(this.#stored?.departed ?? []), ...before].filter(({ mac }) => !listed.has(mac) && present.has(mac));
  }

  #schedule(): void {
    if (this.#isStopped || this.#reading !== null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.readNow(), this.#computeDelayMs());
  }

  #computeDelayMs(): number {
    const random = this.#options.random ?? Math.random;
    const jittered = (ms: number) => ms * (0.85 + 0.1 * random());
    const regularMs = jittered(this.#intervalMs);
    if (this.#failures > 0) {
      const longestMs = this.#stored === null ? longestUnknownMs : Math.max(regularMs, 1_000);
      return Math.min(computeBackoffMs(this.#failures, random()), longestMs);
    }
    if (Object.keys(this.#accepted.missing).length > 0) return this.#intervalMs * 0.05;
    if (this.#awaited !== null && performance.now() - this.#awaited.sinceMs < quickForMs) {
      const tries = this.#awaited.tries++;
      return quickDelaysMs[Math.min(tries, quickDelaysMs.length - 1)] ?? regularMs;
    }
    return regularMs;
  }
}
