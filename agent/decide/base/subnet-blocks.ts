/** What the metadata says of an ENI's subnet. Pure. */

import type { EniMetadata } from '../../model.ts';

/** Blocks of its subnet as CIDR text, IPv4 first. */
export function listSubnetBlocks({ subnetIpv4, subnetIpv6 }: EniMetadata): string[] {
  return subnetIpv4 === null ? [...subnetIpv6] : [subnetIpv4, ...subnetIpv6];
}
