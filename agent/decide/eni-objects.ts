/** The kernel objects of one ENI: addresses, routes of its own table, alternative names. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import { addressAt, networkOf, requireCidr } from '../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../config/types.ts';
import type { Address, DesiredAddress, DesiredLease, DesiredRoute, EniMetadata, KernelState, Link } from '../model.ts';
import { listOfLink } from './by-link.ts';
import type { Matched } from './matched.ts';
import { localTable, mainTable } from './numbers.ts';
import { type KnownRouter, routerAdvertisementProtocol } from './routers.ts';
import { isExcluded, listPrefixSources, listSubnets } from './sources.ts';
import { standInMetric } from './stand-ins.ts';

/** What an ENI's gateways are found in. */
export interface Surroundings {
  readonly kernel: KernelState;
  readonly routers: readonly KnownRouter[];
}

/** EC2 delegates /28; a shorter prefix is made local as a whole. */
const shortestAssigned = 24;
/** RTPROT_DHCP (linux/rtnetlink.h). */
const dhcpProtocol = 16;

export function computeAddresses(eni: EniMetadata, link: Link, policy: InterfacePolicy): DesiredAddress[] {
  const linkIndex = link.index;
  const isLocal = policy.secondary === 'local';
  // The first of each family is the ENI's own: that of IPv4 is the lease's, and DHCPv6 leases that of IPv6.
  return [
    ...eni.ipv4Addresses.slice(1, isLocal ? undefined : 1).map((address) => ({ linkIndex, address, prefixLength: 32 })),
    ...eni.ipv6Addresses.slice(0, isLocal ? undefined : 1).map((address, position) => ({
      linkIndex,
      address,
      prefixLength: 128,
      // The kernel would choose the newest of them as source: an assigned address would change all that goes out.
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

/** Delegated prefixes whose addresses are put on the link one by one. Those of IPv6 have too many (2^48). */
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

/** AnyIP: the whole prefix is local to this host. */
export function computeLocalRoutes(eni: EniMetadata, link: Link, policy: InterfacePolicy): DesiredRoute[] {
  if (policy.prefixes === 'rules') return [];
  const assigned = new Set(listAssignedPrefixes(eni, policy));
  const whole = listPrefixSources(eni, policy).filter((prefix) => !assigned.has(prefix));
  return whole.map((destination) => ({
    // Also in a VRF: of a source that no link has the kernel asks this table alone (__ip_dev_find).
    table: localTable,
    destination,
    type: 'local',
    gateway: null,
    linkIndex: link.index,
    // IPv6 has no metric 0: the kernel turns it into 1024, and a wish that never comes true would be a repair for ever.
    metric: familyOf(destination) === 4 ? 0 : 1024,
  }));
}

export interface DefaultRoutes {
  readonly routes: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

export const noDefaults: DefaultRoutes = { routes: [], unresolvedFamilies: [] };

export function computeDefaultRoutes({ kernel, routers }: Surroundings, one: Matched, metric: number): DefaultRoutes {
  const table = one.tableId;
  const routes: DesiredRoute[] = [];
  const unresolvedFamilies: (4 | 6)[] = [];
  const linkIndex = one.candidate.link.index;
  for (const family of [4, 6] as const) {
    const gateway = findGateway({ kernel, routers }, one, family);
    if (gateway === null) {
      unresolvedFamilies.push(family);
      continue;
    }
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    routes.push({ table, destination, type: 'unicast', gateway, linkIndex, metric });
  }
  return { routes, unresolvedFamilies };
}

/** Routes that the operator wants by this ENI. */
export interface OperatorRoutes {
  /**
   * Those whose router is not known yet are left out. networkd's own word for it (`_dhcp4`) will not do in its file: such
   * routes bear the lease's mark and not ours, and could not be told from other programs' when they are to go.
   */
  readonly routes: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

export const noOperatorRoutes: OperatorRoutes = { routes: [], unresolvedFamilies: [] };

export function computeOperatorRoutes(surroundings: Surroundings, one: Matched, metric: number): OperatorRoutes {
  // The same object: what follows from it is done once.
  if (one.policy.routes.length === 0) return noOperatorRoutes;
  const ownTable = one.tableId;
  const routes: DesiredRoute[] = [];
  const unresolved = new Set<4 | 6>();
  const linkIndex = one.candidate.link.index;
  for (const { to: destination, via, table } of one.policy.routes) {
    const family = familyOf(destination);
    const gateway = via ?? findGateway(surroundings, one, family);
    if (gateway === null) {
      unresolved.add(family);
      continue;
    }
    // A VRF is apart from main: a way into it out of main is made only where it is asked for by that name.
    const both = one.policy.vrf === null ? [ownTable, mainTable] : [ownTable];
    const tables = { own: [ownTable], main: [mainTable], both }[table];
    for (const id of tables) routes.push({ table: id, destination, type: 'unicast', gateway, linkIndex, metric });
  }
  return { routes, unresolvedFamilies: [...unresolved] };
}

/** Null until the lease or the router advertisement is there. */
function findGateway({ kernel, routers }: Surroundings, one: Matched, family: 4 | 6): string | null {
  if (family === 4) return findIpv4Gateway(kernel, one);
  const { index } = one.candidate.link;
  const known = routers.find(({ linkIndex }) => linkIndex === index);
  return findIpv6Gateway(kernel, index, one.tableId) ?? known?.gateway ?? null;
}

/**
 * What the lease and the router advertisement bring into main or the VRF, once they are there: networkd makes these routes once, and
 * never again when another program deletes them (measured on 252 and 257). `isTakenUp`: networkd has our file in force; until
 * then a reload is to come, which drops the advertised route for a while.
 */
export function computeMainRoutes(
  { kernel, routers }: Surroundings,
  one: Matched,
  { metric, isTakenUp, hasDefault }: MainRouteOptions,
): DesiredRoute[] {
  const { eni, candidate, leaseTable } = one;
  const base = { table: leaseTable, type: 'unicast', linkIndex: candidate.link.index, metric } as const;
  const routes: DesiredRoute[] = [];
  const leased = listOfLink(kernel.addresses, candidate.link.index).find(
    ({ address }) => address === eni.ipv4Addresses[0],
  );
  // With another metric the kernel's route stands elsewhere: that is brought in order first (diff-leases).
  if (leased !== undefined && leased.prefixLength < 32 && leased.metric === metric) {
    routes.push({ ...base, destination: networkOf(leased.address, leased.prefixLength), gateway: null });
    const gateway = hasDefault ? findIpv4Gateway(kernel, one) : null;
    if (gateway !== null) routes.push({ ...base, destination: '0.0.0.0/0', gateway });
  }
  const router = routers.find(({ linkIndex }) => linkIndex === candidate.link.index);
  const hasIpv6 = eni.ipv6Addresses.length > 0 || eni.subnetIpv6.length > 0;
  const isAdvertised = listOfLink(kernel.routes, candidate.link.index).some(
    ({ table, destination, protocol }) =>
      table === leaseTable && destination === '::/0' && protocol === routerAdvertisementProtocol,
  );
  if (hasIpv6 && hasDefault && router !== undefined && !(isAdvertised && isTakenUp)) {
    routes.push({ ...base, destination: '::/0', gateway: router.gateway, metric: metric + standInMetric });
  }
  return routes;
}

/** The lease's router; before the lease there is none. Where the lease makes no route, the subnet's first host. */
function findIpv4Gateway(kernel: KernelState, { eni, candidate, leaseTable }: Matched): string | null {
  if (!hasLease(kernel.addresses, candidate.link.index, eni)) return null;
  const leased = listOfLink(kernel.routes, candidate.link.index).find(
    (route) => route.destination === '0.0.0.0/0' && route.table === leaseTable && route.protocol === dhcpProtocol,
  );
  return leased?.gateway ?? (eni.subnetIpv4 === null ? null : addressAt(eni.subnetIpv4, 1n));
}

/** The ENI's own table has networkd's route too, and is the only one where main is to have none. */
function findIpv6Gateway(kernel: KernelState, linkIndex: number, ownTable: number): string | null {
  const advertised = listOfLink(kernel.routes, linkIndex).find(
    (route) =>
      route.destination === '::/0' &&
      (route.table === mainTable || route.table === ownTable) &&
      route.protocol === routerAdvertisementProtocol,
  );
  return advertised?.gateway ?? null;
}

export function hasLease(addresses: readonly Address[], linkIndex: number, eni: EniMetadata): boolean {
  const primary = eni.ipv4Addresses[0];
  return listOfLink(addresses, linkIndex).some(({ address }) => address === primary);
}

interface MainRouteOptions {
  readonly metric: number;
  readonly isTakenUp: boolean;
  readonly hasDefault: boolean;
}

export function computeLease(
  eni: EniMetadata,
  policy: InterfacePolicy,
  { leaseTable: table, metric }: { readonly leaseTable: number; readonly metric: number },
): DesiredLease {
  const prefixLength = eni.subnetIpv4 === null ? null : requireCidr(eni.subnetIpv4).length;
  const address = eni.ipv4Addresses[0] ?? null;
  return { address, prefixLength, table, metric, hasDefaultRoute: policy.defaultRoute };
}

/** `eni-…` and `device-number-DEVICE.CARD`, the names that amazon-ec2-net-utils gives. */
export function computeAltNames(eni: EniMetadata): string[] {
  const byPlace = `device-number-${eni.deviceNumber}.${eni.networkCard}`;
  return eni.eniId === null ? [byPlace] : [byPlace, eni.eniId];
}
