/** IP addresses as canonical text and as numbers. */

import { isIP } from 'node:net';

export type Family = 4 | 6;

/** A parsed address: the family tells how many bits of `value` count (32 or 128). */
export interface ParsedAddress {
  readonly family: Family;
  readonly value: bigint;
}

/** Address width in bits. */
export function widthOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The family of address or CIDR text that is known to be canonical: only IPv6 has colons. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/**
 * Parses IPv4 dotted-quad or IPv6 text in any of its forms; null for anything else. Zone indices
 * (`fe80::1%eth0`) and IPv4 octets with leading zeros are refused: node's isIP follows RFC 6943
 * section 3.1.1 here.
 */
export function parseAddress(text: string): ParsedAddress | null {
  const family = isIP(text);
  if (family === 4) return { family: 4, value: parseDottedQuad(text) };
  if (family === 6 && !text.includes('%')) return { family: 6, value: parseColonText(text) };
  return null;
}

function parseDottedQuad(text: string): bigint {
  let value = 0;
  for (const octet of text.split('.')) value = value * 256 + Number(octet);
  return BigInt(value);
}

function parseColonText(text: string): bigint {
  const lastColon = text.lastIndexOf(':');
  let source = text;
  if (text.includes('.')) {
    const embedded = parseDottedQuad(text.slice(lastColon + 1));
    source = `${text.slice(0, lastColon + 1)}${(embedded >> 16n).toString(16)}:${(embedded & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = source.split('::');
  const headGroups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - headGroups.length - tailGroups.length;
  let value = 0n;
  for (const group of headGroups) value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  value <<= BigInt(16 * missing);
  for (const group of tailGroups) value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  return value;
}

/**
 * Canonical text: dotted quad, or RFC 5952 for IPv6 (lower case, the first longest run of zero
 * groups compressed).
 */
export function formatAddress(family: Family, value: bigint): string {
  if (family === 4) {
    const number = Number(value);
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
  }
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  return formatGroups(groups);
}

function formatGroups(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1; // RFC 5952 section 4.2.2: a single zero group is not compressed.
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (bestStart < 0) return text(groups);
  return `${text(groups.slice(0, bestStart))}::${text(groups.slice(bestStart + bestLength))}`;
}

/** Canonical text of an address in any form, null where it is none. */
export function canonicalAddress(text: string): string | null {
  const parsed = parseAddress(text);
  return parsed === null ? null : formatAddress(parsed.family, parsed.value);
}
