/**
 * The decision of a pass as a whole: from what is known to what is to be changed. Each step is pure and done anew only where
 * its input is: most passes repair one thing, or find nothing to do.
 */

import type { Config } from '../config/types.ts';
import type { Desired, EniMetadata, KernelState, Ledger, Link, LostRouter, NetworkdState, Snapshot } from '../model.ts';
import { identifyGroup, ownProtocol } from './base/identity.ts';
import { isSameList, keepEqual, rememberLast } from './base/memo.ts';
import { eniGroup, mainTable } from './base/numbers.ts';
import { computeDesired } from './desired/desired.ts';
import { keepDesired } from './desired/keep-desired.ts';
import { type ForeignGroups, findForeignGroups } from './desired/situation.ts';
import { listForeignFiles, type OwnFile, type UnitDirectory } from './desired/unit-directory.ts';
import type { Failures } from './desired/world.ts';
import { Differ, type Difference } from './diff/diff.ts';
import { LedgerKeeper } from './diff/ledger.ts';
import { readDeclared } from './diff/on-file.ts';
import { readyEnis } from './inputs/accept-snapshot.ts';
import { findCandidates } from './inputs/match-links.ts';
import { listTellingAddresses } from './inputs/relevant-addresses.ts';
import { listAddressesNear, listTellingLinks } from './inputs/relevant-links.ts';
import { type KnownRouter, type RouterNews, rememberRouters, whenWithdrawn } from './inputs/routers.ts';

/** Lists and objects that have not changed since the last call are to be the same ones. */
export interface Known {
  readonly config: Config;
  readonly kernel: KernelState;
  readonly networkd: NetworkdState;
  readonly lostRouters: readonly LostRouter[];
  readonly directory: UnitDirectory;
  readonly snapshot: Snapshot | null;
  readonly departed: readonly EniMetadata[];
  /** As `World.isSilent`. */
  readonly isSilent?: boolean;
  readonly ledger: Ledger;
  readonly settling: ReadonlySet<string>;
  readonly offered: ReadonlySet<string>;
  readonly unread: ReadonlySet<string>;
}

export interface Decision extends Difference {
  readonly desired: Desired;
  /** As it is to be recorded before the changes are made. */
  readonly ledger: Ledger;
  /** When it is to be decided again although nothing has changed; null: never. */
  readonly againMs: number | null;
  /** What was thrown for an ENI, by MAC. */
  readonly thrown: ReadonlyMap<string, unknown>;
}

const nothingThrown: Decision['thrown'] = new Map();

const noFailures: Failures = new Map();

export class Decider {
  #routers: readonly KnownRouter[] = [];
  #routersText = '';
  #trustedRouters: readonly KnownRouter[] = [];
  #lastDesired: Desired | null = null;
  readonly #desired = rememberLast(
    (
      config: Config,
      links: KernelState['links'],
      addresses: KernelState['addresses'],
      routes: KernelState['routes'],
      drivers: KernelState['drivers'],
      networkd: NetworkdState,
      files: readonly OwnFile[],
      foreignFiles: readonly string[],
      snapshot: Snapshot | null,
      departed: readonly EniMetadata[],
      isSilent: boolean,
      routers: readonly KnownRouter[],
      foreignGroups: ForeignGroups,
      failures: Failures,
    ) => {
      const kernel = { links, addresses, routes, rules: [], drivers };
      const rest = { routers, networkd, ownFiles: files, foreignFiles, foreignGroups, failures };
      const world = { config, snapshot, departed, isSilent, kernel, ...rest };
      this.#lastDesired = keepDesired(this.#lastDesired, computeDesired(world));
      return this.#lastDesired;
    },
  );
  /**
   * Others' default routes, which gateways are learnt from, and all of main; our own go and come
   * with every repair.
   */
  readonly #tellingRoutes = keepEqual(listTellingRoutes, isSameList);
  readonly #foreignGroups = keepEqual((groups: ForeignGroups) => groups, isSameSet);
  readonly #leased = rememberLast(
    (snapshot: Snapshot | null, departed: readonly EniMetadata[], failures: Failures) =>
      new Set(
        [...readyEnis(snapshot), ...departed]
          .filter(({ mac }) => !failures.has(mac))
          .flatMap(({ ipv4Addresses }) => ipv4Addresses.slice(0, 1)),
      ),
  );
  readonly #tellingLinks = rememberLast(listTellingLinks);
  readonly #addressesNear = rememberLast(listAddressesNear);
  readonly #telling = rememberLast(listTellingAddresses);
  readonly #addresses = keepEqual((addresses: KernelState['addresses']) => addresses, isSameList);
  readonly #foreignFiles = keepEqual((names: readonly string[]) => names, isSameText);
  readonly #links = keepLinks();
  readonly #drivers = keepEqual((drivers: KernelState['drivers']) => drivers, isSameMap);
  readonly #candidates = rememberLast((links: KernelState['links'], drivers: KernelState['drivers'], config: Config) =>
    findCandidates({ links, drivers }, config.drivers),
  );
  readonly #declared = rememberLast(readDeclared);
  readonly #known = rememberLast((declared: Ledger, ledger: Ledger): Ledger => ({ ...declared, ...ledger }));
  readonly #ledger = new LedgerKeeper();
  readonly #differ = new Differ();

  /**
   * An ENI that makes the decision throw, by a defect of this program, is left as it stands, and the
   * others go on. Throws where none of them is the cause. `nowMs`: on a clock that only goes forward.
   */
  decide(known: Known, nowMs: number): Decision {
    try {
      return this.#decide(known, nowMs, noFailures);
    } catch (error) {
      return this.#decideWithout(known, nowMs, error);
    }
  }

  /** First without all of them; then each is let in again that does no harm. */
  #decideWithout(known: Known, nowMs: number, cause: unknown): Decision {
    const thrown = new Map<string, unknown>();
    const failures = new Map(listMacs(known).map((mac) => [mac, describe(cause)]));
    if (failures.size === 0) throw cause;
    let decision = this.#decide(known, nowMs, new Map(failures));
    for (const mac of [...failures.keys()]) {
      failures.delete(mac);
      try {
        decision = this.#decide(known, nowMs, new Map(failures));
      } catch (error) {
        failures.set(mac, describe(error));
        thrown.set(mac, error);
        decision = this.#decide(known, nowMs, new Map(failures));
      }
    }
    return { ...decision, thrown };
  }

  #decide(known: Known, nowMs: number, failures: Failures): Decision {
    const { config, networkd, directory, snapshot, departed, settling, offered, unread } = known;
    const kernel = this.#near(known.kernel, config);
    const files = directory.own;
    const addresses = this.#addresses(this.#telling(kernel.addresses, this.#leased(snapshot, departed, failures)));
    const drivers = this.#drivers(kernel.drivers);
    const links = this.#links(kernel.links);
    const news = { lost: known.lostRouters, networkd };
    this.#rememberRouters(kernel, news, nowMs);
    const desired = this.#desired(
      config,
      links,
      addresses,
      this.#tellingRoutes(kernel.routes),
      drivers,
      networkd,
      files,
      this.#foreignFiles(listForeignFiles(directory, known.ledger)),
      snapshot,
      departed,
      known.isSilent === true,
      this.#trustedRouters,
      this.#foreignGroups(findForeignGroups(links, (index) => identifyGroup(index, eniGroup) in known.ledger)),
      failures,
    );
    const declared = this.#declared(files, this.#candidates(links, drivers, config));
    const recorded = this.#known(declared, known.ledger);
    const actual = { kernel, files, networkd, ledger: recorded, settling, offered, unread };
    const difference = this.#differ.compute(desired, actual, links);
    const againMs = whenWithdrawn(this.#routers, news);
    const ledger = this.#ledger.compute(desired, recorded, declared, kernel);
    return { desired, ledger, againMs, thrown: nothingThrown, ...difference };
  }

  #near(kernel: KernelState, config: Config): KernelState {
    const links = this.#tellingLinks(kernel.links, config);
    return { ...kernel, links, addresses: this.#addressesNear(kernel.addresses, links) };
  }

  /** When a router was seen last is no news. */
  #rememberRouters(kernel: KernelState, news: RouterNews, nowMs: number): void {
    this.#routers = rememberRouters(this.#routers, kernel, nowMs, news);
    const text = JSON.stringify(
      this.#routers.map(({ linkIndex, gateway, sinceMs, isLasting, isWithdrawn }) => {
        return [linkIndex, gateway, sinceMs, isLasting, isWithdrawn];
      }),
    );
    if (text === this.#routersText) return;
    this.#routersText = text;
    this.#trustedRouters = this.#routers;
  }
}

function listMacs({ snapshot, departed }: Known): string[] {
  const listed = (snapshot?.enis ?? []).map((reading) => (reading.kind === 'ready' ? reading.eni.mac : reading.mac));
  return [...new Set([...listed, ...departed.map(({ mac }) => mac)])];
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function listTellingRoutes(routes: KernelState['routes']): KernelState['routes'] {
  return routes.filter(
    ({ destination, protocol, table }) =>
      protocol !== ownProtocol && (table === mainTable || destination === '0.0.0.0/0' || destination === '::/0'),
  );
}

function isSameSet<Item>(left: ReadonlySet<Item>, right: ReadonlySet<Item>): boolean {
  return left.size === right.size && [...left].every((item) => right.has(item));
}

function isSameMap<Key, Value>(left: ReadonlyMap<Key, Value>, right: ReadonlyMap<Key, Value>): boolean {
  return left.size === right.size && [...left].every(([key, value]) => right.has(key) && right.get(key) === value);
}

function isSameText(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** The links of the call before, where nothing differs but alternative names, which nothing follows from. */
function keepLinks(): (links: readonly Link[]) => readonly Link[] {
  let last: readonly Link[] = [];
  return (links) => {
    const isKept =
      links.length === last.length &&
      links.every((link, index) => {
        const before = last[index];
        return link === before || (before !== undefined && isSameButNames(link, before));
      });
    if (!isKept) last = links;
    return last;
  };
}

function isSameButNames(left: Link, right: Link): boolean {
  return (
    JSON.stringify({ ...left, altNames: [], settings: null }) ===
    JSON.stringify({ ...right, altNames: [], settings: null })
  );
}
