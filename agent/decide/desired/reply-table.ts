/**
 * The table `inet enid`: a reply of a connection that was translated (DNAT) gets the mark of the
 * ENI that has the address to which the connection was opened. Routing happens before the reply's
 * source is translated back, so that without a mark main decides by the container's address. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { mergeCidrs, overlaps } from '../../../lib/ip/cidr.ts';
import type { Replies } from '../../config/types.ts';
import { type Family, type Hook, type ReplyFacts, type ReplyTable, replyNames } from '../../model.ts';
import { rememberOf } from '../base/memo.ts';

/** Beside the bits of the VPC CNI (0x80), kube-proxy (0x4000, 0x8000) and Tailscale (0xff0000). */
export const replyMask = 0x107f;
/** As many as the mask tells apart. */
const mostNumbers = 0x7f;
/** After destination addresses are translated (-100), before routing. */
export const replyHook: Hook = { number: 0, priority: -90 };

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

/** Of two ENIs with one address the first one counts, as among the rules. Null: no ENI has any. */
export function computeReplyTable(enis: readonly ReplyEni[]): ReplyTable | null {
  const chains = new Map<string, number>();
  const sources = { 4: new Map<string, string>(), 6: new Map<string, string>() };
  const taken: string[] = [];
  for (const { tableId, number, sources: ofEni } of enis) {
    if (ofEni.length === 0) continue;
    const chain = `eni${tableId}`;
    chains.set(chain, computeReplyMark(number));
    // An interval map has no two intervals that overlap; a prefix may hold an address of its ENI.
    const blocks = mergeCidrs([...ofEni]).filter((block) => !taken.some((other) => overlaps(other, block)));
    for (const block of blocks) sources[familyOf(block)].set(block, chain);
    taken.push(...blocks);
  }
  return chains.size === 0 ? null : { chains, sources };
}

/** Equal tables have equal texts. */
export const nameReplyTable = rememberOf(({ chains, sources }: ReplyTable): string =>
  JSON.stringify([[...chains].sort(), [...sources[4]].sort(), [...sources[6]].sort()]),
);

/** In which families replies are marked. */
export type ReplyFamilies = '' | '4' | '6' | '46';

/**
 * `auto` leaves alone who does not track connections: the table itself would begin to, which costs
 * a router 283 ns a packet. A table that stands was made while they were tracked.
 */
export function chooseReplyFamilies(replies: Replies, facts: ReplyFacts | undefined, hasIpv6: boolean): ReplyFamilies {
  if (replies === 'on') return hasIpv6 ? '46' : '4';
  if (replies === 'off' || facts === undefined) return '';
  const { isForwarding, isTracking, table } = facts;
  if (!isTracking && (table ?? null) === null) return '';
  return `${isForwarding[4] ? '4' : ''}${isForwarding[6] && hasIpv6 ? '6' : ''}`;
}

export function hasReplies(families: ReplyFamilies, family: Family): boolean {
  return families.includes(`${family}`);
}

interface Place {
  readonly mac: string;
  readonly networkCard: number;
  readonly deviceNumber: number;
}

/**
 * A number for each ENI that stays the same as long as no other ENI wants it: on no instance type
 * two do with fewer than eight cards. An ENI beyond the 127th gets none.
 */
export function numberReplies(enis: readonly Place[]): ReadonlyMap<string, number> {
  const ordered = [...enis].sort(
    (left, right) =>
      left.networkCard - right.networkCard || left.deviceNumber - right.deviceNumber || (left.mac < right.mac ? -1 : 1),
  );
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  for (const { mac, networkCard, deviceNumber } of ordered.slice(0, mostNumbers)) {
    let slot = (16 * networkCard + deviceNumber) % mostNumbers;
    while (taken.has(slot)) slot = (slot + 1) % mostNumbers;
    taken.add(slot);
    numbers.set(mac, slot + 1);
  }
  return numbers;
}

/** Whether it has the names of this program's table; an empty one is anybody's. */
export function isReplyTable({ chains, maps }: NonNullable<ReplyFacts['table']>): boolean {
  const isOwn = (name: string) => name === replyNames.chain || /^eni\d+$/.test(name);
  return chains.length + maps.length === 0 || maps.length > 0 || chains.some(({ name }) => isOwn(name));
}
