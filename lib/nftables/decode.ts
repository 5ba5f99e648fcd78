/** What a dump of nf_tables says of one table. */

import { widthOf } from '../ip/address.ts';
import { DecodeError } from '../rtnetlink/errors.ts';
import { readText, requireLength, visitAttributes } from '../rtnetlink/message.ts';
import type { Family } from '../rtnetlink/types.ts';
import {
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_TABLE,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_FLAGS,
  NFTA_SET_KEY_LEN,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_NAME,
  NFTA_VERDICT_CHAIN,
  NFTNL_UDATA_RULE_COMMENT,
} from './constants.ts';
import { nameInterval } from './interval.ts';
import type { Hook } from './types.ts';

/** sizeof(struct nfgenmsg), whose first byte is the family. */
const HEADER_LENGTH = 4;

interface InTable {
  /** NFPROTO_*. */
  readonly family: number;
  readonly table: string;
}

/** The attributes of a message by type: where each begins and ends. */
type Attributes = ReadonlyMap<number, readonly [start: number, end: number]>;

function readAttributes(buffer: Buffer, start: number, end: number): Attributes {
  const found = new Map<number, readonly [number, number]>();
  visitAttributes(buffer, start, end, (type, from, to) => found.set(type, [from, to]));
  return found;
}

function textOf(buffer: Buffer, attributes: Attributes, type: number): string {
  const place = attributes.get(type);
  if (place === undefined) throw new DecodeError(`attribute ${type} is missing`);
  return readText(buffer, ...place);
}

function numberOf(buffer: Buffer, attributes: Attributes, type: number): number | null {
  const place = attributes.get(type);
  if (place === undefined) return null;
  requireLength(`attribute ${type}`, place[1] - place[0], 4);
  return buffer.readUInt32BE(place[0]);
}

function readHeader(buffer: Buffer, start: number, end: number): { family: number; attributes: Attributes } {
  requireLength('nfgenmsg', end - start, HEADER_LENGTH);
  return { family: buffer.readUInt8(start), attributes: readAttributes(buffer, start + HEADER_LENGTH, end) };
}

/** NFT_MSG_NEWTABLE. */
export function decodeTable(buffer: Buffer, start: number, end: number): InTable {
  const { family, attributes } = readHeader(buffer, start, end);
  return { family, table: textOf(buffer, attributes, NFTA_TABLE_NAME) };
}

/** NFT_MSG_NEWCHAIN. */
export function decodeChain(
  buffer: Buffer,
  start: number,
  end: number,
): InTable & { readonly name: string; readonly hook: Hook | null } {
  const { family, attributes } = readHeader(buffer, start, end);
  const place = attributes.get(NFTA_CHAIN_HOOK);
  const hook = place === undefined ? null : readAttributes(buffer, ...place);
  return {
    family,
    table: textOf(buffer, attributes, NFTA_CHAIN_TABLE),
    name: textOf(buffer, attributes, NFTA_CHAIN_NAME),
    hook:
      hook === null
        ? null
        : {
            number: numberOf(buffer, hook, NFTA_HOOK_HOOKNUM) ?? 0,
            // Signed: filters of raw and mangle are below 0.
            priority: (numberOf(buffer, hook, NFTA_HOOK_PRIORITY) ?? 0) | 0,
          },
  };
}

/** NFT_MSG_NEWRULE. */
export function decodeRule(
  buffer: Buffer,
  start: number,
  end: number,
): InTable & { readonly chain: string; readonly comment: string | null; readonly handle: number } {
  const { family, attributes } = readHeader(buffer, start, end);
  const handle = attributes.get(NFTA_RULE_HANDLE);
  if (handle === undefined) throw new DecodeError('a rule without a handle');
  requireLength('NFTA_RULE_HANDLE', handle[1] - handle[0], 8);
  const userData = attributes.get(NFTA_RULE_USERDATA);
  return {
    family,
    table: textOf(buffer, attributes, NFTA_RULE_TABLE),
    chain: textOf(buffer, attributes, NFTA_RULE_CHAIN),
    comment: userData === undefined ? null : readComment(buffer, ...userData),
    // Counted up from 1 in each table.
    handle: Number(buffer.readBigUInt64BE(handle[0])),
  };
}

/** libnftnl's own framing: type u8, length u8, value. */
function readComment(buffer: Buffer, start: number, end: number): string | null {
  for (let offset = start; offset + 2 <= end; offset += 2 + buffer.readUInt8(offset + 1)) {
    const length = buffer.readUInt8(offset + 1);
    if (buffer.readUInt8(offset) !== NFTNL_UDATA_RULE_COMMENT || offset + 2 + length > end) continue;
    return readText(buffer, offset + 2, offset + 2 + length);
  }
  return null;
}

/** NFT_MSG_NEWSET. `keyFamily` null: it is no interval map of addresses. */
export function decodeMap(
  buffer: Buffer,
  start: number,
  end: number,
): InTable & { readonly name: string; readonly keyFamily: Family | null } {
  const { family, attributes } = readHeader(buffer, start, end);
  const isMap = numberOf(buffer, attributes, NFTA_SET_FLAGS) === (NFT_SET_INTERVAL | NFT_SET_MAP);
  const length = numberOf(buffer, attributes, NFTA_SET_KEY_LEN);
  return {
    family,
    table: textOf(buffer, attributes, NFTA_SET_TABLE),
    name: textOf(buffer, attributes, NFTA_SET_NAME),
    keyFamily: !isMap ? null : length === 4 ? 4 : length === 16 ? 6 : null,
  };
}

export interface ElementRecord {
  readonly key: Buffer;
  /** It ends the interval before it. */
  readonly isEnd: boolean;
  /** The chain that it leads to; null: another verdict, or none. */
  readonly chain: string | null;
}

/** NFT_MSG_NEWSETELEM. */
export function decodeElements(buffer: Buffer, start: number, end: number): ElementRecord[] {
  const { attributes } = readHeader(buffer, start, end);
  const list = attributes.get(NFTA_SET_ELEM_LIST_ELEMENTS);
  const elements: ElementRecord[] = [];
  if (list === undefined) return elements;
  visitAttributes(buffer, ...list, (type, from, to) => {
    if (type === NFTA_LIST_ELEM) elements.push(decodeElement(buffer, from, to));
  });
  return elements;
}

function decodeElement(buffer: Buffer, start: number, end: number): ElementRecord {
  const attributes = readAttributes(buffer, start, end);
  const key = attributes.get(NFTA_SET_ELEM_KEY);
  const value = key === undefined ? undefined : readAttributes(buffer, ...key).get(NFTA_DATA_VALUE);
  if (value === undefined) throw new DecodeError('an element without a key');
  const flags = numberOf(buffer, attributes, NFTA_SET_ELEM_FLAGS) ?? 0;
  const data = attributes.get(NFTA_SET_ELEM_DATA);
  const verdict = data === undefined ? undefined : readAttributes(buffer, ...data).get(NFTA_DATA_VERDICT);
  const target = verdict === undefined ? undefined : readAttributes(buffer, ...verdict).get(NFTA_VERDICT_CHAIN);
  return {
    key: Buffer.from(buffer.subarray(...value)),
    isEnd: (flags & NFT_SET_ELEM_INTERVAL_END) !== 0,
    chain: target === undefined ? null : readText(buffer, ...target),
  };
}

/**
 * The elements of a map by their CIDR text: each interval ends at the next end behind it, and the
 * kernel lists them in no order that counts.
 */
export function pairElements(family: Family, elements: readonly ElementRecord[]): ReadonlyMap<string, string> {
  const length = widthOf(family) / 8;
  for (const { key } of elements)
    if (key.length !== length) throw new DecodeError(`key of an element: ${key.length} bytes, expected ${length}`);
  const ordered = [...elements].sort(
    (left, right) => Buffer.compare(left.key, right.key) || Number(right.isEnd) - Number(left.isEnd),
  );
  const paired = new Map<string, string>();
  for (const [index, { key, isEnd, chain }] of ordered.entries()) {
    if (isEnd) continue;
    const end = ordered.slice(index + 1).find((one) => one.isEnd);
    paired.set(nameInterval(family, key, end?.key ?? null), chain ?? '');
  }
  return paired;
}
