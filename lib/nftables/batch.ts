/** A batch: messages that the kernel carries out together (linux/netfilter/nfnetlink.h). */

import { NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../rtnetlink/constants.ts';
import { encodeAttribute, encodeMessage, encodeNested } from '../rtnetlink/message.ts';
import {
  NF_ACCEPT,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_INET,
  NFT_DATA_VERDICT,
  NFT_GOTO,
  NFT_MSG_DELCHAIN,
  NFT_MSG_DELRULE,
  NFT_MSG_DELSET,
  NFT_MSG_DELSETELEM,
  NFT_MSG_DELTABLE,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFT_TABLE_F_OWNER,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
  NFTA_LIST_ELEM,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_TABLE,
  NFTA_RULE_USERDATA,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
  NFTA_SET_FLAGS,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_NAME,
  NFTNL_UDATA_RULE_COMMENT,
  TYPE_IP6ADDR,
  TYPE_IPADDR,
} from './constants.ts';
import { encodeName, encodeU32, encodeValue, encodeVerdict } from './encode.ts';
import { toInterval } from './interval.ts';
import type { Operation } from './types.ts';

/** struct nfgenmsg: family u8, version u8, resource u16 in network byte order. */
export function encodeHeader(family: number, resource: number): Buffer {
  const header = Buffer.from([family, 0, 0, 0]);
  header.writeUInt16BE(resource, 2);
  return header;
}

/** nlmsg_type of an nf_tables message. */
export function typeOf(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

/**
 * One datagram for all operations on a table of the family `inet`; the last one is acknowledged.
 */
export function encodeBatch(table: string, operations: readonly Operation[], sequence: number): Buffer {
  const frame = (type: number) => encodeMessage(type, NLM_F_REQUEST, sequence, [encodeHeader(0, NFNL_SUBSYS_NFTABLES)]);
  const messages = operations.flatMap((operation, index) => encodeOperation(table, operation, index));
  const bodies = messages.map(({ type, flags, attributes }, index) =>
    encodeMessage(typeOf(type), NLM_F_REQUEST | flags | (index === messages.length - 1 ? NLM_F_ACK : 0), sequence, [
      encodeHeader(NFPROTO_INET, 0),
      ...attributes,
    ]),
  );
  return Buffer.concat([frame(NFNL_MSG_BATCH_BEGIN), ...bodies, frame(NFNL_MSG_BATCH_END)]);
}

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly attributes: readonly Buffer[];
}

/** `index`: another one for each operation of a batch, by which a new map is referred to. */
function encodeOperation(table: string, operation: Operation, index: number): Message[] {
  switch (operation.kind) {
    case 'add-table': {
      const owner = operation.isOwned === true ? [encodeU32(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER)] : [];
      const attributes = [encodeName(NFTA_TABLE_NAME, table), ...owner];
      return [{ type: NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, attributes }];
    }
    case 'delete-table':
      return [{ type: NFT_MSG_DELTABLE, flags: 0, attributes: [encodeName(NFTA_TABLE_NAME, table)] }];
    case 'add-chain':
      return [{ type: NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE, attributes: encodeChain(table, operation) }];
    case 'delete-chain': {
      const attributes = [encodeName(NFTA_CHAIN_TABLE, table), encodeName(NFTA_CHAIN_NAME, operation.chain)];
      return [{ type: NFT_MSG_DELCHAIN, flags: 0, attributes }];
    }
    case 'add-rule':
      return [{ type: NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND, attributes: encodeRule(table, operation) }];
    case 'delete-rule': {
      const handle = Buffer.alloc(8);
      handle.writeBigUInt64BE(BigInt(operation.handle));
      const names = [encodeName(NFTA_RULE_TABLE, table), encodeName(NFTA_RULE_CHAIN, operation.chain)];
      return [{ type: NFT_MSG_DELRULE, flags: 0, attributes: [...names, encodeAttribute(NFTA_RULE_HANDLE, handle)] }];
    }
    case 'add-map':
      return [{ type: NFT_MSG_NEWSET, flags: NLM_F_CREATE, attributes: encodeMap(table, operation, index + 1) }];
    case 'delete-map': {
      const attributes = [encodeName(NFTA_SET_TABLE, table), encodeName(NFTA_SET_NAME, operation.map)];
      return [{ type: NFT_MSG_DELSET, flags: 0, attributes }];
    }
    case 'add-elements':
    case 'delete-elements': {
      const isNew = operation.kind === 'add-elements';
      const type = isNew ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
      const flags = isNew ? NLM_F_CREATE | NLM_F_EXCL : 0;
      return splitElements(operation.elements, isNew).map((part) => ({
        ...{ type, flags },
        attributes: [
          encodeName(NFTA_SET_ELEM_LIST_TABLE, table),
          encodeName(NFTA_SET_ELEM_LIST_SET, operation.map),
          encodeNested(NFTA_SET_ELEM_LIST_ELEMENTS, part),
        ],
      }));
    }
  }
}

function encodeChain(table: string, { chain, hook }: Extract<Operation, { kind: 'add-chain' }>): Buffer[] {
  const names = [encodeName(NFTA_CHAIN_TABLE, table), encodeName(NFTA_CHAIN_NAME, chain)];
  if (hook === null) return names;
  return [
    ...names,
    encodeNested(NFTA_CHAIN_HOOK, [
      encodeU32(NFTA_HOOK_HOOKNUM, hook.number),
      encodeU32(NFTA_HOOK_PRIORITY, hook.priority),
    ]),
    encodeU32(NFTA_CHAIN_POLICY, NF_ACCEPT),
    encodeName(NFTA_CHAIN_TYPE, 'filter'),
  ];
}

function encodeRule(table: string, rule: Extract<Operation, { kind: 'add-rule' }>): Buffer[] {
  const text = Buffer.from(`${rule.comment}\0`);
  return [
    encodeName(NFTA_RULE_TABLE, table),
    encodeName(NFTA_RULE_CHAIN, rule.chain),
    encodeNested(NFTA_RULE_EXPRESSIONS, rule.expressions),
    encodeAttribute(NFTA_RULE_USERDATA, Buffer.concat([Buffer.from([NFTNL_UDATA_RULE_COMMENT, text.length]), text])),
  ];
}

function encodeMap(table: string, { map, family }: Extract<Operation, { kind: 'add-map' }>, id: number): Buffer[] {
  return [
    encodeName(NFTA_SET_TABLE, table),
    encodeName(NFTA_SET_NAME, map),
    encodeU32(NFTA_SET_FLAGS, NFT_SET_INTERVAL | NFT_SET_MAP),
    encodeU32(NFTA_SET_KEY_TYPE, family === 4 ? TYPE_IPADDR : TYPE_IP6ADDR),
    encodeU32(NFTA_SET_KEY_LEN, family === 4 ? 4 : 16),
    encodeU32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT),
    encodeU32(NFTA_SET_DATA_LEN, 0),
    encodeU32(NFTA_SET_ID, id),
  ];
}

/** An attribute holds 64 KiB at most; an element with its end takes about 100 bytes. */
const mostInMessage = 300;

/** A deletion names the keys only. */
function splitElements(elements: ReadonlyMap<string, string>, hasChains: boolean): Buffer[][] {
  const all = [...elements].map(([cidr, chain]) => encodeElement(cidr, hasChains ? chain : null));
  const parts: Buffer[][] = [];
  for (let start = 0; start < all.length; start += mostInMessage) {
    parts.push(all.slice(start, start + mostInMessage).flat());
  }
  return parts;
}

function encodeElement(cidr: string, chain: string | null): Buffer[] {
  const { start, end } = toInterval(cidr);
  const key = (bytes: Buffer) => encodeNested(NFTA_SET_ELEM_KEY, [encodeValue(bytes)]);
  const data = chain === null ? [] : [encodeNested(NFTA_SET_ELEM_DATA, [encodeVerdict(NFT_GOTO, chain)])];
  const first = encodeNested(NFTA_LIST_ELEM, [key(start), ...data]);
  if (end === null) return [first];
  const flags = encodeU32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
  return [first, encodeNested(NFTA_LIST_ELEM, [flags, key(end)])];
}
