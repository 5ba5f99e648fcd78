/**
 * Ranges in which no ENI has an address (IANA's special-purpose registries, and EC2's own
 * services).
 */

import { addressAt, contains, lastAddress, overlaps } from './cidr.ts';

const specialIpv4: Readonly<Record<string, string>> = {
  '0.0.0.0/8': 'this network',
  '127.0.0.0/8': 'loopback',
  '169.254.0.0/16': 'link-local',
  '224.0.0.0/4': 'multicast',
  '255.255.255.255/32': 'broadcast',
};

/** EC2's own services: metadata, DNS, time (Amazon VPC user guide). */
const servicesIpv6 = 'fd00:ec2::/32';

/**
 * All other IPv6 space is not unicast beyond one link: `::`, loopback, mapped IPv4, NAT64,
 * link-local, multicast.
 */
const usableIpv6: readonly string[] = ['2000::/3', 'fc00::/7'];

/**
 * The special range that excludes an address or prefix as a host's own; null: none. A prefix is
 * special if a part of it is.
 */
export function nameSpecialRange(cidr: string): string | null {
  if (cidr.includes(':')) {
    if (overlaps(servicesIpv6, cidr)) return "of EC2's own services";
    return usableIpv6.some((range) => contains(range, cidr)) ? null : 'special (neither global nor unique-local)';
  }
  const found = Object.entries(specialIpv4).find(([range]) => overlaps(range, cidr));
  return found?.[1] ?? null;
}

/**
 * Addresses of a subnet that no ENI can have. IPv4: the first four, which include the router, and
 * the last. IPv6: the first, which is every router's (RFC 4291, 2.6.1), and the last. (Amazon VPC
 * user guide, "Subnet CIDR blocks".)
 */
export function listReserved(subnet: string): string[] {
  const first = subnet.includes(':') ? [0n] : [0n, 1n, 2n, 3n];
  return [...first.map((offset) => addressAt(subnet, offset)), lastAddress(subnet)];
}
