/** The kernel objects of one ENI: addresses, routes of its own table, alternative names. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import { addressAt } from '../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../config/types.ts';
import type { Address, DesiredAddress, DesiredLease, DesiredRoute, EniMetadata, KernelState, Link } from '../model.ts';
import type { CandidateLink } from './match-links.ts';
import { isExcluded, listPrefixSources, listSubnets } from './sources.ts';

/** One present link with the ENI it is, ready to be configured. */
export interface Matched {
  readonly eni: EniMetadata;
  readonly candidate: CandidateLink;
  readonly isPrimary: boolean;
  readonly isLeaving: boolean;
  readonly policy: InterfacePolicy;
}

const mainTable = 254;
const localTable = 255;
/** RTPROT_RA and RTPROT_DHCP (linux/rtnetlink.h). */
const routerAdvertisementProtocol = 9;
const dhcpProtocol = 16;

export function computeAddresses({ eni, candidate, policy }: Matched): DesiredAddress[] {
  if (policy.secondary === 'route-only') return [];
  const linkIndex = candidate.link.index;
  // The primary IPv4 address is the lease's.
  return [
    ...eni.ipv4Addresses.slice(1).map((address) => ({ linkIndex, address, prefixLength: 32 })),
    ...eni.ipv6Addresses.map((address) => ({ linkIndex, address, prefixLength: 128 })),
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

/** AnyIP: the whole prefix is local to this host. */
export function computeLocalRoutes({ eni, candidate, policy }: Matched): DesiredRoute[] {
  return listPrefixSources(eni, policy).map((destination) => ({
    table: localTable,
    destination,
    type: 'local',
    gateway: null,
    linkIndex: candidate.link.index,
    // IPv6 has no metric 0: the kernel turns it into 1024, and a wish that never comes true would be a repair for ever.
    metric: familyOf(destination) === 4 ? 0 : 1024,
  }));
}

interface DefaultRoutes {
  readonly routes: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

export const noDefaults: DefaultRoutes = { routes: [], unresolvedFamilies: [] };

export function computeDefaultRoutes(kernel: KernelState, one: Matched, table: number, metric: number): DefaultRoutes {
  const routes: DesiredRoute[] = [];
  const unresolvedFamilies: (4 | 6)[] = [];
  const linkIndex = one.candidate.link.index;
  for (const family of [4, 6] as const) {
    const gateway = findGateway(kernel, one, family, table);
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

export function computeOperatorRoutes(
  kernel: KernelState,
  one: Matched,
  ownTable: number,
  metric: number,
): OperatorRoutes {
  const routes: DesiredRoute[] = [];
  const unresolved = new Set<4 | 6>();
  const linkIndex = one.candidate.link.index;
  for (const { to: destination, via, table } of one.policy.routes) {
    const family = familyOf(destination);
    const gateway = via ?? findGateway(kernel, one, family, ownTable);
    if (gateway === null) {
      unresolved.add(family);
      continue;
    }
    const tables = { own: [ownTable], main: [mainTable], both: [ownTable, mainTable] }[table];
    for (const id of tables) routes.push({ table: id, destination, type: 'unicast', gateway, linkIndex, metric });
  }
  return { routes, unresolvedFamilies: [...unresolved] };
}

/** Null until the lease or the router advertisement is there. */
function findGateway(kernel: KernelState, one: Matched, family: 4 | 6, ownTable: number): string | null {
  return family === 4 ? findIpv4Gateway(kernel, one) : findIpv6Gateway(kernel, one.candidate.link.index, ownTable);
}

/** The lease's router; before the lease there is none. Where the lease makes no route, the subnet's first host. */
function findIpv4Gateway(kernel: KernelState, { eni, candidate }: Matched): string | null {
  if (!hasLease(kernel.addresses, candidate.link.index, eni)) return null;
  const leased = kernel.routes.find(
    (route) =>
      route.linkIndex === candidate.link.index &&
      route.destination === '0.0.0.0/0' &&
      route.table === mainTable &&
      route.protocol === dhcpProtocol,
  );
  return leased?.gateway ?? (eni.subnetIpv4 === null ? null : addressAt(eni.subnetIpv4, 1n));
}

/** The ENI's own table has networkd's route too, and is the only one where main is to have none. */
function findIpv6Gateway(kernel: KernelState, linkIndex: number, ownTable: number): string | null {
  const advertised = kernel.routes.find(
    (route) =>
      route.linkIndex === linkIndex &&
      route.destination === '::/0' &&
      (route.table === mainTable || route.table === ownTable) &&
      route.protocol === routerAdvertisementProtocol,
  );
  return advertised?.gateway ?? null;
}

export function hasLease(addresses: readonly Address[], linkIndex: number, eni: EniMetadata): boolean {
  const primary = eni.ipv4Addresses[0];
  return addresses.some((address) => address.linkIndex === linkIndex && address.address === primary);
}

export function computeLease({ eni, policy }: Matched, metric: number): DesiredLease {
  return { address: eni.ipv4Addresses[0] ?? null, metric, hasDefaultRoute: policy.defaultRoute };
}

/** `eni-…` and `device-number-DEVICE.CARD`, the names that amazon-ec2-net-utils gives. */
export function computeAltNames(eni: EniMetadata): string[] {
  const byPlace = `device-number-${eni.deviceNumber}.${eni.networkCard}`;
  return eni.eniId === null ? [byPlace] : [byPlace, eni.eniId];
}
