/** Address bytes as canonical text and back; on the hot path of dumps, so without BigInt. */

import { isIP } from 'node:net';
import type { Family } from './types.ts';

/** Canonical text (RFC 5952 for IPv6) of the address at `start`: 4 or 16 bytes. */
export function readAddressText(family: Family, buffer: Buffer, start: number): string {
  if (family === 4) {
    const word = buffer.readUInt32BE(start);
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  // One scan finds the first longest run of zero groups; a single zero group is not compressed (RFC
  // 5952, 4.2.2).
  let bestStart = -1;
  let bestLength = 1;
  let runStart = -1;
  for (let group = 0; group <= 8; group++) {
    const isZero = group < 8 && buffer.readUInt16BE(start + 2 * group) === 0;
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
    text += buffer.readUInt16BE(start + 2 * group).toString(16);
  }
  return text;
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
