/** Routes on the wire: struct rtmsg and RTA_* (linux/rtnetlink.h). */

import { isIPv4 } from 'node:net';
import { familyNumber, readAddress, readFamily } from './address.ts';
import { addressBytes, anyAddress, prefixBytes } from './address-text.ts';
import {
  AF_INET,
  AF_INET6,
  NLA_TYPE_MASK,
  RTA_DST,
  RTA_ENCAP_TYPE,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_MARK,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_UID,
  RTA_VIA,
  RTAX_MTU,
  RTM_F_CLONED,
  RTM_F_FIB_MATCH,
  RTM_F_LOOKUP_TABLE,
  RTNH_F_ONLINK,
} from './constants.ts';
import { encodeAttribute, encodeNested, encodeU32, readU32, requireLength, visitAttributes } from './message.ts';
import type { Family, Route, RoutePath } from './types.ts';

/**
 * sizeof(struct rtmsg): family, dst length, src length, tos, table, protocol, scope, type, flags
 * u32.
 */
const HEADER_LENGTH = 12;
const NEXT_HOP_LENGTH = 8;

/**
 * Whether a route is worth decoding. `linkIndex` is null for multipath routes and for routes
 * without a device.
 */
export type RouteFilter = (
  family: Family,
  table: number,
  linkIndex: number | null,
  protocol: number,
  prefixLength: number,
) => boolean;

/**
 * Calls the filter with the few numbers that it needs and decodes nothing else. True for a message
 * with broken framing, so that the decoder reports it.
 */
export function isWantedRoute(filter: RouteFilter, buffer: Buffer, start: number, end: number): boolean {
  if (end - start < HEADER_LENGTH) return true;
  const family = readFamily(buffer, start);
  if (family === null) return false;
  let table = buffer.readUInt8(start + 4);
  let linkIndex: number | null = null;
  let offset = start + HEADER_LENGTH;
  while (offset + 8 <= end) {
    const length = buffer.readUInt16LE(offset);
    if (length < 4) return true;
    const type = buffer.readUInt16LE(offset + 2) & NLA_TYPE_MASK;
    if (type === RTA_TABLE) table = buffer.readUInt32LE(offset + 4);
    else if (type === RTA_OIF) linkIndex = buffer.readUInt32LE(offset + 4);
    offset += (length + 3) & ~3;
  }
  return filter(family, table, linkIndex, buffer.readUInt8(start + 5), buffer.readUInt8(start + 1));
}

/**
 * Decodes RTM_NEWROUTE or RTM_DELROUTE; null for other families and for cloned routes (IPv6
 * exceptions, PMTU).
 */
export function decodeRoute(buffer: Buffer, start: number, end: number): Route | null {
  requireLength('rtmsg', end - start, HEADER_LENGTH);
  if ((buffer.readUInt32LE(start + 8) & RTM_F_CLONED) !== 0) return null;
  const route = decodeLookup(buffer, start, end);
  // A source prefix (IPv6 subtrees) does not fit in this record; in the answer to a look-up it
  // repeats the question.
  return route !== null && buffer[start + 2] !== 0 ? { ...route, isComplex: true } : route;
}

/**
 * As `decodeRoute`, for the answer to RTM_GETROUTE, which is always marked as cloned
 * (rt_fill_info).
 */
export function decodeLookup(buffer: Buffer, start: number, end: number): Route | null {
  requireLength('rtmsg', end - start, HEADER_LENGTH);
  const family = readFamily(buffer, start);
  if (family === null) return null;
  let table = buffer.readUInt8(start + 4);
  let address = anyAddress(family);
  let gateway: string | null = null;
  let linkIndex: number | null = null;
  let metric = 0;
  let mtu = 0;
  let preferredSource: string | null = null;
  let nextHopId: number | null = null;
  let paths: RoutePath[] | null = null;
  // A tos/dscp selector does not fit in this record either.
  let isComplex = buffer[start + 3] !== 0;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === RTA_TABLE) table = readU32('RTA_TABLE', buffer, from, to);
    else if (type === RTA_DST) address = readAddress(family, buffer, from, to);
    else if (type === RTA_OIF) linkIndex = readU32('RTA_OIF', buffer, from, to);
    else if (type === RTA_GATEWAY) gateway = readAddress(family, buffer, from, to);
    else if (type === RTA_VIA) gateway = readVia(buffer, from, to);
    else if (type === RTA_PRIORITY) metric = readU32('RTA_PRIORITY', buffer, from, to);
    else if (type === RTA_PREFSRC) preferredSource = readAddress(family, buffer, from, to);
    else if (type === RTA_METRICS) mtu = readMtu(buffer, from, to);
    else if (type === RTA_NH_ID) nextHopId = readU32('RTA_NH_ID', buffer, from, to);
    else if (type === RTA_MULTIPATH) paths = readPaths(family, buffer, from, to);
    else if (type === RTA_ENCAP_TYPE) isComplex = true;
  });
  return {
    family,
    table,
    destination: `${address}/${buffer.readUInt8(start + 1)}`,
    type: buffer.readUInt8(start + 7),
    protocol: buffer.readUInt8(start + 5),
    scope: buffer.readUInt8(start + 6),
    gateway,
    linkIndex,
    metric,
    ...(mtu === 0 ? {} : { mtu }),
    preferredSource,
    nextHopId,
    ...(paths === null ? {} : { paths }),
    // The kernel reports a single next hop in full; without a link it is a group (fib_nexthop_info,
    // rt6_fill_node).
    isComplex: isComplex || paths !== null || (nextHopId !== null && linkIndex === null),
  };
}

/** 0: unset. */
function readMtu(buffer: Buffer, start: number, end: number): number {
  let mtu = 0;
  visitAttributes(buffer, start, end, (type, from, to) => {
    if (type === RTAX_MTU) mtu = readU32('RTAX_MTU', buffer, from, to);
  });
  return mtu;
}

/**
 * struct rtnexthop, one after the other: length u16, flags u8, weight u8, link index i32,
 * attributes.
 */
function readPaths(family: Family, buffer: Buffer, start: number, end: number): RoutePath[] {
  const paths: RoutePath[] = [];
  for (let offset = start; offset + NEXT_HOP_LENGTH <= end; ) {
    const length = buffer.readUInt16LE(offset);
    requireLength('rtnexthop', length, NEXT_HOP_LENGTH);
    let gateway: string | null = null;
    visitAttributes(buffer, offset + NEXT_HOP_LENGTH, Math.min(offset + length, end), (type, from, to) => {
      if (type === RTA_GATEWAY) gateway = readAddress(family, buffer, from, to);
      else if (type === RTA_VIA) gateway = readVia(buffer, from, to);
    });
    paths.push({ gateway, linkIndex: buffer.readUInt32LE(offset + 4) });
    offset += (length + 3) & ~3;
  }
  return paths;
}

/**
 * struct rtvia: family u16, address. The gateway of another family, as 169.254.0.0/16 via inet6
 * fe80::1.
 */
function readVia(buffer: Buffer, start: number, end: number): string | null {
  requireLength('RTA_VIA', end - start, 2);
  const number = buffer.readUInt16LE(start);
  if (number !== AF_INET && number !== AF_INET6) return null;
  return readAddress(number === AF_INET ? 4 : 6, buffer, start + 2, end);
}

/** What a request can say about a route in addition to the record. */
export interface RouteEncoding {
  /** The gateway is on the link although no route to it says so (RTNH_F_ONLINK). */
  readonly isOnLink?: boolean;
}

/**
 * Body of RTM_NEWROUTE and RTM_DELROUTE. Throws a RangeError for complex routes: a record cannot
 * express them.
 */
export function encodeRoute(route: Route, encoding: RouteEncoding = {}): Buffer[] {
  if (route.isComplex) throw new RangeError(`expected a route that the record describes whole: ${route.destination}`);
  const destination = prefixBytes(route.family, route.destination);
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(familyNumber(route.family), 0);
  header.writeUInt8(destination.length, 1);
  // The byte holds tables below 256 only; RTA_TABLE overrides it.
  header.writeUInt8(route.table < 256 ? route.table : 0, 4);
  header.writeUInt8(route.protocol, 5);
  header.writeUInt8(route.scope, 6);
  header.writeUInt8(route.type, 7);
  header.writeUInt32LE(encoding.isOnLink === true ? RTNH_F_ONLINK : 0, 8);
  const body = [header, encodeU32(RTA_TABLE, route.table)];
  if (destination.length > 0) body.push(encodeAttribute(RTA_DST, destination.bytes));
  if (route.nextHopId !== null) {
    // Either the object or its content (rtm_to_fib6_config); and a deletion without the object
    // matches any object's route.
    body.push(encodeU32(RTA_NH_ID, route.nextHopId));
  } else {
    if (route.linkIndex !== null) body.push(encodeU32(RTA_OIF, route.linkIndex));
    if (route.gateway !== null) body.push(encodeGateway(route.family, route.gateway));
  }
  if (route.metric !== 0) body.push(encodeU32(RTA_PRIORITY, route.metric));
  // A deletion compares it, too, where it is given (fib_metrics_match).
  if (route.mtu !== undefined) body.push(encodeNested(RTA_METRICS, [encodeU32(RTAX_MTU, route.mtu)]));
  if (route.preferredSource !== null) {
    body.push(encodeAttribute(RTA_PREFSRC, addressBytes(route.family, route.preferredSource)));
  }
  return body;
}

function encodeGateway(family: Family, gateway: string): Buffer {
  const gatewayFamily: Family = isIPv4(gateway) ? 4 : 6;
  const bytes = addressBytes(gatewayFamily, gateway);
  if (gatewayFamily === family) return encodeAttribute(RTA_GATEWAY, bytes);
  const via = Buffer.alloc(2);
  via.writeUInt16LE(familyNumber(gatewayFamily));
  return encodeAttribute(RTA_VIA, Buffer.concat([via, bytes]));
}

/** A packet whose route is looked up. */
export interface RouteLookup {
  readonly family: Family;
  readonly destination: string;
  readonly source?: string;
  /** As if it arrived on this link. */
  readonly inputLinkIndex?: number;
  readonly outputLinkIndex?: number;
  readonly mark?: number;
  /** Of the sending socket; by default the asker's. */
  readonly userId?: number;
  /** Return the route itself, not the result for the packet. */
  readonly isForRoute?: boolean;
}

/** Body of RTM_GETROUTE for one packet. */
export function encodeLookup(lookup: RouteLookup): Buffer[] {
  const width = lookup.family === 4 ? 32 : 128;
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt8(familyNumber(lookup.family), 0);
  header.writeUInt8(width, 1);
  header.writeUInt8(lookup.source === undefined ? 0 : width, 2);
  // Without it the kernel reports table main for every IPv4 route (inet_rtm_getroute).
  header.writeUInt32LE(RTM_F_LOOKUP_TABLE | (lookup.isForRoute === true ? RTM_F_FIB_MATCH : 0), 8);
  const body = [header, encodeAttribute(RTA_DST, addressBytes(lookup.family, lookup.destination))];
  if (lookup.source !== undefined) {
    body.push(encodeAttribute(RTA_SRC, addressBytes(lookup.family, lookup.source)));
  }
  if (lookup.inputLinkIndex !== undefined) body.push(encodeU32(RTA_IIF, lookup.inputLinkIndex));
  if (lookup.outputLinkIndex !== undefined) body.push(encodeU32(RTA_OIF, lookup.outputLinkIndex));
  if (lookup.mark !== undefined) body.push(encodeU32(RTA_MARK, lookup.mark));
  if (lookup.userId !== undefined) body.push(encodeU32(RTA_UID, lookup.userId));
  return body;
}
