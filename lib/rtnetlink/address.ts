/** Addresses on the wire: struct ifaddrmsg and IFA_* (linux/if_addr.h). */

import { addressBytes, readAddressText } from './address-text.ts';
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_F_DEPRECATED,
  IFA_F_HOMEADDRESS,
  IFA_F_MANAGETEMPADDR,
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_FLAGS,
  IFA_LOCAL,
  IFA_PROTO,
  IFA_RT_PRIORITY,
  INFINITY_LIFE_TIME,
} from './constants.ts';
import { DecodeError } from './errors.ts';
import { encodeAttribute, encodeU8, encodeU32, readU8, readU32, requireLength, visitAttributes } from './message.ts';
import type { Address, Family } from './types.ts';

/** sizeof(struct ifaddrmsg): family, prefix length, flags, scope, index u32. */
const HEADER_LENGTH = 8;
/**
 * The flags that a request may set; the kernel computes the others (IFA_F_PERMANENT, …) and refuses
 * some.
 */
const SETTABLE_FLAGS = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;

export function familyNumber(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** AF_INET and AF_INET6; null for any other family, whose objects this library ignores. */
export function readFamily(buffer: Buffer, start: number): Family | null {
  const family = buffer[start];
  return family === AF_INET ? 4 : family === AF_INET6 ? 6 : null;
}

/** The address in an attribute. Throws a DecodeError if it is too short. */
export function readAddress(family: Family, buffer: Buffer, start: number, end: number): string {
  requireLength('address', end - start, family === 4 ? 4 : 16);
  return readAddressText(family, buffer, start);
}

/** Decodes the body of RTM_NEWADDR or RTM_DELADDR; null for families other than IPv4 and IPv6. */
export function decodeAddress(buffer: Buffer, start: number, end: number): Address | null {
  requireLength('ifaddrmsg', end - start, HEADER_LENGTH);
  const family = readFamily(buffer, start);
  if (family === null) return null;
  let flags = buffer.readUInt8(start + 2);
  let protocol = 0;
  let metric = 0;
  let validLifetime: number | null = null;
  // IFA_ADDRESS is the peer if IFA_LOCAL is present too (linux/if_addr.h); IPv6 has IFA_LOCAL only
  // then.
  let local: string | null = null;
  let prefixAddress: string | null = null;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === IFA_LOCAL) local = readAddress(family, buffer, from, to);
    else if (type === IFA_ADDRESS) prefixAddress = readAddress(family, buffer, from, to);
    else if (type === IFA_FLAGS) flags = readU32('IFA_FLAGS', buffer, from, to);
    else if (type === IFA_PROTO) protocol = readU8('IFA_PROTO', buffer, from, to);
    else if (type === IFA_RT_PRIORITY) metric = readU32('IFA_RT_PRIORITY', buffer, from, to);
    else if (type === IFA_CACHEINFO) {
      // struct ifa_cacheinfo: preferred, valid, cstamp, tstamp.
      const valid = readU32('IFA_CACHEINFO', buffer, from + 4, to);
      validLifetime = valid === INFINITY_LIFE_TIME ? null : valid;
    }
  });
  const address = local ?? prefixAddress;
  if (address === null) throw new DecodeError('address message without IFA_LOCAL and IFA_ADDRESS');
  return {
    linkIndex: buffer.readUInt32LE(start + 4),
    family,
    address,
    prefixLength: buffer.readUInt8(start + 1),
    scope: buffer.readUInt8(start + 3),
    flags,
    protocol,
    metric,
    validLifetime,
  };
}

/**
 * Body of RTM_NEWADDR, without the flags that only the kernel may set, and with a subnet's
 * broadcast address.
 */
export function encodeAddress(address: Address): Buffer[] {
  const body = encodeAddressKey(address);
  body.push(encodeU32(IFA_FLAGS, address.flags & SETTABLE_FLAGS));
  // The kernel does not compute it; subnets of at most two addresses have none (RFC 3021).
  if (address.family === 4 && address.prefixLength <= 30) {
    body.push(encodeAttribute(IFA_BROADCAST, broadcastBytes(address)));
  }
  if (address.metric !== 0) body.push(encodeU32(IFA_RT_PRIORITY, address.metric));
  if (address.protocol !== 0) body.push(encodeU8(IFA_PROTO, address.protocol));
  const isDeprecated = (address.flags & IFA_F_DEPRECATED) !== 0;
  if (address.validLifetime !== null || isDeprecated) {
    // struct ifa_cacheinfo: preferred, valid, cstamp, tstamp. The kernel sets the flag where
    // nothing is left of the first.
    const cacheInfo = Buffer.alloc(16);
    const valid = address.validLifetime ?? INFINITY_LIFE_TIME;
    cacheInfo.writeUInt32LE(isDeprecated ? 0 : valid, 0);
    cacheInfo.writeUInt32LE(valid, 4);
    body.push(encodeAttribute(IFA_CACHEINFO, cacheInfo));
  }
  return body;
}

/**
 * Body of RTM_DELADDR: link, address and prefix length must all match (inet_rtm_deladdr,
 * inet6_addr_del).
 */
export function encodeAddressKey(address: Address): Buffer[] {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(familyNumber(address.family), 0);
  header.writeUInt8(address.prefixLength, 1);
  header.writeUInt8(address.scope, 3);
  header.writeUInt32LE(address.linkIndex, 4);
  const bytes = addressBytes(address.family, address.address);
  return [header, encodeAttribute(IFA_LOCAL, bytes), encodeAttribute(IFA_ADDRESS, bytes)];
}

function broadcastBytes({ address, prefixLength }: Address): Buffer {
  const bytes = addressBytes(4, address);
  const hostMask = 2 ** (32 - prefixLength) - 1;
  bytes.writeUInt32BE((bytes.readUInt32BE(0) | hostMask) >>> 0);
  return bytes;
}
