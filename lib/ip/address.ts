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

/** The family of canonical address or CIDR text: only IPv6 has colons. */
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
  return formatIpv6((group) => Number((value >> BigInt(112 - 16 * group)) & 0xffffn));
}

/** RFC 5952 text of an IPv6 address by its eight groups of 16 bits, the first at 0. */
export function formatIpv6(readGroup: (group: number) => number): string {
  // One scan finds the first longest run of zero groups; a single zero group is not compressed
  // (section 4.2.2).
  let bestStart = -1;
  let bestLength = 1;
  let runStart = -1;
  for (let group = 0; group <= 8; group++) {
    const isZero = group < 8 && readGroup(group) === 0;
    if (isZero && runStart < 0) runStart = group;
    if (isZero || runStart < 0) continue;
    if (group - runStart > bestLength) [bestStart, bestLength] = [runStart, group - runStart];
    runStart = -1;
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === bestStart) {
      text += '::';
      group += bestLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += readGroup(group).toString(16);
  }
  return text;
}

/** Canonical text of an address in any form; null if it is none. */
export function canonicalAddress(text: string): string | null {
  const parsed = parseAddress(text);
  return parsed === null ? null : formatAddress(parsed.family, parsed.value);
}
