/**
 * Attributes and expressions of nf_tables on the wire. Numbers in attributes are big-endian; what
 * lies in a register is as the packet or the kernel has it: marks and states in host byte order.
 */

import { encodeAttribute, encodeNested } from '../rtnetlink/message.ts';
import {
  NFT_CMP_EQ,
  NFT_FIB_RESULT_ADDRTYPE,
  NFT_META_IIFGROUP,
  NFT_META_MARK,
  NFT_REG_VERDICT,
  NFT_REG32_00,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_MASK,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_XOR,
  NFTA_CMP_DATA,
  NFTA_CMP_OP,
  NFTA_CMP_SREG,
  NFTA_CT_DIRECTION,
  NFTA_CT_DREG,
  NFTA_CT_KEY,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_FIB_DREG,
  NFTA_FIB_F_DADDR,
  NFTA_FIB_FLAGS,
  NFTA_FIB_RESULT,
  NFTA_IMMEDIATE_DATA,
  NFTA_IMMEDIATE_DREG,
  NFTA_LIMIT_BURST,
  NFTA_LIMIT_RATE,
  NFTA_LIMIT_UNIT,
  NFTA_LIST_ELEM,
  NFTA_LOG_GROUP,
  NFTA_LOG_QTHRESHOLD,
  NFTA_LOG_SNAPLEN,
  NFTA_LOOKUP_DREG,
  NFTA_LOOKUP_SET,
  NFTA_LOOKUP_SREG,
  NFTA_META_DREG,
  NFTA_META_KEY,
  NFTA_META_SREG,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from './constants.ts';

export function encodeU32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return encodeAttribute(type, bytes);
}

export function encodeName(type: number, name: string): Buffer {
  return encodeAttribute(type, Buffer.from(`${name}\0`));
}

/** A number as a register has it. */
export function registerBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** `code`: NF_* or NFT_*; `chain` where the code leads to one. */
export function encodeVerdict(code: number, chain?: string): Buffer {
  const target = chain === undefined ? [] : [encodeName(NFTA_VERDICT_CHAIN, chain)];
  return encodeNested(NFTA_DATA_VERDICT, [encodeU32(NFTA_VERDICT_CODE, code), ...target]);
}

export function encodeValue(bytes: Buffer): Buffer {
  return encodeAttribute(NFTA_DATA_VALUE, bytes);
}

function expression(name: string, attributes: readonly Buffer[]): Buffer {
  return encodeNested(NFTA_LIST_ELEM, [encodeName(NFTA_EXPR_NAME, name), encodeNested(NFTA_EXPR_DATA, attributes)]);
}

/** A value of the connection into the register; `direction` 0: of its original direction. */
export function loadConnection(key: number, direction?: 0 | 1): Buffer {
  return expression('ct', [
    encodeU32(NFTA_CT_KEY, key),
    ...(direction === undefined ? [] : [encodeAttribute(NFTA_CT_DIRECTION, Buffer.from([direction]))]),
    encodeU32(NFTA_CT_DREG, NFT_REG32_00),
  ]);
}

function loadMeta(key: number): Buffer {
  return expression('meta', [encodeU32(NFTA_META_KEY, key), encodeU32(NFTA_META_DREG, NFT_REG32_00)]);
}

export function loadMark(): Buffer {
  return loadMeta(NFT_META_MARK);
}

/** The group of the link by which the packet came. */
export function loadInterfaceGroup(): Buffer {
  return loadMeta(NFT_META_IIFGROUP);
}

/** RTN_* of the packet's destination: what it is to this host. */
export function loadDestinationType(): Buffer {
  return expression('fib', [
    encodeU32(NFTA_FIB_DREG, NFT_REG32_00),
    encodeU32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE),
    encodeU32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR),
  ]);
}

/** The rule goes on for one packet a second. */
export function requireFirstOfSecond(): Buffer {
  const one = Buffer.alloc(8);
  one.writeBigUInt64BE(1n);
  return expression('limit', [
    encodeAttribute(NFTA_LIMIT_RATE, one),
    encodeAttribute(NFTA_LIMIT_UNIT, one),
    encodeU32(NFTA_LIMIT_BURST, 1),
  ]);
}

/** The first bytes of the packet go to the program that has bound the group, at once. */
export function logPacket(group: number, bytes: number): Buffer {
  const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
  return expression('log', [
    encodeAttribute(NFTA_LOG_GROUP, u16(group)),
    encodeU32(NFTA_LOG_SNAPLEN, bytes),
    encodeAttribute(NFTA_LOG_QTHRESHOLD, u16(1)),
  ]);
}

export function setMark(): Buffer {
  return expression('meta', [encodeU32(NFTA_META_KEY, NFT_META_MARK), encodeU32(NFTA_META_SREG, NFT_REG32_00)]);
}

/** The rule goes on where the register has these bytes. */
export function requireEqual(bytes: Buffer): Buffer {
  return expression('cmp', [
    encodeU32(NFTA_CMP_SREG, NFT_REG32_00),
    encodeU32(NFTA_CMP_OP, NFT_CMP_EQ),
    encodeNested(NFTA_CMP_DATA, [encodeValue(bytes)]),
  ]);
}

/** The register becomes (register & mask) ^ xor. */
export function maskRegister(mask: number, xor: number): Buffer {
  return expression('bitwise', [
    encodeU32(NFTA_BITWISE_SREG, NFT_REG32_00),
    encodeU32(NFTA_BITWISE_DREG, NFT_REG32_00),
    encodeU32(NFTA_BITWISE_LEN, 4),
    encodeNested(NFTA_BITWISE_MASK, [encodeValue(registerBytes(mask))]),
    encodeNested(NFTA_BITWISE_XOR, [encodeValue(registerBytes(xor))]),
  ]);
}

/** What the map has for the register is the verdict. */
export function lookUpVerdict(map: string): Buffer {
  return expression('lookup', [
    encodeName(NFTA_LOOKUP_SET, map),
    encodeU32(NFTA_LOOKUP_SREG, NFT_REG32_00),
    encodeU32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT),
  ]);
}

export function giveVerdict(code: number): Buffer {
  return expression('immediate', [
    encodeU32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT),
    encodeNested(NFTA_IMMEDIATE_DATA, [encodeVerdict(code)]),
  ]);
}
