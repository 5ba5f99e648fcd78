/** Policy rules on the wire: struct fib_rule_hdr and FRA_* (linux/fib_rules.h). */

import { familyNumber, readAddress, readFamily } from './address.ts';
import { prefixBytes } from './address-text.ts';
import {
  FIB_RULE_INVERT,
  FR_ACT_TO_TBL,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_IIFNAME,
  FRA_L3MDEV,
  FRA_OIFNAME,
  FRA_PAD,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_IFGROUP,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_TUN_ID,
  FRA_UID_RANGE,
  SUPPRESS_UNSET,
} from './constants.ts';
import {
  encodeAttribute,
  encodeText,
  encodeU8,
  encodeU32,
  readText,
  readU8,
  readU32,
  requireLength,
  visitAttributes,
} from './message.ts';
import type { Family, Rule, UserRange } from './types.ts';

/**
 * sizeof(struct fib_rule_hdr): family, dst length, src length, tos, table, res1, res2, action,
 * flags u32.
 */
const HEADER_LENGTH = 12;

/** Decodes RTM_NEWRULE or RTM_DELRULE; null for other families (AF_MPLS, RTNL_FAMILY_IPMR, …). */
export function decodeRule(buffer: Buffer, start: number, end: number): Rule | null {
  requireLength('fib_rule_hdr', end - start, HEADER_LENGTH);
  const family = readFamily(buffer, start);
  if (family === null) return null;
  const destinationLength = buffer.readUInt8(start + 1);
  const sourceLength = buffer.readUInt8(start + 2);
  const action = buffer.readUInt8(start + 7);
  let isComplex = buffer[start + 3] !== 0 || (buffer.readUInt32LE(start + 8) & FIB_RULE_INVERT) !== 0;
  let table = buffer.readUInt8(start + 4);
  let priority = 0;
  let source: string | null = null;
  let destination: string | null = null;
  let inputInterface: string | null = null;
  let outputInterface: string | null = null;
  let suppressPrefixLength: number | null = null;
  let suppressGroup: number | null = null;
  const mark = { value: 0, mask: 0 };
  let users: UserRange | null = null;
  let protocol = 0;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === FRA_PRIORITY) priority = readU32('FRA_PRIORITY', buffer, from, to);
    else if (type === FRA_SRC) source = `${readAddress(family, buffer, from, to)}/${sourceLength}`;
    else if (type === FRA_DST) destination = `${readAddress(family, buffer, from, to)}/${destinationLength}`;
    else if (type === FRA_TABLE) table = readU32('FRA_TABLE', buffer, from, to);
    else if (type === FRA_IIFNAME) inputInterface = readText(buffer, from, to);
    else if (type === FRA_OIFNAME) outputInterface = readText(buffer, from, to);
    else if (type === FRA_FWMARK) mark.value = readU32('FRA_FWMARK', buffer, from, to);
    else if (type === FRA_FWMASK) mark.mask = readU32('FRA_FWMASK', buffer, from, to);
    else if (type === FRA_UID_RANGE) users = readUserRange(buffer, from, to);
    else if (type === FRA_PROTOCOL) protocol = readU8('FRA_PROTOCOL', buffer, from, to);
    else if (type === FRA_SUPPRESS_PREFIXLEN) {
      const length = readU32('FRA_SUPPRESS_PREFIXLEN', buffer, from, to);
      suppressPrefixLength = length === SUPPRESS_UNSET ? null : length;
    } else if (type === FRA_SUPPRESS_IFGROUP) {
      const group = readU32('FRA_SUPPRESS_IFGROUP', buffer, from, to);
      suppressGroup = group === SUPPRESS_UNSET ? null : group;
    } else if (isSelector(type, buffer, from, to)) isComplex = true;
  });
  return {
    family,
    priority,
    source,
    destination,
    inputInterface,
    outputInterface,
    mark: mark.value === 0 && mark.mask === 0 ? null : mark,
    users,
    action,
    table: action === FR_ACT_TO_TBL ? table : 0,
    suppressPrefixLength,
    suppressGroup,
    protocol,
    isComplex,
  };
}

/** struct fib_rule_uid_range: two u32. */
function readUserRange(buffer: Buffer, start: number, end: number): UserRange {
  requireLength('FRA_UID_RANGE', end - start, 8);
  return { first: buffer.readUInt32LE(start), last: buffer.readUInt32LE(start + 4) };
}

/**
 * Whether any other attribute has a value. Unknown ones count: a newer kernel's selector (FRA_DSCP,
 * FRA_FLOWLABEL) must never look like a plain rule.
 */
function isSelector(type: number, buffer: Buffer, start: number, end: number): boolean {
  if (type === 0 || type === FRA_PAD) return false;
  if (type === FRA_TUN_ID) return true;
  if (type === FRA_L3MDEV) return readU8('FRA_L3MDEV', buffer, start, end) !== 0;
  return true;
}

/**
 * Body of RTM_NEWRULE and RTM_DELRULE. Throws a RangeError for complex rules: a record cannot
 * express them, and without their other selectors the request would mean a different rule.
 */
export function encodeRule(rule: Rule): Buffer[] {
  if (rule.isComplex) throw new RangeError(`expected a rule that the record describes whole: ${rule.priority}`);
  const source = optionalPrefix(rule.family, rule.source);
  const destination = optionalPrefix(rule.family, rule.destination);
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(familyNumber(rule.family), 0);
  header.writeUInt8(destination?.length ?? 0, 1);
  header.writeUInt8(source?.length ?? 0, 2);
  header.writeUInt8(rule.table < 256 ? rule.table : 0, 4);
  header.writeUInt8(rule.action, 7);
  const body = [header, encodeU32(FRA_PRIORITY, rule.priority)];
  if (source !== null) body.push(encodeAttribute(FRA_SRC, source.bytes));
  if (destination !== null) body.push(encodeAttribute(FRA_DST, destination.bytes));
  if (rule.inputInterface !== null) body.push(encodeText(FRA_IIFNAME, rule.inputInterface));
  if (rule.outputInterface !== null) body.push(encodeText(FRA_OIFNAME, rule.outputInterface));
  if (rule.mark !== null) body.push(encodeU32(FRA_FWMARK, rule.mark.value), encodeU32(FRA_FWMASK, rule.mark.mask));
  if (rule.users !== null) body.push(encodeUserRange(rule.users));
  if (rule.table !== 0) body.push(encodeU32(FRA_TABLE, rule.table));
  if (rule.suppressPrefixLength !== null) body.push(encodeU32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength));
  if (rule.suppressGroup !== null) body.push(encodeU32(FRA_SUPPRESS_IFGROUP, rule.suppressGroup));
  if (rule.protocol !== 0) body.push(encodeU8(FRA_PROTOCOL, rule.protocol));
  return body;
}

function encodeUserRange({ first, last }: UserRange): Buffer {
  const range = Buffer.alloc(8);
  range.writeUInt32LE(first, 0);
  range.writeUInt32LE(last, 4);
  return encodeAttribute(FRA_UID_RANGE, range);
}

/**
 * A prefix of length 0 selects nothing: the kernel keeps no trace of it, and it must not be sent as
 * an attribute.
 */
function optionalPrefix(family: Family, prefix: string | null): { bytes: Buffer; length: number } | null {
  if (prefix === null) return null;
  const parsed = prefixBytes(family, prefix);
  return parsed.length === 0 ? null : parsed;
}

/** struct fib_rule_hdr for a dump. */
export function encodeRuleHeader(family: Family): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(familyNumber(family), 0);
  return header;
}
