/**
 * The routers of an ENI: of its lease and of the advertisements on its link, as the kernel and
 * networkd report them. Pure.
 */

import { addressAt } from '../../../lib/ip/cidr.ts';
import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { Address, EniMetadata, KernelState, NetworkdLease, NetworkdState, Route } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { RTPROT_DHCP } from '../base/kernel-numbers.ts';
import { findRouter, isWithdrawn, type KnownRouter } from '../inputs/routers.ts';
import type { Matched } from './matched.ts';

/** The inputs from which an ENI's gateways are derived. */
export interface Surroundings {
  readonly kernel: Pick<KernelState, 'addresses' | 'routes'>;
  readonly routers: readonly KnownRouter[];
  readonly networkd: NetworkdState;
}

/** Null until there is a lease or router advertisement. */
export function findGateway(surroundings: Surroundings, one: Matched, family: 4 | 6): string | null {
  return family === 4 ? findIpv4Gateway(surroundings, one) : findRouter(surroundings.routers, one.candidate.link.index);
}

/** Whether the network itself withdrew the default route. */
export function isDefaultWithdrawn({ routers, networkd, kernel }: Surroundings, one: Matched, family: 4 | 6): boolean {
  if (family === 6) return isWithdrawn(routers, one.candidate.link.index);
  const lease = findLease(networkd, one);
  return lease !== undefined && lease.gateway === null && findLeasedDefaults(kernel, one).length === 0;
}

/**
 * The lease's router; none before there is a lease. If the lease names none, or its content is not
 * known, the subnet's first host, which is always EC2's router: an ENI's own table
 * has a default route in any case.
 */
function findIpv4Gateway({ kernel, networkd }: Surroundings, one: Matched): string | null {
  const { eni, candidate } = one;
  if (!hasLease(kernel.addresses, candidate.link.index, eni)) return null;
  const made = findLeasedDefaults(kernel, one).map(({ gateway }) => gateway);
  const said = findLease(networkd, one)?.gateway ?? null;
  if (said !== null && (made.length === 0 || made.includes(said))) return said;
  return made[0] ?? (eni.subnetIpv4 === null ? null : addressAt(eni.subnetIpv4, 1n));
}

function findLeasedDefaults(kernel: Surroundings['kernel'], { candidate, leaseTable }: Matched): readonly Route[] {
  return listOfLink(kernel.routes, candidate.link.index).filter(
    (route) =>
      route.destination === defaultDestination[4] && route.table === leaseTable && route.protocol === RTPROT_DHCP,
  );
}

/** The lease of the ENI's own address; an earlier lease does not count. */
function findLease(networkd: NetworkdState, { eni, candidate }: Matched): NetworkdLease | undefined {
  const lease = networkd.links.find(({ linkIndex }) => linkIndex === candidate.link.index)?.lease;
  return lease?.address === eni.ipv4Addresses[0] ? lease : undefined;
}

export function hasLease(addresses: readonly Address[], linkIndex: number, eni: EniMetadata): boolean {
  const primary = eni.ipv4Addresses[0];
  return listOfLink(addresses, linkIndex).some(({ address }) => address === primary);
}
