/**
 * Keeps the list of links that can be ENIs up to date, and makes the kernel mirror keep the routes
 * that concern them.
 */

import type { RouteInterest } from '../../lib/rtnetlink/route-interest.ts';
import type { Config } from '../config/types.ts';
import { type CandidateLink, findCandidates } from '../decide/inputs/match-links.ts';
import type { KernelState } from '../model.ts';
import type { KernelMirror } from '../sense/kernel.ts';
import { findRouteInterest } from './route-interest.ts';

export interface CandidatesListener {
  /** The last link with a MAC is gone. */
  gone(mac: string): void;
  /** The links or their tables differ from before. */
  changed(): void;
  /** The mirror has the routes that concern them. */
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

  /**
   * Whether the link can affect an ENI: it can be one, is the master of one, is a VRF, or has
   * alternative names that an ENI may need.
   */
  concerns(linkIndex: number): boolean {
    return this.#concerned.has(linkIndex);
  }

  /** Call it when a link or the configuration has changed. */
  update(config: Config): void {
    const kernel = this.#mirror.state();
    const candidates = findCandidates(kernel, config.drivers);
    this.#concerned = listConcerned(kernel, candidates);
    for (const mac of this.#macs) if (!candidates.has(mac)) this.#listener.gone(mac);
    this.#macs = [...candidates.keys()];
    const indexes = [...candidates.values()].flatMap((links) => links.map(({ link }) => link.index)).sort();
    const interest = findRouteInterest(config, indexes);
    const text = JSON.stringify(interest);
    if (text === this.#interest) return;
    this.#interest = text;
    this.#indexes = indexes;
    this.#reading = this.#read(interest).catch((error) => this.#listener.problem(String(error)));
    this.#listener.changed();
  }

  /**
   * Waits until the mirror has the routes that concern the links, or could not read them. Never
   * rejects.
   */
  settled(): Promise<void> {
    return this.#reading;
  }

  async #read(interest: RouteInterest): Promise<void> {
    await this.#mirror.setRouteInterest(interest);
    this.#listener.routesRead();
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
