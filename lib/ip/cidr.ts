/**
 * CIDR prefixes as canonical text (`10.0.1.0/24`, `2001:db8::/64`): containment, overlap, exact
 * merging.
 */

import { type Family, formatAddress, parseAddress, widthOf } from './address.ts';

/** A parsed prefix: `value` has no bit set behind `length`. */
export interface ParsedCidr {
  readonly family: Family;
  readonly value: bigint;
  readonly length: number;
}

/**
 * Parses `address/length`; a bare address is its host prefix. Null for anything else, host bits
 * included.
 */
export function parseCidr(text: string): ParsedCidr | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const width = widthOf(address.family);
  const lengthText = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(lengthText)) return null;
  const length = Number(lengthText);
  if (length > width) return null;
  const hostBits = BigInt(width - length);
  if ((address.value >> hostBits) << hostBits !== address.value) return null;
  return { family: address.family, value: address.value, length };
}

export function formatCidr(cidr: ParsedCidr): string {
  return `${formatAddress(cidr.family, cidr.value)}/${cidr.length}`;
}

/** Canonical text of a prefix in any form; null if it is none or has host bits set. */
export function canonicalCidr(text: string): string | null {
  const parsed = parseCidr(text);
  return parsed === null ? null : formatCidr(parsed);
}

/**
 * The same few thousand texts are parsed again and again, and parsing one costs a hundred times as
 * much as a look-up. More than this many are not the configuration of one host: then the cache is
 * cleared, so that memory stays limited.
 */
const mostRemembered = 20_000;
const remembered = new Map<string, ParsedCidr>();

/** Parses text that is known to be valid. Throws a RangeError otherwise: a bug of the caller. */
export function requireCidr(text: string): ParsedCidr {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const parsed = parseCidr(text);
  if (parsed === null) throw new RangeError(`expected an address or CIDR prefix, got ${JSON.stringify(text)}`);
  if (remembered.size >= mostRemembered) remembered.clear();
  remembered.set(text, parsed);
  return parsed;
}

/** `10.0.1.5` → `10.0.1.5/32`. */
export function hostCidr(address: string): string {
  return formatCidr(requireCidr(address));
}

/** The prefix of this length that an address is in: `10.0.1.5`, 24 → `10.0.1.0/24`. */
export function networkOf(address: string, length: number): string {
  const { family, value } = requireCidr(address);
  const hostBits = BigInt(widthOf(family) - length);
  return formatCidr({ family, value: (value >> hostBits) << hostBits, length });
}

/** Whether every address of `inner` (an address or prefix) is in `outer`. */
export function contains(outer: string, inner: string): boolean {
  return containsParsed(requireCidr(outer), requireCidr(inner));
}

function containsParsed(outer: ParsedCidr, inner: ParsedCidr): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  const shift = BigInt(widthOf(outer.family) - outer.length);
  return outer.value >> shift === inner.value >> shift;
}

/**
 * Whether two prefixes share an address. Prefixes nest or are disjoint, so one contains the other.
 */
export function overlaps(left: string, right: string): boolean {
  const [first, second] = [requireCidr(left), requireCidr(right)];
  return containsParsed(first, second) || containsParsed(second, first);
}

/** Which of many prefixes an address is in; one look-up for each prefix length that occurs. */
export class CidrIndex {
  readonly #groups: { readonly family: Family; readonly shift: bigint; readonly cidrs: Map<bigint, string> }[] = [];

  constructor(cidrs: readonly string[]) {
    for (const text of cidrs) {
      const { family, value, length } = requireCidr(text);
      const shift = BigInt(widthOf(family) - length);
      let group = this.#groups.find((one) => one.family === family && one.shift === shift);
      if (group === undefined) {
        group = { family, shift, cidrs: new Map() };
        this.#groups.push(group);
      }
      group.cidrs.set(value >> shift, text);
    }
  }

  /** Every prefix that holds the address. */
  find(address: string): string[] {
    const { family, value } = requireCidr(address);
    return this.#groups.flatMap((group) => {
      const found = group.family === family ? group.cidrs.get(value >> group.shift) : undefined;
      return found === undefined ? [] : [found];
    });
  }
}

/**
 * The address `offset` places into a prefix: 1 is the VPC router of a subnet (Amazon VPC user
 * guide, "Subnet sizing").
 */
export function addressAt(cidr: string, offset: bigint): string {
  const { family, value } = requireCidr(cidr);
  return formatAddress(family, value + offset);
}

/** The last address of a prefix: the broadcast address in an IPv4 subnet. */
export function lastAddress(cidr: string): string {
  const { family, value, length } = requireCidr(cidr);
  return formatAddress(family, value + (1n << BigInt(widthOf(family) - length)) - 1n);
}

function compareCidrs(left: ParsedCidr, right: ParsedCidr): number {
  if (left.family !== right.family) return left.family - right.family;
  if (left.value !== right.value) return left.value < right.value ? -1 : 1;
  return left.length - right.length;
}

/**
 * The fewest prefixes that cover exactly the same addresses, sorted; both families may be mixed.
 * One pass over the sorted input with a stack: a prefix inside the top is dropped, two halves of
 * one parent become the parent.
 */
export function mergeCidrs(cidrs: readonly string[]): string[] {
  const stack: ParsedCidr[] = [];
  for (const cidr of cidrs.map(requireCidr).sort(compareCidrs)) {
    const top = stack.at(-1);
    if (top !== undefined && containsParsed(top, cidr)) continue;
    stack.push(cidr);
    mergeTop(stack);
  }
  return stack.map(formatCidr);
}

function mergeTop(stack: ParsedCidr[]): void {
  for (;;) {
    const upper = stack.at(-1);
    const lower = stack.at(-2);
    if (upper === undefined || lower === undefined || !areHalves(lower, upper)) return;
    stack.length -= 2;
    stack.push({ family: lower.family, value: lower.value, length: lower.length - 1 });
  }
}

function areHalves(lower: ParsedCidr, upper: ParsedCidr): boolean {
  if (lower.family !== upper.family || lower.length !== upper.length || lower.length === 0) return false;
  const size = 1n << BigInt(widthOf(lower.family) - lower.length);
  const isLowerHalf = (lower.value & size) === 0n;
  return isLowerHalf && lower.value + size === upper.value;
}

/** The rest of a prefix without others, as the fewest prefixes. */
export function subtractCidrs(cidr: string, excluded: readonly string[]): string[] {
  const parsed = requireCidr(cidr);
  const others = excluded.map(requireCidr);
  return mergeCidrs(subtractParsed(parsed, others).map(formatCidr));
}

function subtractParsed(cidr: ParsedCidr, excluded: readonly ParsedCidr[]): ParsedCidr[] {
  const touching = excluded.filter((other) => containsParsed(other, cidr) || containsParsed(cidr, other));
  if (touching.length === 0) return [cidr];
  if (touching.some((other) => containsParsed(other, cidr))) return [];
  const length = cidr.length + 1;
  const size = 1n << BigInt(widthOf(cidr.family) - length);
  return [cidr.value, cidr.value + size].flatMap((value) =>
    subtractParsed({ family: cidr.family, value, length }, touching),
  );
}
