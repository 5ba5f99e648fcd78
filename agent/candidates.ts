/** Which links can be ENIs, kept up to date, and that the kernel's mirror holds the routes that concern them. */

import type { Config } from './config/types.ts';
import { type CandidateLink, findCandidates } from './decide/match-links.ts';
import { eniTables, localTable } from './decide/numbers.ts';
import type { KernelState } from './model.ts';
import type { KernelMirror } from './sense/kernel.ts';

/**
 * GateD, MRT, Zebra, BIRD, XORP, keepalived, Babel, Open/R, BGP, IS-IS, OSPF, RIP and EIGRP (RTPROT_* in linux/rtnetlink.h).
 * What a routing daemon learns are other networks, by the hundred thousand: beside a default route nothing of this program's
 * has the same place.
 */
const routingDaemonProtocols = [8, 10, 11, 12, 14, 18, 42, 99, 186, 187, 188, 189, 192];

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
    const tables = config.interfaces.flatMap(({ policy }) => policy.table ?? []);
    const interest = `${indexes.join()} ${tables.join()}`;
    if (interest === this.#interest) return;
    this.#interest = interest;
    this.#indexes = indexes;
    // In the tables of ENIs also what leads elsewhere: another program may have put it in the place of one of ours.
    this.#mirror
      .setRouteInterest({
        tables: [eniTables, ...tables.map((table) => ({ from: table, to: table + 1 }))],
        linkIndexes: indexes,
        ignoredProtocols: routingDaemonProtocols,
        ignoredPlaces: [kernelsOwn],
      })
      .then(() => this.#listener.routesRead())
      .catch((error) => this.#listener.problem(String(error)));
    this.#listener.changed();
  }
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
