/** What a packet for an address that is not on the host says. Pure. */

import { contains, hostCidr } from '../../../lib/ip/cidr.ts';
import type { Snapshot } from '../../model.ts';
import { listSubnetBlocks } from '../base/subnet-blocks.ts';
import { readyEnis } from './accept-snapshot.ts';

/**
 * Whether it may be an ENI's address that was assigned since the metadata was read: EC2 delivers at
 * once. False for what is known already, such as an address that the configuration leaves out.
 */
export function mayBeAssigned(address: string, snapshot: Snapshot | null): boolean {
  const enis = readyEnis(snapshot);
  const host = hostCidr(address);
  const isIn = (cidrs: readonly string[]) => cidrs.some((cidr) => contains(cidr, host));
  const isOfSubnet = enis.some((eni) => isIn(listSubnetBlocks(eni)));
  const isKnown = enis.some(
    ({ ipv4Addresses, ipv6Addresses, ipv4Prefixes, ipv6Prefixes }) =>
      ipv4Addresses.includes(address) || ipv6Addresses.includes(address) || isIn([...ipv4Prefixes, ...ipv6Prefixes]),
  );
  return isOfSubnet && !isKnown;
}
