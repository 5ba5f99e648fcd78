/**
 * Reads one snapshot of the metadata: list first, then what is listed. Not listed = absent; listed but 404 = not
 * propagated; anything else = unknown, and no snapshot is taken (DESIGN, decision 2).
 */

import { type ImdsAnswer, ImdsClient, ImdsError } from '../../lib/imds/client.ts';
import { MetadataError } from '../errors.ts';
import type { EniReading, Snapshot } from '../model.ts';
import { version } from '../version.ts';
import { type EniLeaves, parseEni } from './metadata-eni.ts';

const macsPath = 'meta-data/network/interfaces/macs/';
/** A token may end under way once; twice in a row is a fault of the service. */
const attempts = 2;
/** Requests of one poll under way at once: far below the 1024 packets/s that an ENI may send to the service. */
const concurrency = 8;

/** Leaves that never change while an ENI is attached: read once. */
const staticLeaves = ['device-number', 'network-card', 'interface-id', 'subnet-id', 'vpc-id'] as const;
/** Leaves that change live. Subnet blocks come late on hot-plug and may be added to a subnet. */
const liveLeaves = [
  'local-ipv4s',
  'ipv6s',
  'ipv4-prefix',
  'ipv6-prefix',
  'subnet-ipv4-cidr-block',
  'subnet-ipv6-cidr-blocks',
] as const;

export interface MetadataSource {
  get(path: string): Promise<ImdsAnswer>;
}

export interface MetadataReader {
  /** Throws a MetadataError: unknown. */
  readSnapshot(): Promise<Snapshot>;
}

export function openMetadataReader(options: {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
}): MetadataReader {
  return new SnapshotReader(new ImdsClient({ ...options, userAgent: `enid/${version}` }));
}

export class SnapshotReader implements MetadataReader {
  readonly #source: MetadataSource;
  /** MAC → static leaves of ENIs that were read whole. */
  readonly #cache = new Map<string, EniLeaves>();

  constructor(source: MetadataSource) {
    this.#source = source;
  }

  async readSnapshot(): Promise<Snapshot> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#read();
      } catch (error) {
        const isExpired = error instanceof ImdsError && error.code === 'token-expired';
        if (isExpired && attempt < attempts) continue;
        if (error instanceof MetadataError) throw error;
        const code = error instanceof ImdsError ? error.code : 'failed';
        const message = `failed to read the metadata: ${error instanceof Error ? error.message : error}; nothing is changed`;
        throw new MetadataError(code, macsPath, message, { cause: error });
      }
    }
  }

  async #read(): Promise<Snapshot> {
    const primaryMac = parseMac('meta-data/mac', await this.#require('meta-data/mac'));
    const macs = (await this.#list(macsPath)).map((name) => parseMac(macsPath, name.replace(/\/$/, '')));
    if (!macs.includes(primaryMac)) {
      throw new MetadataError(
        'inconsistent',
        macsPath,
        `expected the instance's own MAC ${primaryMac} in ${macsPath}, got ${macs.join(' ') || 'an empty list'}; nothing is changed`,
      );
    }
    for (const known of this.#cache.keys()) if (!macs.includes(known)) this.#cache.delete(known);
    const gate = new Gate(concurrency);
    const leaves = await Promise.all([...new Set(macs)].sort().map((mac) => this.#readLeaves(mac, gate)));
    // A card number that some list and one does not is late there, not absent.
    const hasCards = leaves.some(({ listed }) => listed.has('network-card'));
    const enis = leaves.map((one): EniReading => {
      const reading = parseEni(one, { isPrimary: one.mac === primaryMac, hasCards });
      if (reading.kind === 'ready') this.#cache.set(one.mac, one);
      return reading;
    });
    return { primaryMac, enis, instanceId: null };
  }

  async #readLeaves(mac: string, gate: Gate): Promise<EniLeaves> {
    const base = `${macsPath}${mac}/`;
    const names = await gate.run(() => this.#list(base));
    const listed = new Set(names.map((name) => name.replace(/\/$/, '')));
    const known = this.#cache.get(mac);
    const values = new Map<string, string | null>();
    const read = async (name: string) => {
      if (!listed.has(name)) return;
      const answer = await gate.run(() => this.#source.get(base + name));
      values.set(name, answer.kind === 'value' ? answer.text.trim() : null);
    };
    const wanted: string[] = [...liveLeaves.filter((name) => !isSettled(name, known))];
    for (const name of staticLeaves) if (!isSettled(name, known)) wanted.push(name);
    for (const name of [...staticLeaves, 'subnet-ipv4-cidr-block', 'subnet-ipv6-cidr-blocks']) {
      const value = known?.values.get(name);
      if (isSettled(name, known) && value !== undefined && listed.has(name)) values.set(name, value);
    }
    const associations = listed.has('ipv4-associations') ? this.#readAssociations(base, gate, known) : [];
    await Promise.all(wanted.map(read));
    return { mac, listed, values, publicIpv4: Object.fromEntries(await associations) };
  }

  /** Public address → private addresses; an address once read stays so while it is listed. */
  async #readAssociations(base: string, gate: Gate, known: EniLeaves | undefined): Promise<[string, string[]][]> {
    const path = `${base}ipv4-associations/`;
    const publicAddresses = await gate.run(() => this.#list(path));
    return Promise.all(
      publicAddresses.map(async (name): Promise<[string, string[]]> => {
        const cached = known?.publicIpv4[name];
        if (cached !== undefined) return [name, [...cached]];
        const answer = await gate.run(() => this.#source.get(path + name));
        return [name, answer.kind === 'value' ? answer.text.split(/\s+/).filter((one) => one !== '') : []];
      }),
    );
  }

  async #require(path: string): Promise<string> {
    const answer = await this.#source.get(path);
    if (answer.kind === 'absent')
      throw new MetadataError('absent', path, `expected a value at ${path}, got 404; nothing is changed`);
    return answer.text.trim();
  }

  async #list(path: string): Promise<string[]> {
    return (await this.#require(path)).split('\n').filter((line) => line !== '');
  }
}

/** Static leaves and subnet blocks of an ENI that was read whole are not read again. */
function isSettled(name: string, known: EniLeaves | undefined): boolean {
  if (known === undefined || name === 'local-ipv4s' || name === 'ipv6s' || name.endsWith('-prefix')) return false;
  return known.values.get(name) !== undefined;
}

function parseMac(path: string, text: string): string {
  const mac = text.toLowerCase();
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new MetadataError(
      'unparsable',
      path,
      `${path}: expected a MAC address, got ${JSON.stringify(text.slice(0, 60))}; nothing is changed`,
    );
  }
  return mac;
}

/** Lets so many tasks run at once. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
