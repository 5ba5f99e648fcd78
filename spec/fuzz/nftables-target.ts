/** What the kernel says of the table that marks replies, and of packets that are logged. */

import { encodeBatch } from '../../lib/nftables/batch.ts';
import {
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
  NFT_MSG_NEWTABLE,
} from '../../lib/nftables/constants.ts';
import {
  decodeChain,
  decodeElements,
  decodeMap,
  decodeRule,
  decodeTable,
  pairElements,
} from '../../lib/nftables/decode.ts';
import { giveVerdict } from '../../lib/nftables/encode.ts';
import { readDestination } from '../../lib/nftables/packet-log.ts';
import type { Operation } from '../../lib/nftables/types.ts';
import { visitMessages } from '../../lib/rtnetlink/message.ts';
import { nearBytes, shortAttributes } from './mutate.ts';
import { makeTarget, type Target } from './target.ts';

const operations: readonly Operation[] = [
  { kind: 'add-table' },
  { kind: 'add-chain', chain: 'eni10001', hook: null },
  { kind: 'add-chain', chain: 'replies', hook: { number: 0, priority: -90 } },
  { kind: 'add-rule', chain: 'replies', comment: 'not a reply', expressions: [giveVerdict(1)] },
  // By its handle, which a rule of the kernel has.
  { kind: 'delete-rule', chain: 'replies', handle: 7 },
  { kind: 'add-map', map: 'source4', family: 4 },
  { kind: 'add-elements', map: 'source4', elements: new Map([['10.0.2.20/30', 'eni10001']]) },
  { kind: 'add-elements', map: 'source6', elements: new Map([['2001:db8::/80', 'eni10001']]) },
];
/** A message has the same form on its way to the kernel and back. */
const messages = operations.map((operation) => encodeBatch('enid', [operation], 1));

function decodeAll(datagram: Buffer): void {
  visitMessages(datagram, (type, _flags, _sequence, ...place) => {
    switch (type & 0xff) {
      case NFT_MSG_NEWTABLE:
        return void decodeTable(...place);
      case NFT_MSG_NEWCHAIN:
        return void decodeChain(...place);
      case NFT_MSG_NEWRULE:
      case NFT_MSG_NEWRULE + 2:
        return void decodeRule(...place);
      case NFT_MSG_NEWSET:
        return void decodeMap(...place);
      case NFT_MSG_NEWSETELEM: {
        const elements = decodeElements(...place);
        return void pairElements(elements[0]?.key.length === 4 ? 4 : 6, elements);
      }
    }
  });
}

/** struct nfgenmsg and NFULA_PAYLOAD with the headers of a packet, as Linux 6.18 sends them. */
const packets = [
  '020000ec2c00090045000054f1cc4000400134d30a0000010a0000090800e7e01e010001927e0a6b0000000096600000',
  '0a0000ec2c0009006009779a00403a4020010db800000000000000000000000120010db8000000000000000000000009',
].map((hex) => Buffer.from(hex, 'hex'));

export const nftablesTargets: readonly Target[] = [
  makeTarget('nf_tables: attributes that are too short', shortAttributes(messages), decodeAll, ['DecodeError']),
  makeTarget('NFLOG: a packet', nearBytes(packets), (body) => void readDestination(body, 0, body.length), [
    'DecodeError',
  ]),
  makeTarget('nf_tables: a table, its chains, rules, maps', nearBytes(messages), decodeAll, ['DecodeError']),
];
