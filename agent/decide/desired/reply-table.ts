/**
 * The table `inet enid`: a reply of a connection that was translated (DNAT) gets the mark of the ENI
 * that has the address to which the connection was opened. Routing happens before the reply's source
 * is translated back, so that without a mark main decides by the container's address. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { mergeCidrs, overlaps } from '../../../lib/ip/cidr.ts';
import type { Family, Hook } from '../../model.ts';

/** Beside the bits of the VPC CNI (0x80), kube-proxy (0x4000, 0x8000) and Tailscale (0xff0000). */
export const replyMask = 0x107f;
/** After destination addresses are translated (-100), before routing. */
export const replyHook: Hook = { number: 0, priority: -90 };
export const replyChain = 'replies';
export const replyMaps: Readonly<Record<Family, string>> = { 4: 'source4', 6: 'source6' };

/** The packet mark of an ENI; `number`: 1 to 127. */
export function computeReplyMark(number: number): number {
  return 0x1000 + number;
}

export interface ReplyEni {
  /** Of its table: names its chain. */
  readonly tableId: number;
  /** 1 to 127, another one for each. */
  readonly number: number;
  /** Addresses and prefixes as CIDR text, both families. */
  readonly sources: readonly string[];
}

export interface ReplyTable {
  /** Chain → the mark that it sets. */
  readonly chains: ReadonlyMap<string, number>;
  /** CIDR text → chain. */
  readonly sources: Readonly<Record<Family, ReadonlyMap<string, string>>>;
}

/** Of two ENIs with one address the first one counts, as among the rules. */
export function computeReplyTable(enis: readonly ReplyEni[]): ReplyTable {
  const chains = new Map<string, number>();
  const sources = { 4: new Map<string, string>(), 6: new Map<string, string>() };
  for (const { tableId, number, sources: ofEni } of enis) {
    const chain = `eni${tableId}`;
    chains.set(chain, computeReplyMark(number));
    // An interval map has no two intervals that overlap; a prefix may hold an address of its ENI.
    for (const block of mergeCidrs([...ofEni])) {
      const map = sources[familyOf(block)];
      if (![...map.keys()].some((other) => overlaps(other, block))) map.set(block, chain);
    }
  }
  return { chains, sources };
}
