/** The input of a decision as plain data, and the part of it that can affect the decision. Pure. */

import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import type { Config } from '../../config/types.ts';
import {
  type EniMetadata,
  type KernelState,
  type Ledger,
  type Link,
  type LostRouter,
  type NetworkdState,
  ownProtocol,
  type ReplyFacts,
  type Snapshot,
} from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { identifyGroup } from '../base/identity.ts';
import { isSameList, keepEqual, rememberLast } from '../base/memo.ts';
import { eniGroup, mainTable } from '../base/numbers.ts';
import { readyEnis } from '../inputs/accept-snapshot.ts';
import { listRelevantAddresses } from '../inputs/relevant-addresses.ts';
import { listAddressesNear, listRelevantLinks } from '../inputs/relevant-links.ts';
import { type KnownRouter, rememberRouters, whenWithdrawn } from '../inputs/routers.ts';
import { chooseReplyFamilies, type ReplyFamilies } from './reply-table.ts';
import { type ForeignGroups, findForeignGroups } from './situation.ts';
import { listForeignFiles, type OwnFile, type UnitDirectory } from './unit-directory.ts';
import { configWithoutIpv6 } from './without-ipv6.ts';

/**
 * All that is known of the host. Lists and objects that have not changed since the last call must
 * be the same ones.
 */
export interface Sensed {
  readonly config: Config;
  readonly kernel: KernelState;
  readonly networkd: NetworkdState;
  readonly lostRouters: readonly LostRouter[];
  readonly directory: UnitDirectory;
  /** Null: the metadata was never read. */
  readonly snapshot: Snapshot | null;
  /**
   * ENIs that the metadata no longer lists; they stay configured while their link
   * exists.
   */
  readonly departed: readonly EniMetadata[];
  /** The metadata service had time to answer, and never did. False: it may still answer soon. */
  readonly isSilent: boolean;
  readonly ledger: Ledger;
  /** No key: not known, and no reply is marked. */
  readonly replies?: ReplyFacts | undefined;
}

/** What the desired state is computed from. */
export interface World extends Pick<Sensed, 'config' | 'snapshot' | 'departed' | 'isSilent' | 'networkd'> {
  /** Without links, addresses and routes that cannot affect the decision. */
  readonly kernel: Omit<KernelState, 'rules'>;
  /**
   * Link index → the address that it leased last, as long as it is there: networkd itself tells of
   * no lease while it starts again.
   */
  readonly lastLeases: ReadonlyMap<number, string>;
  /** IPv6 routers that were seen, including those whose route is gone at the moment. */
  readonly routers: readonly KnownRouter[];
  /** This program's files in the unit directory. */
  readonly ownFiles: readonly OwnFile[];
  /** Names of other programs' files there that begin with our prefix. */
  readonly foreignFiles: readonly string[];
  readonly foreignGroups: ForeignGroups;
  /** ENIs whose decision failed, by MAC: the error. Their objects are kept. */
  readonly failures: Failures;
  readonly replyFamilies: ReplyFamilies;
}

export type Failures = ReadonlyMap<string, string>;

export interface SeenWorld {
  readonly world: World;
  /** The kernel's state to compare with the desired state. */
  readonly kernel: KernelState;
  /** When to decide again even if nothing changes; null: never. */
  readonly againMs: number | null;
}

/**
 * Keeps what has not changed the same from call to call, and remembers routers whose route is gone,
 * and leases.
 */
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

  /** The same world object if nothing in it has changed. `nowMs`: on a monotonic clock. */
  see(sensed: Sensed, nowMs: number, failures: Failures): SeenWorld {
    const { networkd, snapshot, departed, isSilent, directory, ledger } = sensed;
    const { lacksIpv6 } = sensed.kernel;
    const config = lacksIpv6 === true ? configWithoutIpv6(sensed.config) : sensed.config;
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
      replyFamilies: chooseReplyFamilies(config.replies, sensed.replies, lacksIpv6 !== true),
      kernel: this.#kernel({
        links,
        addresses: this.#addresses(this.#relevantAddresses({ addresses: allAddresses, leased })),
        routes: this.#routes(kernel.routes),
        drivers: this.#drivers(kernel.drivers),
        ...(lacksIpv6 === true ? { lacksIpv6 } : {}),
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
 * Foreign default routes, from which gateways are learnt, and all foreign routes of main; our own
 * come and go with every repair.
 */
function listRelevantRoutes(routes: KernelState['routes']): KernelState['routes'] {
  return routes.filter(
    (route) => route.protocol !== ownProtocol && (route.table === mainTable || isDefaultRoute(route)),
  );
}

function isSameSet<Item>(left: ReadonlySet<Item>, right: ReadonlySet<Item>): boolean {
  return left.size === right.size && [...left].every((item) => right.has(item));
}

function isSameMap<Key, Value>(left: ReadonlyMap<Key, Value>, right: ReadonlyMap<Key, Value>): boolean {
  return left.size === right.size && [...left].every(([key, value]) => right.has(key) && right.get(key) === value);
}

/** Ignores when a router was last seen. */
function isSameRouters(left: readonly KnownRouter[], right: readonly KnownRouter[]): boolean {
  const textOf = (routers: readonly KnownRouter[]) =>
    JSON.stringify(
      routers.map(({ linkIndex, gateway, sinceMs, isLasting, isWithdrawn }) => {
        return [linkIndex, gateway, sinceMs, isLasting, isWithdrawn];
      }),
    );
  return textOf(left) === textOf(right);
}

/** Equal except for alternative names and settings, which do not affect the desired state. */
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
