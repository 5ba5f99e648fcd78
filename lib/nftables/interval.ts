/**
 * Prefixes as an interval map has them: an element where each begins, and one that ends it (the
 * first address behind it). A prefix that reaches to the last address has no end.
 */

import { formatAddress, widthOf } from '../ip/address.ts';
import { formatCidr, hostCidr, requireCidr } from '../ip/cidr.ts';
import type { Family } from '../rtnetlink/types.ts';

export interface Interval {
  readonly start: Buffer;
  readonly end: Buffer | null;
}

/** Of CIDR text, or of a range as `nameInterval` writes it. */
export function toInterval(cidr: string): Interval {
  const [first = '', behind] = cidr.split('-');
  if (behind !== undefined) {
    const bytes = (address: string) => {
      const { family, value } = requireCidr(hostCidr(address));
      return toBytes(value, widthOf(family));
    };
    return { start: bytes(first), end: behind === '' ? null : bytes(behind) };
  }
  const { family, value, length } = requireCidr(cidr);
  const width = widthOf(family);
  const end = value + (1n << BigInt(width - length));
  return { start: toBytes(value, width), end: end >> BigInt(width) === 0n ? toBytes(end, width) : null };
}

/** CIDR text; `first-end` where the range is no prefix. `end` null: up to the last address. */
export function nameInterval(family: Family, start: Buffer, end: Buffer | null): string {
  const width = widthOf(family);
  const first = toNumber(start);
  const behind = end === null ? 1n << BigInt(width) : toNumber(end);
  const size = behind - first;
  const hostBits = size.toString(2).length - 1;
  const isPrefix = size > 0n && size === 1n << BigInt(hostBits) && first % size === 0n;
  if (isPrefix) return formatCidr({ family, value: first, length: width - hostBits });
  return `${formatAddress(family, first)}-${end === null ? '' : formatAddress(family, behind)}`;
}

function toBytes(value: bigint, width: number): Buffer {
  return Buffer.from(value.toString(16).padStart(width / 4, '0'), 'hex');
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}
