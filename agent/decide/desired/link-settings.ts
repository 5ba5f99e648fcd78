/**
 * Settings of an ENI's link: its group, its MTU, its DNS, and those of net.ipv4.conf.<link> that
 * the operator configured. Pure.
 */

import type { InterfacePolicy } from '../../config/types.ts';
import type { DesiredEni, EniMetadata, Link } from '../../model.ts';
import { readDns } from './network-file.ts';
import { hasFamily } from './sources.ts';

type Settings = NonNullable<Link['settings']>;

const reversePathFilters = { strict: 1, loose: 2 } as const;

/** Never those of `all`, which apply to every link of the host. */
export function computeSettings({ reversePathFilter, arp }: InterfacePolicy): Partial<Settings> {
  return {
    ...(reversePathFilter === 'keep' ? {} : { rp_filter: reversePathFilters[reversePathFilter] }),
    ...(arp === 'keep' ? {} : { arp_ignore: 1, arp_announce: 2 }),
  };
}

/** Below it, the kernel takes IPv6 off a link (RFC 8200, 5). */
const smallestOfIpv6 = 1280;

/**
 * The MTU that networkd sets for `MTUBytes=`: at most what the driver supports, and enough for IPv6
 * if the link has it.
 */
export function computeMtu(eni: EniMetadata, { maxMtu }: Link, { mtu }: InterfacePolicy): number {
  const hasAddress = hasFamily(eni, 4) || hasFamily(eni, 6);
  const raised = hasAddress ? Math.max(mtu, smallestOfIpv6) : mtu;
  return maxMtu === undefined ? raised : Math.min(raised, maxMtu);
}

/** Nothing of its link should be used for DNS. */
export function isDnsOff({ networkFiles: [linkFile] }: DesiredEni): boolean {
  return linkFile !== undefined && readDns(linkFile.text) === false;
}
