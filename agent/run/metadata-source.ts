/** The metadata as the daemon knows it: read, polled, kept on disk; its loss is reported. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/types.ts';
import { asksForVpc, listTagKeys } from '../decide/desired/policy.ts';
import { readyEnis } from '../decide/inputs/accept-snapshot.ts';
import { mayBeAssigned } from '../decide/inputs/arrivals.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import { MetadataError } from '../errors.ts';
import type { EniMetadata, KernelState, Snapshot } from '../model.ts';
import { describeInForce, describeRecovery } from '../report/event-text.ts';
import type { Journal } from '../report/journal.ts';
import { messageId } from '../report/journal-line.ts';
import type { DaemonEvent } from '../report/metrics.ts';
import type { MetadataState } from '../report/status-row.ts';
import type { TroubleLog } from '../report/trouble-log.ts';
import { openMetadataReader, type SnapshotReader } from '../sense/metadata.ts';
import { MetadataPoller, type StoredMetadata } from '../watch/metadata-poller.ts';
import type { RuntimeStore } from '../watch/runtime-store.ts';
import { KeptValue } from './kept-value.ts';

/** At most six reads a minute, whatever arrives. */
const arrivalRestMs = 10_000;

export interface MetadataSourceOptions {
  readonly config: Config;
  readonly journal: Journal;
  readonly troubles: TroubleLog;
  readonly store: RuntimeStore;
  readonly kernel: () => KernelState;
  readonly observe: (event: DaemonEvent) => void;
  /** A read begins. */
  readonly onRead: () => void;
  /** What is known is another. */
  readonly onChanged: () => void;
}

export class MetadataSource {
  readonly #options: MetadataSourceOptions;
  readonly #poller: MetadataPoller;
  readonly #kept: KeptValue<StoredMetadata>;
  #config: Config;
  #reader: SnapshotReader;
  #silenceTimer: NodeJS.Timeout | null = null;
  #isSilent = false;
  /** Until then no packet has it read. */
  #restUntilMs = 0;

  constructor(options: MetadataSourceOptions) {
    const { config, journal, troubles, store, onChanged } = options;
    this.#options = options;
    this.#config = config;
    this.#reader = this.#openReader();
    this.#kept = new KeptValue({
      write: (stored) => store.writeMetadata(stored),
      onFailure: (error) => troubles.report(`failed to write the metadata to disk, will retry: ${error}`),
    });
    this.#poller = new MetadataPoller({
      read: () => this.#readSnapshot(),
      intervalMs: config.imds.intervalMs,
      stored: store.readMetadata(),
      keep: (stored) => this.#kept.keep(stored),
      onChanged,
      onTrouble: (message) => journal.warning(message, messageId('metadata')),
      onLost: (message, readAt) => {
        journal.warning(`${message}${describeInForce(this.snapshot !== null, readAt)}`, messageId('metadata'));
      },
      onRecovered: (outage) => {
        journal.info(describeRecovery({ ...outage, until: new Date() }), messageId('metadataBack'));
      },
      presentMacs: () => new Set(findCandidates(options.kernel(), this.#config.drivers).keys()),
    });
  }

  /** For a pass. */
  state() {
    return { ...this.#poller.metadata(), isSilent: this.#isSilent };
  }

  /** Null: nothing of it is known. */
  get snapshot(): Snapshot | null {
    return this.#poller.metadata().snapshot;
  }

  /** Why it could not be read lately; null: it could. */
  get failure(): string | null {
    return this.#poller.failure;
  }

  /** What waits for a second read, one line each. */
  get unconfirmed(): readonly string[] {
    return this.#poller.unconfirmed;
  }

  /** How the reading goes. */
  describe(): MetadataState {
    return { lastRead: this.readTime, failure: this.failure, intervalMs: this.#config.imds.intervalMs };
  }

  /** When it was last read, ISO 8601; null: nothing of it is known. */
  get readTime(): string | null {
    if (this.snapshot === null) return null;
    return this.#poller.readAt?.toISOString() ?? this.#options.store.readMetadataTime();
  }

  /** Finds listed ENIs, and detached ones whose link is still there. */
  find(mac: string): EniMetadata | undefined {
    const { snapshot, departed } = this.#poller.metadata();
    return [...readyEnis(snapshot), ...departed].find((one) => one.mac === mac);
  }

  /** Its link is gone: it is read again when it comes back. */
  forget(mac: string): void {
    this.#reader.forget(mac);
  }

  /** Links whose ENI is not listed yet: it is asked for more often. */
  await(macs: readonly string[]): void {
    this.#poller.await(macs.length === 0 ? null : macs.join());
  }

  /**
   * A packet came for an address that is not on the host. Nothing is done during a read, which may
   * be past that ENI already (the next packet asks again), nor while the service fails.
   */
  arrived(address: string): void {
    const isResting = performance.now() < this.#restUntilMs;
    if (isResting || this.#poller.isReading || this.failure !== null) return;
    if (!mayBeAssigned(address, this.snapshot)) return;
    this.#restUntilMs = performance.now() + arrivalRestMs;
    this.#options.journal.debug(`a packet came for ${address}, which no ENI has: reading the metadata`);
    void this.#poller.readNow();
  }

  /** What is under way goes by the former configuration, and does not count. */
  setConfig(config: Config): void {
    this.#config = config;
    this.#restUntilMs = 0;
    this.#poller.setInterval(config.imds.intervalMs);
    this.#reader = this.#openReader();
    this.#poller.abandonRead();
  }

  /**
   * Whether it was read within this time. A read that takes longer continues in the background.
   */
  async read(patienceMs: number): Promise<boolean> {
    const patience = new AbortController();
    const timeout = sleep(patienceMs, false, { signal: patience.signal }).catch(() => false);
    const isRead = await Promise.race([this.#poller.readNow(), timeout]);
    patience.abort();
    return isRead;
  }

  /** The first read, where nothing is known: that nobody answers is said after this time. */
  async readFirst(patienceMs: number): Promise<void> {
    this.#silenceTimer = setTimeout(() => this.#noteSilence(patienceMs), patienceMs);
    await this.read(patienceMs);
  }

  stop(): void {
    if (this.#silenceTimer !== null) clearTimeout(this.#silenceTimer);
    this.#poller.stop();
  }

  /** Resolves when what is to be kept is on the disk, or cannot be. */
  async close(): Promise<void> {
    await this.#kept.close();
  }

  /** Not for the first failure: during a boot it is that of a link without a lease. */
  #noteSilence(patienceMs: number): void {
    if (this.snapshot !== null) return;
    this.#isSilent = true;
    const message = `no answer from the metadata service within ${patienceMs / 1000} s: until it answers, only leased addresses work. Asking again`;
    this.#options.journal.warning(message, messageId('metadata'));
    this.#options.onChanged();
  }

  #openReader(): SnapshotReader {
    const { kernel, observe } = this.#options;
    return openMetadataReader({
      ...this.#config.imds,
      localAddresses: () => listLocalAddresses(kernel(), this.#config.drivers),
      onRequest: (outcome) => observe({ kind: 'metadata-request', outcome }),
      hasIpv6: () => kernel().lacksIpv6 !== true,
      tagKeys: listTagKeys(this.#config),
      readsVpc: asksForVpc(this.#config),
    });
  }

  async #readSnapshot(): Promise<Snapshot> {
    this.#options.onRead();
    const startMs = performance.now();
    const observeRead = (failure: string | null) =>
      this.#options.observe({ kind: 'metadata-read', failure, durationMs: performance.now() - startMs });
    try {
      const snapshot = await this.#reader.readSnapshot();
      observeRead(null);
      return snapshot;
    } catch (error) {
      observeRead(error instanceof MetadataError ? error.code : 'other');
      throw error;
    }
  }
}
