/** Another path MTU (RTAX_MTU) for a route that is there; all else of it stays. */

import {
  RTA_CACHEINFO,
  RTA_EXPIRES,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_NH_ID,
  RTA_OIF,
  RTA_VIA,
  RTAX_MTU,
  RTNH_F_ONLINK,
} from './constants.ts';
import { encodeAttribute, encodeNested, encodeU32, requireLength, visitAttributes } from './message.ts';

/** sizeof(struct rtmsg), with its flags in the last four bytes. */
const HEADER_LENGTH = 12;
/** In struct rta_cacheinfo, behind `clntref` and `lastuse`: ticks that are left; 0: for ever. */
const EXPIRES_OFFSET = 8;
/** USER_HZ, in which the kernel tells ticks (jiffies_to_clock_t). */
const TICKS_PER_SECOND = 100;

/**
 * Body of the RTM_NEWROUTE that puts the route between `start` and `end`, as a dump has it, in
 * its own place with this MTU; null: without one. What is left of its lifetime stays.
 */
export function encodeWithMtu(buffer: Buffer, start: number, end: number, mtu: number | null): Buffer[] {
  requireLength('rtmsg', end - start, HEADER_LENGTH);
  const header = Buffer.from(buffer.subarray(start, start + HEADER_LENGTH));
  // The other flags are the kernel's word on the state of the next hop.
  header.writeUInt32LE(header.readUInt32LE(8) & RTNH_F_ONLINK, 8);
  const kept = new Map<number, Buffer>();
  const metrics: Buffer[] = [];
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === RTA_METRICS) metrics.push(...listOtherMetrics(buffer, from, to));
    else if (type === RTA_CACHEINFO) kept.set(RTA_EXPIRES, encodeExpiry(buffer, from, to));
    else kept.set(type, encodeAttribute(type, buffer.subarray(from, to)));
  });
  // The kernel spells out what is in a next hop object, and takes only one of the two.
  if (kept.has(RTA_NH_ID)) for (const type of [RTA_OIF, RTA_GATEWAY, RTA_VIA]) kept.delete(type);
  if (mtu !== null) metrics.push(encodeU32(RTAX_MTU, mtu));
  const attributes = [...kept.values()].filter(({ length }) => length > 0);
  return [header, ...attributes, ...(metrics.length === 0 ? [] : [encodeNested(RTA_METRICS, metrics)])];
}

function listOtherMetrics(buffer: Buffer, start: number, end: number): Buffer[] {
  const metrics: Buffer[] = [];
  visitAttributes(buffer, start, end, (type, from, to) => {
    if (type !== RTAX_MTU) metrics.push(encodeAttribute(type, buffer.subarray(from, to)));
  });
  return metrics;
}

/** Nothing for a route without a lifetime. */
function encodeExpiry(buffer: Buffer, start: number, end: number): Buffer {
  requireLength('rta_cacheinfo', end - start, EXPIRES_OFFSET + 4);
  const ticks = buffer.readInt32LE(start + EXPIRES_OFFSET);
  if (ticks <= 0) return Buffer.alloc(0);
  return encodeU32(RTA_EXPIRES, Math.max(1, Math.round(ticks / TICKS_PER_SECOND)));
}
