/**
 * What marking replies depends on: whether the host forwards and tracks connections, and the table
 * `inet enid` as it is. The table is read again whenever some program has changed nf_tables, such
 * as by `flush ruleset`. Where no connection is tracked, nothing is asked of nf_tables, so that its
 * modules are not loaded for nothing: the table cannot be there.
 */

import { isDeepStrictEqual } from 'node:util';
import { NftablesClient } from '../../lib/nftables/client.ts';
import { NftablesGenerations } from '../../lib/nftables/generations.ts';
import { type Family, type ReplyFacts, replyNames } from '../model.ts';
import { readText } from './host-facts.ts';

const paths = {
  4: '/proc/sys/net/ipv4/ip_forward',
  6: '/proc/sys/net/ipv6/conf/all/forwarding',
  /** Only there while the module of connection tracking is loaded. */
  tracked: '/proc/sys/net/netfilter/nf_conntrack_count',
} as const;

/** Reads take at most a fifth of the time, however often others change their tables. */
const restFactor = 4;
const retryMs = 10_000;
const names = { chains: [replyNames.chain], maps: Object.values(replyNames.maps) };

export interface ReplyTableMirrorOptions {
  /** What `state` returns is another one. */
  readonly onChanged: () => void;
  readonly onTrouble: (message: string) => void;
}

export class ReplyTableMirror {
  readonly #options: ReplyTableMirrorOptions;
  readonly #client = new NftablesClient(replyNames.table);
  #generations: NftablesGenerations | null = null;
  #facts: ReplyFacts = { isForwarding: { 4: false, 6: false }, isTracking: false, table: undefined };
  #reading: Promise<void> | null = null;
  #isDue = false;
  /** Whether some program may have changed it since it was read. */
  #isTableDue = true;
  #timer: NodeJS.Timeout | null = null;
  #timerMs = 0;
  #restUntilMs = 0;
  #isClosed = false;

  constructor(options: ReplyTableMirrorOptions) {
    this.#options = options;
  }

  /** The same object until something changed. */
  state(): ReplyFacts {
    return this.#facts;
  }

  /** For changes of the table: shares the socket for requests. */
  get client(): NftablesClient {
    return this.#client;
  }

  /**
   * Reads all of it again; resolves when a read that began after the call is done. Never rejects.
   */
  async refresh(): Promise<void> {
    this.#isTableDue = true;
    while (this.#reading !== null) await this.#reading;
    await this.#read();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
    this.#generations?.close();
    this.#client.close();
  }

  /** The table may be another one. */
  tableChanged(): void {
    this.#isTableDue = true;
    this.readSoon();
  }

  /** Within this time; once for many calls, and not more often than reads may be. */
  readSoon(delayMs = 0): void {
    this.#isDue = true;
    if (this.#reading !== null || this.#isClosed) return;
    const dueMs = Math.max(performance.now() + delayMs, this.#restUntilMs);
    if (this.#timer !== null && this.#timerMs <= dueMs) return;
    this.#stopTimer();
    this.#timerMs = dueMs;
    const restMs = dueMs - performance.now();
    if (restMs <= 0) void this.#read();
    else this.#timer = setTimeout(() => void this.#read(), restMs).unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #read(): Promise<void> {
    this.#stopTimer();
    this.#isDue = false;
    this.#reading = this.#readOnce().finally(() => {
      this.#reading = null;
      if (this.#isDue) this.readSoon();
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    if (this.#isClosed) return;
    const startMs = performance.now();
    const facts = readFacts(this.#facts);
    if (!facts.isLoaded) this.#isTableDue = true;
    const table = facts.isLoaded ? await this.#readTable() : null;
    this.#restUntilMs = performance.now() + restFactor * (performance.now() - startMs);
    const next = { isForwarding: facts.isForwarding, isTracking: facts.isTracking, table };
    if (this.#isClosed || isDeepStrictEqual(next, this.#facts)) return;
    this.#facts = next;
    this.#options.onChanged();
  }

  /** What was read before, where it fails: unknown is never treated as empty. */
  async #readTable(): Promise<ReplyFacts['table']> {
    if (!this.#isTableDue) return this.#facts.table;
    this.#isTableDue = false;
    try {
      // Listens first, so that no change is missed between.
      this.#generations ??= new NftablesGenerations(() => this.tableChanged());
      return await this.#client.read(names);
    } catch (error) {
      this.#isTableDue = true;
      if (!this.#isClosed) {
        this.#options.onTrouble(`failed to read table inet ${replyNames.table}, will retry: ${error}`);
        setTimeout(() => this.readSoon(), retryMs).unref();
      }
      return this.#facts.table;
    }
  }
}

/** One look, for a command; the table is not known to who may not ask for it. */
export async function readReplyFacts(): Promise<ReplyFacts> {
  const { isLoaded, ...facts } = readFacts(null);
  if (!isLoaded) return { ...facts, table: null };
  const client = new NftablesClient(replyNames.table);
  try {
    return { ...facts, table: await client.read(names) };
  } catch {
    return { ...facts, table: undefined };
  } finally {
    client.close();
  }
}

/** As it is now, in this network namespace. */
export function isForwarding(family: Family): boolean {
  return !['0', ''].includes(readText(paths[family])?.trim() ?? '');
}

/**
 * Connections are tracked from the first one on: a host without any for a while still tracks them.
 */
function readFacts(before: ReplyFacts | null) {
  const count = readText(paths.tracked);
  return {
    isForwarding: { 4: isForwarding(4), 6: isForwarding(6) },
    isTracking: count !== null && (Number(count) > 0 || before?.isTracking === true),
    isLoaded: count !== null,
  };
}
