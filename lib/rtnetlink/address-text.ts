/** Address bytes as canonical text and back; on the hot path of dumps, so without BigInt. */

import { isIP } from 'node:net';
import { formatIpv6 } from '../ip/address.ts';
import type { Family } from './types.ts';

/** Canonical text (RFC 5952 for IPv6) of the address at `start`: 4 or 16 bytes. */
export function readAddressText(family: Family, buffer: Buffer, start: number): string {
  if (family === 4) {
    const word = buffer.readUInt32BE(start);
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  return formatIpv6((group) => buffer.readUInt16BE(start + 2 * group));
}

/** The unspecified address, for prefixes whose attribute is left out because their length is 0. */
export function anyAddress(family: Family): string {
  return family === 4 ? '0.0.0.0' : '::';
}

/**
 * Address bytes of text; throws a RangeError for text that is no address of that family: a bug of
 * the caller.
 */
export function addressBytes(family: Family, text: string): Buffer {
  if (isIP(text) !== family || text.includes('%')) {
    throw new RangeError(`expected an IPv${family} address, got ${JSON.stringify(text)}`);
  }
  return family === 4 ? Buffer.from(text.split('.').map(Number)) : colonBytes(text);
}

function colonBytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  const [head = '', tail = ''] = text.split('::');
  const leading = groupBytes(head);
  const trailing = groupBytes(tail);
  leading.copy(bytes, 0);
  trailing.copy(bytes, 16 - trailing.length);
  return bytes;
}

function groupBytes(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  const octets: number[] = [];
  for (const group of text.split(':')) {
    if (group.includes('.')) octets.push(...group.split('.').map(Number));
    else octets.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
  }
  return Buffer.from(octets);
}

/** `10.0.1.0/24` → its bytes and length. Throws a RangeError for anything else. */
export function prefixBytes(family: Family, prefix: string): { readonly bytes: Buffer; readonly length: number } {
  const slash = prefix.indexOf('/');
  const length = Number(prefix.slice(slash + 1));
  if (slash < 0 || !Number.isInteger(length) || length < 0 || length > (family === 4 ? 32 : 128)) {
    throw new RangeError(`expected an IPv${family} prefix, got ${JSON.stringify(prefix)}`);
  }
  return { bytes: addressBytes(family, prefix.slice(0, slash)), length };
}
