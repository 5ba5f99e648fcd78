/**
 * Reads one snapshot of the metadata: list first, then what is listed. Not listed = absent; listed
 * but 404 = not propagated; anything else = unknown, and no snapshot is taken (DESIGN, decision 2).
 *
 * Requests of a read, once everything is known: `macs/`, then for each ENI its list (a first IPv6
 * address or prefix is a new key there) and each of `local-ipv4s`, `ipv6s`, `ipv4-prefix`,
 * `ipv6-prefix` that is listed, and one request that checks a settled value. So 2 + 2·ENIs with
 * IPv4 only (15 ENIs: 32, however many addresses), 2 + 3·ENIs with both families (47), one more for
 * each ENI and family with prefixes. That is the fewest that notice every change of an address or
 * prefix within one read: IMDS has no recursive read and no change marker. A first read takes up to
 * 11 for each ENI. Public addresses, by which nothing is decided, are looked at in turn, too: of
 * one ENI in one read. `macs/` is not read again at the end: an ENI that goes meanwhile answers 404
 * and is pending, one that comes is seen next time, and what is missing is only believed after a
 * second read.
 */

import pLimit from 'p-limit';
import { type ImdsAnswer, ImdsClient, ImdsError, type ImdsOutcome } from '../../lib/imds/client.ts';
import { MetadataError } from '../errors.ts';
import type { EniReading, Snapshot } from '../model.ts';
import { version } from '../version.ts';
import { type EniContext, type EniLeaves, parseEni, withholdUnplaced } from './metadata-eni.ts';
import {
  type Check,
  isSettled,
  macsPath,
  parseList,
  prefixLeaves,
  type ReadPath,
  readEniLeaves,
  staticLeaves,
} from './metadata-leaves.ts';

const primaryPath = 'meta-data/mac';
const instanceIdPath = 'meta-data/instance-id';
const tagsPath = 'meta-data/tags/instance/';
/** A token may expire once during a read; twice in a row is a fault of the service. */
const attempts = 2;
/** A prefix key that is listed without a value in this many reads in a row means no prefix. */
const readsUntilEmpty = 3;
const rarelyChecked = staticLeaves.filter((name) => name !== 'device-number');
/**
 * Concurrent requests of one read: far below the 1024 packets/s that an ENI may send to the
 * service.
 */
const concurrency = 8;

export interface MetadataSource {
  /** Reads a path below `latest/`; may stop early, with any error, once the signal is aborted. */
  get(path: string, signal?: AbortSignal): Promise<ImdsAnswer>;
}

export interface MetadataReader {
  /** Takes one whole snapshot. Throws a MetadataError: the state is unknown. One read at a time. */
  readSnapshot(): Promise<Snapshot>;
}

export interface MetadataReaderOptions {
  /** Base URLs. */
  readonly endpoints: readonly string[];
  /** For each request. */
  readonly timeoutMs: number;
  /**
   * Addresses of the ENIs' links, to send from if the default route does not lead to the service.
   */
  readonly localAddresses?: () => readonly string[];
  /** Whether the kernel has IPv6. */
  readonly hasIpv6?: () => boolean;
  /** Called with the outcome of each request. */
  readonly onRequest?: (outcome: ImdsOutcome) => void;
  /** Tags of the instance to read; if there are none, nothing is requested. */
  readonly tagKeys?: readonly string[];
  /** Whether the blocks of each ENI's VPC are to be read: one request more for each family. */
  readonly readsVpc?: boolean;
}

/** Opens a reader of the instance's metadata service. Nothing is sent before the first read. */
export function openMetadataReader(options: MetadataReaderOptions): SnapshotReader {
  const { localAddresses, onRequest, tagKeys = [], readsVpc = false, ...rest } = options;
  const userAgent = `enid/${version}`;
  const bound = localAddresses === undefined ? {} : { localAddresses };
  const told = onRequest === undefined ? {} : { onRequest };
  return new SnapshotReader(new ImdsClient({ ...rest, userAgent, ...bound, ...told }), { tagKeys, readsVpc });
}

export class SnapshotReader implements MetadataReader {
  readonly #source: MetadataSource;
  readonly #tagKeys: readonly string[];
  readonly #readsVpc: boolean;
  /** MAC → leaves of the ENIs that were read whole. */
  readonly #known = new Map<string, EniLeaves>();
  /** `mac name` of a leaf without a value → reads in a row. */
  #empty: ReadonlyMap<string, number> = new Map();
  /**
   * MAC → leaves and context, and the reading made of them: in nearly every read nothing has
   * changed.
   */
  readonly #parsed = new Map<string, { leaves: EniLeaves; context: string; reading: EniReading }>();
  #last: Snapshot | null = null;
  #primaryMac: string | null = null;
  #instanceId: string | null = null;
  #turn = 0;

  constructor(
    source: MetadataSource,
    { tagKeys = [], readsVpc = false }: Pick<MetadataReaderOptions, 'tagKeys' | 'readsVpc'> = {},
  ) {
    this.#source = source;
    this.#tagKeys = tagKeys;
    this.#readsVpc = readsVpc;
  }

  /** Reads the ENI completely next time: its link was added or removed. */
  forget(mac: string): void {
    this.#known.delete(mac);
  }

  /** The same object as before if nothing changed. */
  async readSnapshot(): Promise<Snapshot> {
    for (let attempt = 1; ; attempt++) {
      const abort = new AbortController();
      try {
        return await this.#read(abort.signal);
      } catch (error) {
        // The rest of this read is useless: abort requests in progress and those that wait.
        abort.abort();
        const isExpired = error instanceof ImdsError && error.code === 'token-expired';
        if (isExpired && attempt < attempts) continue;
        if (error instanceof MetadataError) throw error;
        const code = error instanceof ImdsError ? error.code : 'failed';
        const message = `failed to read the metadata: ${error instanceof Error ? error.message : error}; nothing is changed`;
        throw new MetadataError(code, macsPath, message, { cause: error });
      }
    }
  }

  async #read(signal: AbortSignal): Promise<Snapshot> {
    const limit = pLimit(concurrency);
    const read: ReadPath = (path) =>
      limit(() => {
        // Requests that still wait when the read is abandoned are not sent.
        signal.throwIfAborted();
        return this.#source.get(path, signal);
      });
    const listed = parseList(await requireValue(macsPath, read));
    const macs = [...new Set(listed.map((name) => parseMac(macsPath, name.replace(/\/$/, ''))))].sort();
    for (const memory of [this.#known, this.#parsed])
      for (const mac of memory.keys()) if (!macs.includes(mac)) memory.delete(mac);
    const checked = this.#takeTurn(macs);
    const primaryMac = await this.#readPrimary(macs, read, checked.mac === null);
    const instanceId = await this.#readInstanceId(read);
    const leaves = await Promise.all(
      macs.map((mac) =>
        readEniLeaves(mac, read, {
          known: this.#known.get(mac) ?? null,
          check: checked.mac === mac ? checked.check : null,
          readsVpc: this.#readsVpc,
        }),
      ),
    );
    // If some lists have a card number, one without it is late, not absent.
    const hasCards = leaves.some((one) => one.listed?.has('network-card'));
    this.#countEmpty(leaves);
    const parsed = leaves.map((one): EniReading => {
      const hadIpv4 = (this.#known.get(one.mac)?.values.get('local-ipv4s') ?? '') !== '';
      const settledEmpty = new Set(
        prefixLeaves.filter((name) => (this.#empty.get(`${one.mac} ${name}`) ?? 0) >= readsUntilEmpty),
      );
      const isPrimary = one.mac === primaryMac;
      return this.#parse(one, { isPrimary, hasCards, hadIpv4, settledEmpty, readsVpc: this.#readsVpc });
    });
    const enis = withholdUnplaced(parsed);
    for (const [index, one] of leaves.entries()) {
      if (enis[index]?.kind === 'ready' && isSettled(one)) this.#known.set(one.mac, one);
    }
    const snapshot = { primaryMac, enis, instanceId, ...(await readTags(this.#tagKeys, read)) };
    this.#last = this.#last !== null && isSameSnapshot(this.#last, snapshot) ? this.#last : snapshot;
    return this.#last;
  }

  #parse(leaves: EniLeaves, context: EniContext): EniReading {
    const { isPrimary, hasCards, hadIpv4, settledEmpty = [] } = context;
    const text = [isPrimary, hasCards, hadIpv4, ...settledEmpty].join(' ');
    const before = this.#parsed.get(leaves.mac);
    if (before?.leaves === leaves && before.context === text) return before.reading;
    const reading = parseEni(leaves, context);
    this.#parsed.set(leaves.mac, { leaves, context: text, reading });
    return reading;
  }

  #countEmpty(leaves: readonly EniLeaves[]): void {
    this.#empty = new Map(
      leaves.flatMap(({ mac, values }) =>
        prefixLeaves
          .filter((name) => values.get(name) === '')
          .map((name): [string, number] => [`${mac} ${name}`, (this.#empty.get(`${mac} ${name}`) ?? 0) + 1]),
      ),
    );
  }

  /**
   * Which of the values that are not read each time is read this time; null for the ENI: the
   * primary MAC.
   */
  #takeTurn(macs: readonly string[]): { readonly mac: string | null; readonly check: Check } {
    const settled = macs.filter((mac) => this.#known.has(mac));
    const translated = settled.filter((mac) => Object.keys(this.#known.get(mac)?.publicIpv4 ?? {}).length > 0);
    const turns = [
      { mac: null, check: null },
      ...settled.map((mac) => ({ mac, check: 'device-number' as const })),
      ...translated.map((mac) => ({ mac, check: 'public' as const })),
    ];
    // At the end of each round also one static leaf, so that a wrong answer does not last.
    const others = settled.flatMap((mac) => rarelyChecked.map((check) => ({ mac, check })));
    const turn = this.#turn++;
    const round = Math.floor(turn / (turns.length + 1));
    const last = others[round % Math.max(1, others.length)];
    return turns[turn % (turns.length + 1)] ?? last ?? { mac: null, check: null };
  }

  /** The primary ENI of an instance never changes. Throws if it is not listed. */
  async #readPrimary(macs: readonly string[], read: ReadPath, isChecked: boolean): Promise<string> {
    const known = this.#primaryMac;
    if (known !== null && !isChecked && macs.includes(known)) return known;
    const primaryMac = parseMac(primaryPath, (await requireValue(primaryPath, read)).trim());
    if (!macs.includes(primaryMac)) {
      const got = macs.join(' ') || 'an empty list';
      const message = `expected the instance's own MAC ${primaryMac} in ${macsPath}, got ${got}; nothing is changed`;
      throw new MetadataError('inconsistent', macsPath, message);
    }
    this.#primaryMac = primaryMac;
    return primaryMac;
  }

  /** Read until it is known; null if there is no service or no id. */
  async #readInstanceId(read: ReadPath): Promise<string | null> {
    if (this.#instanceId !== null) return this.#instanceId;
    const answer = await read(instanceIdPath);
    const text = answer.kind === 'value' ? answer.text.trim() : '';
    this.#instanceId = /^i-[0-9A-Za-z]{1,40}$/.test(text) ? text : null;
    return this.#instanceId;
  }
}

/**
 * One request, and one for each requested tag that is listed. The list is 404 if the instance does
 * not expose its tags. A listed tag that is 404 has not propagated: only that one is unknown.
 */
async function readTags(keys: readonly string[], read: ReadPath): Promise<Pick<Snapshot, 'tags' | 'unreadTags'>> {
  if (keys.length === 0) return {};
  const list = await read(tagsPath);
  if (list.kind === 'absent') return { tags: null };
  const listed = new Set(parseList(list.text));
  const asked = keys.filter((key) => listed.has(key));
  const answers = await Promise.all(asked.map((key) => read(tagsPath + key)));
  const values = new Map(asked.map((key, index) => [key, answers[index]]));
  const unreadTags = keys.filter((key) => values.get(key)?.kind === 'absent');
  const tags = keys.flatMap((key): [string, string | null][] => {
    const answer = values.get(key);
    if (answer?.kind === 'absent') return [];
    return [[key, answer === undefined ? null : answer.text]];
  });
  return { tags: Object.fromEntries(tags), ...(unreadTags.length === 0 ? {} : { unreadTags }) };
}

/** The same readings, and the same tags. */
function isSameSnapshot(left: Snapshot, right: Snapshot): boolean {
  const { enis: leftEnis, ...leftRest } = left;
  const { enis: rightEnis, ...rightRest } = right;
  const isSameList = leftEnis.length === rightEnis.length && leftEnis.every((one, index) => one === rightEnis[index]);
  return isSameList && JSON.stringify(leftRest) === JSON.stringify(rightRest);
}

async function requireValue(path: string, read: ReadPath): Promise<string> {
  const answer = await read(path);
  if (answer.kind === 'value') return answer.text;
  throw new MetadataError('absent', path, `expected a value at ${path}, got 404; nothing is changed`);
}

function parseMac(path: string, text: string): string {
  const mac = text.toLowerCase();
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) return mac;
  const shown = JSON.stringify(text.slice(0, 60));
  const message = `${path}: expected a MAC address, got ${shown}; nothing is changed`;
  throw new MetadataError('unparsable', path, message);
}
