/** Which links can be ENIs, kept up to date, and that the kernel's mirror holds the routes that concern them. */

import type { Config } from '../config/types.ts';
import { defaultWidth, eniTables, localTable, mainTable } from '../decide/base/numbers.ts';
import { routingDaemonProtocols } from '../decide/desired/main-table.ts';
import { type CandidateLink, findCandidates } from '../decide/inputs/match-links.ts';
import type { KernelState } from '../model.ts';
import type { KernelMirror } from '../sense/kernel.ts';

/** What the kernel puts into the local table for each address (RTPROT_KERNEL): the address itself says as much. */
const kernelsOwn = { table: localTable, protocol: 2 };

export interface CandidatesListener {
  /** A MAC's last link is gone. */
  gone(mac: string): void;
  /** Other links, or other tables, than before. */
  changed(): void;
  /** The mirror holds the routes that concern them. */
  routesRead(): void;
  problem(message: string): void;
}

export class Candidates {
  readonly #mirror: KernelMirror;
  readonly #listener: CandidatesListener;
  #indexes: readonly number[] = [];
  #macs: readonly string[] = [];
  #concerned: ReadonlySet<number> = new Set();
  #interest = '';
  #reading = Promise.resolve();

  constructor(mirror: KernelMirror, listener: CandidatesListener) {
    this.#mirror = mirror;
    this.#listener = listener;
  }

  /** Link indexes, sorted. */
  get indexes(): readonly number[] {
    return this.#indexes;
  }

  /** Whether something follows from the link at once: it can be an ENI, is above one, is a VRF, or bears names that an ENI may want. */
  concerns(linkIndex: number): boolean {
    return this.#concerned.has(linkIndex);
  }

  /** To be called when a link or the configuration has changed. */
  update(config: Config): void {
    const kernel = this.#mirror.state();
    const candidates = findCandidates(kernel, config.drivers);
    this.#concerned = listConcerned(kernel, candidates);
    for (const mac of this.#macs) if (!candidates.has(mac)) this.#listener.gone(mac);
    this.#macs = [...candidates.keys()];
    const indexes = [...candidates.values()].flatMap((links) => links.map(({ link }) => link.index)).sort();
    const tables = listTables(config);
    const interest = `${indexes.join()} ${tables.join()}`;
    if (interest === this.#interest) return;
    this.#interest = interest;
    this.#indexes = indexes;
    this.#reading = this.#read(tables).catch((error) => this.#listener.problem(String(error)));
    this.#listener.changed();
  }

  /**
   * Waits until the mirror holds the routes that concern them, or could not read them. Never
   * rejects.
   */
  settled(): Promise<void> {
    return this.#reading;
  }

  async #read(tables: readonly number[]): Promise<void> {
    // In the tables of ENIs also what leads elsewhere: another program may have put it in the place
    // of one of ours.
    await this.#mirror.setRouteInterest({
      tables: [eniTables, ...tables.map((table) => ({ from: table, to: table + 1 }))],
      // Whether a default route of main leads by an ENI or by a VPN.
      widePlaces: [{ table: mainTable, prefixLength: defaultWidth[6] }],
      linkIndexes: this.#indexes,
      ignoredProtocols: routingDaemonProtocols,
      ignoredPlaces: [kernelsOwn],
    });
    this.#listener.routesRead();
  }
}

/**
 * Tables of ENIs by the operator's word; main itself where one rule for each source leads to copies
 * of it.
 */
function listTables({ interfaces }: Config): number[] {
  const tables = interfaces.flatMap(({ policy }) => policy.table ?? []);
  return interfaces.some(({ policy }) => policy.rules === 'classic') ? [...tables, mainTable] : tables;
}

function listConcerned(kernel: KernelState, candidates: ReadonlyMap<string, readonly CandidateLink[]>): Set<number> {
  const concerned = new Set<number>();
  for (const { link } of [...candidates.values()].flat()) {
    concerned.add(link.index);
    if (link.masterIndex !== null) concerned.add(link.masterIndex);
  }
  for (const { index, kind, altNames } of kernel.links) {
    if (kind === 'vrf' || altNames.length > 0) concerned.add(index);
  }
  return concerned;
}
