/**
 * Settings of net.ipv4.conf.<link> over netlink: IFLA_INET_CONF of a link, and RTM_NEWNETCONF
 * (linux/netconf.h).
 */

import {
  AF_INET,
  AF_INET6,
  DEVCONF_DISABLE_IPV6,
  IFLA_AF_SPEC,
  IFLA_INET_CONF,
  IFLA_INET6_CONF,
  IPV4_DEVCONF_ARP_ANNOUNCE,
  IPV4_DEVCONF_ARP_IGNORE,
  IPV4_DEVCONF_RP_FILTER,
  NETCONFA_IFINDEX,
  NETCONFA_RP_FILTER,
} from './constants.ts';
import { encodeNested, encodeU32, readU32, requireLength, visitAttributes } from './message.ts';
import type { LinkSettings } from './types.ts';

const numbers: Readonly<Record<keyof LinkSettings, number>> = {
  rp_filter: IPV4_DEVCONF_RP_FILTER,
  arp_announce: IPV4_DEVCONF_ARP_ANNOUNCE,
  arp_ignore: IPV4_DEVCONF_ARP_IGNORE,
};

/**
 * The content of IFLA_AF_SPEC; null if the link has no IPv4. An array of 32-bit numbers, the first
 * setting has number 1.
 */
export function decodeSettings(buffer: Buffer, start: number, end: number): LinkSettings | null {
  let settings: LinkSettings | null = null;
  visitAttributes(buffer, start, end, (family, from, to) => {
    if (family !== AF_INET) return;
    visitAttributes(buffer, from, to, (type, first, last) => {
      if (type !== IFLA_INET_CONF) return;
      requireLength('IFLA_INET_CONF', last - first, 4 * IPV4_DEVCONF_ARP_IGNORE);
      const read = (name: keyof LinkSettings) => buffer.readUInt32LE(first + 4 * (numbers[name] - 1));
      settings = {
        rp_filter: read('rp_filter'),
        arp_announce: read('arp_announce'),
        arp_ignore: read('arp_ignore'),
      };
    });
  });
  return settings;
}

/**
 * Whether the link can have IPv6 addresses, from the content of IFLA_AF_SPEC. It cannot if
 * net.ipv6.conf.<link>.disable_ipv6 is set, if its MTU is below 1280 (the kernel then disables IPv6
 * on it), or if the kernel has no IPv6. An array of 32-bit numbers that begins with number 0
 * (ipv6_store_devconf).
 */
export function decodeIpv6State(buffer: Buffer, start: number, end: number): boolean {
  let canHave = false;
  visitAttributes(buffer, start, end, (family, from, to) => {
    if (family !== AF_INET6) return;
    canHave = true;
    visitAttributes(buffer, from, to, (type, first, last) => {
      if (type !== IFLA_INET6_CONF) return;
      requireLength('IFLA_INET6_CONF', last - first, 4 * (DEVCONF_DISABLE_IPV6 + 1));
      canHave = buffer.readUInt32LE(first + 4 * DEVCONF_DISABLE_IPV6) === 0;
    });
  });
  return canHave;
}

/** Attributes of RTM_SETLINK that set one setting and leave the rest of the link as it is. */
export function encodeSetting(name: keyof LinkSettings, value: number): Buffer[] {
  const settings = encodeNested(IFLA_INET_CONF, [encodeU32(numbers[name], value)]);
  return [encodeNested(IFLA_AF_SPEC, [encodeNested(AF_INET, [settings])])];
}

/** struct netconfmsg is one byte, padded. */
const HEADER_LENGTH = 4;

/**
 * Body of RTM_NEWNETCONF: the link and its reverse path filter; null if it reports something else.
 */
export function decodeReversePathFilter(
  buffer: Buffer,
  start: number,
  end: number,
): { readonly linkIndex: number; readonly reversePathFilter: number } | null {
  requireLength('netconfmsg', end - start, HEADER_LENGTH);
  if (buffer[start] !== AF_INET) return null;
  let linkIndex: number | null = null;
  let reversePathFilter: number | null = null;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === NETCONFA_IFINDEX) linkIndex = readU32('NETCONFA_IFINDEX', buffer, from, to);
    else if (type === NETCONFA_RP_FILTER) reversePathFilter = readU32('NETCONFA_RP_FILTER', buffer, from, to);
  });
  return linkIndex === null || reversePathFilter === null ? null : { linkIndex, reversePathFilter };
}
