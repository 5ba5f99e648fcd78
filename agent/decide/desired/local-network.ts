/**
 * Local network interfaces of Outposts servers. The link is in the network on the premises, which
 * gives it its address; the one of the VPC that the metadata lists never comes (AWS Outposts user
 * guide for servers, "Local network interfaces"). Nothing in the metadata tells them from other
 * ENIs: `enable-lni-at-device-index` is an attribute of the subnet. The lease does. Pure.
 */

import { contains, networkOf } from '../../../lib/ip/cidr.ts';
import type { EniMetadata, Link } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { rememberEach } from '../base/memo.ts';
import type { World } from './world.ts';

type Inputs = Pick<World, 'snapshot' | 'kernel' | 'lastLeases'>;

/** By it a host with IPv6 alone asks the metadata service: it is leased, and of no network. */
const linkLocal = '169.254.0.0/16';

interface Lease {
  readonly leased: string;
  readonly prefixLength: number;
}

/** The ENI as its own network has it; null: it leases what the metadata lists, or nothing yet. */
export function findLocalNetwork(world: Inputs, eni: EniMetadata, link: Link): EniMetadata | null {
  if (eni.mac === world.snapshot?.primaryMac || eni.subnetIpv4 === null) return null;
  const leased = world.lastLeases.get(link.index);
  if (leased === undefined || eni.ipv4Addresses.includes(leased)) return null;
  if (contains(linkLocal, leased) || contains(eni.subnetIpv4, leased)) return null;
  const address = listOfLink(world.kernel.addresses, link.index).find((one) => one.address === leased);
  return address === undefined ? null : replaceAddresses(eni, { leased, prefixLength: address.prefixLength });
}

/** The same object for the same lease: what follows from an ENI is remembered by it. */
const replaceAddresses = rememberEach((eni: EniMetadata, { leased, prefixLength }: Lease): EniMetadata => {
  const nothing = { ipv6Addresses: [], ipv4Prefixes: [], ipv6Prefixes: [], subnetIpv6: [], publicIpv4: {} };
  // The VPC is not behind its router.
  const outside = eni.vpcCidrs === undefined ? {} : { vpcCidrs: [] };
  return { ...eni, ...nothing, ...outside, ipv4Addresses: [leased], subnetIpv4: networkOf(leased, prefixLength) };
});
