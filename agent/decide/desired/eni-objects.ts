/** The kernel objects of one ENI: addresses, routes of its own table, alternative names. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import { addressAt, networkOf, requireCidr } from '../../../lib/ip/cidr.ts';
import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { InterfacePolicy } from '../../config/types.ts';
import {
  type DesiredAddress,
  type DesiredLease,
  type DesiredRoute,
  type EniMetadata,
  type Link,
  standInMetric,
} from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { RTPROT_RA } from '../base/kernel-numbers.ts';
import { localTable, mainTable } from '../base/numbers.ts';
import { findRouter } from '../inputs/routers.ts';
import { findGateway, isDefaultWithdrawn, type Surroundings } from './gateways.ts';
import type { Matched } from './matched.ts';
import { computeMtuOutside, listInside } from './outside.ts';
import { hasFamily, isExcluded, listPrefixSources, listSubnets } from './sources.ts';

/** EC2 delegates /28; a shorter prefix is made local as a whole. */
const shortestAssigned = 24;
export function computeAddresses(eni: EniMetadata, link: Link, policy: InterfacePolicy): DesiredAddress[] {
  const linkIndex = link.index;
  const isLocal = policy.secondary === 'local';
  // The first of each family is the ENI's own: that of IPv4 is the lease's, and DHCPv6 leases that
  // of IPv6.
  return [
    ...eni.ipv4Addresses.slice(1, isLocal ? undefined : 1).map((address) => ({ linkIndex, address, prefixLength: 32 })),
    ...eni.ipv6Addresses.slice(0, isLocal ? undefined : 1).map((address, position) => ({
      linkIndex,
      address,
      prefixLength: 128,
      // The kernel would choose the newest of them as source: a newly assigned address would change
      // all outgoing traffic.
      ...(position === 0 ? {} : { isDeprecated: true as const }),
    })),
    ...listAssignedPrefixes(eni, policy).flatMap((prefix) =>
      listAddresses(prefix).map((address) => ({ linkIndex, address, prefixLength: 32 })),
    ),
  ].filter(({ address }) => !isExcluded(policy, address));
}

export function computeSubnetRoutes(eni: EniMetadata, link: Link, table: number, metric: number): DesiredRoute[] {
  return listSubnets(eni).map((destination) => ({
    table,
    destination,
    type: 'unicast',
    gateway: null,
    linkIndex: link.index,
    metric,
  }));
}

/**
 * Delegated prefixes whose addresses are put on the link one by one. Those of IPv6 have too many
 * (2^48).
 */
function listAssignedPrefixes(eni: EniMetadata, policy: InterfacePolicy): string[] {
  if (policy.prefixes !== 'assigned') return [];
  return listPrefixSources(eni, policy).filter(
    (prefix) => requireCidr(prefix).length >= shortestAssigned && familyOf(prefix) === 4,
  );
}

function listAddresses(prefix: string): string[] {
  const count = 1 << (32 - requireCidr(prefix).length);
  return Array.from({ length: count }, (_, index) => addressAt(prefix, BigInt(index)));
}

/**
 * AnyIP: the whole prefix is local to this host. In a VRF, too, the local table has it: of a source
 * that no link has the kernel asks that table alone (__ip_dev_find). A program that is bound to the
 * VRF can bind to an IPv4 address only where the VRF's table has it (inet_addr_type_table); to one
 * of IPv6 only with IPV6_FREEBIND, as in main.
 */
export function computeLocalRoutes(
  eni: EniMetadata,
  link: Link,
  { policy, tableId }: Pick<Matched, 'policy' | 'tableId'>,
): DesiredRoute[] {
  if (policy.prefixes === 'rules') return [];
  const assigned = new Set(listAssignedPrefixes(eni, policy));
  const whole = listPrefixSources(eni, policy).filter((prefix) => !assigned.has(prefix));
  return whole.flatMap((destination) => {
    const isIpv4 = familyOf(destination) === 4;
    const tables = policy.vrf !== null && isIpv4 ? [localTable, tableId] : [localTable];
    // IPv6 has no metric 0: the kernel turns it into 1024, and a desired route that never appears
    // would be repaired for ever.
    const route = { destination, type: 'local', gateway: null, metric: isIpv4 ? 0 : 1024 } as const;
    return tables.map((table) => ({ table, linkIndex: link.index, ...route }));
  });
}

export interface DefaultRoutes {
  readonly routes: readonly DesiredRoute[];
  /** By the same routers: the blocks of the VPC, where a default has an MTU of its own. */
  readonly inside: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

/** The same object each time, so that what follows from it is computed once. */
const noRoutes: readonly DesiredRoute[] = [];

export const noDefaults: DefaultRoutes = { routes: [], inside: noRoutes, unresolvedFamilies: [] };

export function computeDefaultRoutes(surroundings: Surroundings, one: Matched, metric: number): DefaultRoutes {
  const table = one.tableId;
  const routes: DesiredRoute[] = [];
  const unresolvedFamilies: (4 | 6)[] = [];
  const linkIndex = one.candidate.link.index;
  const outside = withMtuOutside(one);
  for (const family of [4, 6] as const) {
    const gateway = findGateway(surroundings, one, family);
    if (gateway === null) {
      if (!isDefaultWithdrawn(surroundings, one, family)) unresolvedFamilies.push(family);
      continue;
    }
    const destination = defaultDestination[family];
    routes.push({ table, type: 'unicast', gateway, linkIndex, metric, destination, ...outside });
  }
  return { routes, inside: computeInside(surroundings, one, metric), unresolvedFamilies };
}

/**
 * In a VRF lease and router advertisement bring the default; what has another MTU than it has is
 * left.
 */
export function computeVrfRoutes(surroundings: Surroundings, one: Matched, metric: number): DefaultRoutes {
  if (one.policy.manage !== 'full' || !one.policy.defaultRoute) return noDefaults;
  return { ...noDefaults, inside: computeInside(surroundings, one, metric) };
}

/** To the blocks of the VPC, in the table of the ENI. */
function computeInside(surroundings: Surroundings, one: Matched, metric: number): readonly DesiredRoute[] {
  if (withMtuOutside(one).mtu === undefined) return noRoutes;
  const base = { table: one.tableId, type: 'unicast', linkIndex: one.candidate.link.index, metric } as const;
  const inside = ([4, 6] as const).flatMap((family) => {
    const gateway = findGateway(surroundings, one, family);
    return gateway === null
      ? []
      : listInside(one.eni, family).map((destination) => ({ ...base, gateway, destination }));
  });
  return inside.length === 0 ? noRoutes : inside;
}

/** For a default route of an ENI. */
export function withMtuOutside({ eni, candidate, policy }: Matched): Pick<DesiredRoute, 'mtu'> {
  const mtu = computeMtuOutside(eni, candidate.link, policy);
  return mtu === null ? {} : { mtu };
}

/** Routes that the operator configured for this ENI. */
export interface OperatorRoutes {
  /**
   * Routes whose router is not known yet are left out. networkd's keyword for it (`_dhcp4`) is not
   * used in its file: such routes carry the lease's mark and not ours, and could not be
   * distinguished from other programs' when they are removed.
   */
  readonly routes: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

export const noOperatorRoutes: OperatorRoutes = { routes: [], unresolvedFamilies: [] };

export function computeOperatorRoutes(surroundings: Surroundings, one: Matched, metric: number): OperatorRoutes {
  // The same object each time, so that what follows from it is computed once.
  if (one.policy.routes.length === 0) return noOperatorRoutes;
  const ownTable = one.tableId;
  const routes: DesiredRoute[] = [];
  const unresolved = new Set<4 | 6>();
  const linkIndex = one.candidate.link.index;
  for (const { to: destination, via, table } of one.policy.routes) {
    const family = familyOf(destination);
    const gateway = via ?? findGateway(surroundings, one, family);
    if (gateway === null) {
      if (!isDefaultWithdrawn(surroundings, one, family)) unresolved.add(family);
      continue;
    }
    // A VRF is separate from main: a route into it from main is made only if the configuration asks
    // for it.
    const both = one.policy.vrf === null ? [ownTable, mainTable] : [ownTable];
    const tables = { own: [ownTable], main: [mainTable], both }[table];
    for (const id of tables) routes.push({ table: id, destination, type: 'unicast', gateway, linkIndex, metric });
  }
  return { routes, unresolvedFamilies: [...unresolved] };
}

/**
 * The routes that lease and router advertisement bring into main or the VRF: networkd makes them
 * once, and never again after another program deletes them (measured on 252 and 257). `isTakenUp`:
 * networkd has our file in force; until then a reload is pending, which drops the advertised route
 * for a while. `isLeading`: this ENI's default route is the first choice of main.
 */
export function computeMainRoutes(
  surroundings: Surroundings,
  one: Matched,
  { metric, isTakenUp, isLeading }: MainRouteOptions,
): DesiredRoute[] {
  const { kernel, routers } = surroundings;
  const { eni, candidate, policy, leaseTable } = one;
  const base = { table: leaseTable, type: 'unicast', linkIndex: candidate.link.index, metric } as const;
  const outside = withMtuOutside(one);
  const routes: DesiredRoute[] = [];
  const leased = listOfLink(kernel.addresses, candidate.link.index).find(
    ({ address }) => address === eni.ipv4Addresses[0],
  );
  // With another metric the kernel's route has another key: the metric is corrected first
  // (diff/leases.ts).
  if (leased !== undefined && leased.prefixLength < 32 && leased.metric === metric) {
    routes.push({ ...base, destination: networkOf(leased.address, leased.prefixLength), gateway: null });
    const isWanted = policy.defaultRoute && !isDefaultWithdrawn(surroundings, one, 4);
    const gateway = isWanted ? findGateway(surroundings, one, 4) : null;
    if (gateway !== null) routes.push({ ...base, ...outside, destination: defaultDestination[4], gateway });
  }
  const { index } = candidate.link;
  const gateway = findRouter(routers, index);
  const hasIpv6 = hasFamily(eni, 6);
  const severalPaths = listOfLink(kernel.routes, null).filter((route) =>
    route.paths?.some(({ linkIndex }) => linkIndex === index),
  );
  const isAdvertised = [...listOfLink(kernel.routes, index), ...severalPaths].some(
    ({ table, destination, protocol }) =>
      table === leaseTable && destination === defaultDestination[6] && protocol === RTPROT_RA,
  );
  if (hasIpv6 && policy.defaultRoute && gateway !== null && !(isAdvertised && isTakenUp)) {
    routes.push({
      ...base,
      ...outside,
      destination: defaultDestination[6],
      gateway,
      metric: chooseStandInMetric(metric, isLeading),
    });
  }
  return routes;
}

/**
 * After a reload the routers answer in any order: behind the advertised route of another ENI, the
 * stand-in of the leading one would not stop main from sending its source by that other ENI. Two
 * before its own, because one before is where the default route of a dead link is replaced.
 */
function chooseStandInMetric(metric: number, isLeading: boolean): number {
  return isLeading && metric > 2 ? metric - 2 : metric + standInMetric;
}

interface MainRouteOptions {
  readonly metric: number;
  readonly isTakenUp: boolean;
  readonly isLeading: boolean;
}

export function computeLease(
  eni: EniMetadata,
  policy: InterfacePolicy,
  { link, leaseTable: table, metric }: { readonly link: Link; readonly leaseTable: number; readonly metric: number },
): DesiredLease {
  const prefixLength = eni.subnetIpv4 === null ? null : requireCidr(eni.subnetIpv4).length;
  const address = eni.ipv4Addresses[0] ?? null;
  const mtu = policy.defaultRoute ? computeMtuOutside(eni, link, policy) : null;
  return { address, prefixLength, table, metric, hasDefaultRoute: policy.defaultRoute, mtu };
}

/** `eni-…` and `device-number-DEVICE.CARD`, the names that amazon-ec2-net-utils gives. */
export function computeAltNames(eni: EniMetadata): string[] {
  const byPlace = `device-number-${eni.deviceNumber}.${eni.networkCard}`;
  return eni.eniId === null ? [byPlace] : [byPlace, eni.eniId];
}
