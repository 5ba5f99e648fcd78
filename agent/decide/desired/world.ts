/** What a decision looks at, as plain data, and the part of it that anything follows from. Pure. */

import type { Config } from '../../config/types.ts';
import type { EniMetadata, KernelState, Ledger, Link, LostRouter, NetworkdState, Snapshot } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { identifyGroup, ownProtocol } from '../base/identity.ts';
import { isSameList, keepEqual, rememberLast } from '../base/memo.ts';
import { eniGroup, mainTable } from '../base/numbers.ts';
import { readyEnis } from '../inputs/accept-snapshot.ts';
import { listRelevantAddresses } from '../inputs/relevant-addresses.ts';
import { listAddressesNear, listRelevantLinks } from '../inputs/relevant-links.ts';
import { type KnownRouter, rememberRouters, whenWithdrawn } from '../inputs/routers.ts';
import { type ForeignGroups, findForeignGroups } from './situation.ts';
import { listForeignFiles, type OwnFile, type UnitDirectory } from './unit-directory.ts';

/** All that is known of the host. Lists and objects that have not changed since the last call are to be the same ones. */
export interface Sensed {
  readonly config: Config;
  readonly kernel: KernelState;
  readonly networkd: NetworkdState;
  readonly lostRouters: readonly LostRouter[];
  readonly directory: UnitDirectory;
  /** Null: the metadata was never read. */
  readonly snapshot: Snapshot | null;
  /**
   * ENIs that the metadata listed before and lists no more; they stay as they are while their link
   * is there.
   */
  readonly departed: readonly EniMetadata[];
  /** The metadata service had its time to answer, and never did. False: it may still be about to. */
  readonly isSilent: boolean;
  readonly ledger: Ledger;
}

/** What the desired state follows from. */
export interface World extends Pick<Sensed, 'config' | 'snapshot' | 'departed' | 'isSilent' | 'networkd'> {
  /** Without links, addresses and routes that nothing follows from. */
  readonly kernel: Omit<KernelState, 'rules'>;
  /**
   * Link index → the address that it leased last, as long as it is there: networkd itself tells of
   * no lease while it starts anew.
   */
  readonly lastLeases: ReadonlyMap<number, string>;
  /** IPv6 routers that were seen, also where their route is gone for the moment. */
  readonly routers: readonly KnownRouter[];
  /** This program's files in the unit directory. */
  readonly ownFiles: readonly OwnFile[];
  /** Names of other programs' files there that begin as ours do. */
  readonly foreignFiles: readonly string[];
  readonly foreignGroups: ForeignGroups;
  /** ENIs that cannot be decided about, by MAC: what the decision threw. What stands for them stays. */
  readonly failures: Failures;
}

export type Failures = ReadonlyMap<string, string>;

export interface SeenWorld {
  readonly world: World;
  /** Of the kernel, what may be compared with the desired state. */
  readonly kernel: KernelState;
  /** When it is to be decided again although nothing has changed; null: never. */
  readonly againMs: number | null;
}

/** Keeps what has not changed the same from call to call, and remembers routers whose route is gone, and leases. */
export class WorldKeeper {
  #leases: ReadonlyMap<number, string> = new Map();
  readonly #lastLeases = keepEqual((leases: ReadonlyMap<number, string>) => leases, isSameMap);
  #routers: readonly KnownRouter[] = [];
  readonly #trustedRouters = keepEqual((routers: readonly KnownRouter[]) => routers, isSameRouters);
  readonly #relevantLinks = rememberLast(listRelevantLinks);
  readonly #links = keepEqual((links: readonly Link[]) => links, isSameButNames);
  readonly #addressesNear = rememberLast(listAddressesNear);
  readonly #leased = rememberLast(listLeased);
  readonly #relevantAddresses = rememberLast(listRelevantAddresses);
  readonly #addresses = keepEqual((addresses: KernelState['addresses']) => addresses, isSameList);
  readonly #routes = keepEqual(listRelevantRoutes, isSameList);
  readonly #drivers = keepEqual((drivers: KernelState['drivers']) => drivers, isSameMap);
  readonly #kernel = rememberLast((kernel: World['kernel']) => kernel);
  readonly #foreignFiles = keepEqual((names: readonly string[]) => names, isSameList);
  readonly #foreignGroups = keepEqual((groups: ForeignGroups) => groups, isSameSet);
  readonly #world = rememberLast((world: World) => world);

  /** The same world where nothing of it has changed. `nowMs`: on a clock that only goes forward. */
  see(sensed: Sensed, nowMs: number, failures: Failures): SeenWorld {
    const { config, networkd, snapshot, departed, isSilent, directory, ledger } = sensed;
    const allLinks = this.#relevantLinks({ links: sensed.kernel.links, config });
    const allAddresses = this.#addressesNear({ addresses: sensed.kernel.addresses, links: allLinks });
    const kernel = { ...sensed.kernel, links: allLinks, addresses: allAddresses };
    const leased = this.#leased({ snapshot, departed, failures });
    const links = this.#links(allLinks);
    const news = { lost: sensed.lostRouters, networkd };
    this.#routers = rememberRouters(this.#routers, kernel, nowMs, news);
    this.#leases = rememberLeases(this.#leases, networkd, allAddresses);
    const world = this.#world({
      lastLeases: this.#lastLeases(this.#leases),
      ...{ config, snapshot, departed, isSilent, networkd, failures },
      kernel: this.#kernel({
        links,
        addresses: this.#addresses(this.#relevantAddresses({ addresses: allAddresses, leased })),
        routes: this.#routes(kernel.routes),
        drivers: this.#drivers(kernel.drivers),
      }),
      routers: this.#trustedRouters(this.#routers),
      ownFiles: directory.own,
      foreignFiles: this.#foreignFiles(listForeignFiles(directory, ledger)),
      foreignGroups: this.#foreignGroups(findForeignGroups(links, (index) => identifyGroup(index, eniGroup) in ledger)),
    });
    return { world, kernel, againMs: whenWithdrawn(this.#routers, news) };
  }
}

interface KnownEnis extends Pick<Sensed, 'snapshot' | 'departed'> {
  readonly failures: Failures;
}

/** IPv4 addresses that an ENI has by lease. */
function listLeased({ snapshot, departed, failures }: KnownEnis): ReadonlySet<string> {
  const enis = [...readyEnis(snapshot), ...departed].filter(({ mac }) => !failures.has(mac));
  return new Set(enis.flatMap(({ ipv4Addresses }) => ipv4Addresses.slice(0, 1)));
}

function rememberLeases(
  last: ReadonlyMap<number, string>,
  { links }: NetworkdState,
  addresses: KernelState['addresses'],
): ReadonlyMap<number, string> {
  const kept = [...last].filter(([index, leased]) =>
    listOfLink(addresses, index).some((one) => one.address === leased),
  );
  const told = links.flatMap(({ linkIndex, lease }) =>
    lease === undefined ? [] : [[linkIndex, lease.address] as const],
  );
  return new Map([...kept, ...told]);
}

/**
 * Others' default routes, which gateways are learnt from, and all of main; our own go and come
 * with every repair.
 */
function listRelevantRoutes(routes: KernelState['routes']): KernelState['routes'] {
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

/** When a router was seen last is no news. */
function isSameRouters(left: readonly KnownRouter[], right: readonly KnownRouter[]): boolean {
  const textOf = (routers: readonly KnownRouter[]) =>
    JSON.stringify(
      routers.map(({ linkIndex, gateway, sinceMs, isLasting, isWithdrawn }) => {
        return [linkIndex, gateway, sinceMs, isLasting, isWithdrawn];
      }),
    );
  return textOf(left) === textOf(right);
}

/** Nothing differs but alternative names and settings, which nothing desired follows from. */
function isSameButNames(left: readonly Link[], right: readonly Link[]): boolean {
  const textOf = (link: Link) => JSON.stringify({ ...link, altNames: [], settings: null });
  return (
    left.length === right.length &&
    left.every((link, index) => {
      const other = right[index];
      return other !== undefined && (link === other || textOf(link) === textOf(other));
    })
  );
}
