/** Links on the wire: struct ifinfomsg and IFLA_* (linux/if_link.h). */

import {
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_ALT_IFNAME,
  IFLA_GROUP,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MAX_MTU,
  IFLA_MTU,
  IFLA_PERM_ADDRESS,
  IFLA_PROP_LIST,
  IFLA_VRF_TABLE,
} from './constants.ts';
import { decodeIpv6State, decodeSettings } from './link-settings.ts';
import { encodeNested, encodeText, encodeU32, readText, readU32, requireLength, visitAttributes } from './message.ts';
import type { Link, LinkSettings } from './types.ts';

/** sizeof(struct ifinfomsg): family, pad, type u16, index s32, flags u32, change u32. */
const HEADER_LENGTH = 16;
const ETHERNET_ADDRESS_LENGTH = 6;

/**
 * Decodes the body of RTM_NEWLINK or RTM_DELLINK. Null for messages that are not about the link
 * itself: those of AF_BRIDGE (an RTM_DELLINK there means that a port left its bridge,
 * br_ifinfo_notify) and wireless extension events, which only name the link (rtmsg_iwinfo; every
 * complete message has an MTU).
 */
export function decodeLink(buffer: Buffer, start: number, end: number): Link | null {
  requireLength('ifinfomsg', end - start, HEADER_LENGTH);
  if (buffer[start] !== 0) return null;
  const flags = buffer.readUInt32LE(start + 8);
  let name = '';
  let mtu: number | null = null;
  let maxMtu = 0;
  let mac: string | null = null;
  let permanentMac: string | null = null;
  let kind: string | null = null;
  let vrfTable: number | null = null;
  let masterIndex: number | null = null;
  let group = 0;
  const altNames: string[] = [];
  let settings: LinkSettings | null = null;
  let canHaveIpv6 = true;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type === IFLA_IFNAME) name = readText(buffer, from, to);
    else if (type === IFLA_MTU) mtu = readU32('IFLA_MTU', buffer, from, to);
    else if (type === IFLA_MAX_MTU) maxMtu = readU32('IFLA_MAX_MTU', buffer, from, to);
    else if (type === IFLA_ADDRESS) mac = readMac(buffer, from, to);
    else if (type === IFLA_PERM_ADDRESS) permanentMac = readMac(buffer, from, to);
    else if (type === IFLA_MASTER) masterIndex = readU32('IFLA_MASTER', buffer, from, to) || null;
    else if (type === IFLA_GROUP) group = readU32('IFLA_GROUP', buffer, from, to);
    else if (type === IFLA_AF_SPEC) {
      settings = decodeSettings(buffer, from, to);
      canHaveIpv6 = decodeIpv6State(buffer, from, to);
    } else if (type === IFLA_LINKINFO) {
      visitAttributes(buffer, from, to, (inner, innerFrom, innerTo) => {
        if (inner === IFLA_INFO_KIND) kind = readText(buffer, innerFrom, innerTo);
        // The kind comes before its data (rtnl_link_info_fill), and each kind numbers its own
        // attributes.
        else if (inner === IFLA_INFO_DATA && kind === 'vrf') vrfTable = readVrfTable(buffer, innerFrom, innerTo);
      });
    } else if (type === IFLA_PROP_LIST) {
      visitAttributes(buffer, from, to, (inner, innerFrom, innerTo) => {
        if (inner === IFLA_ALT_IFNAME) altNames.push(readText(buffer, innerFrom, innerTo));
      });
    }
  });
  if (mtu === null) return null;
  return {
    index: buffer.readInt32LE(start + 4),
    name,
    mac,
    permanentMac,
    kind,
    masterIndex,
    group,
    ...(vrfTable === null ? {} : { vrfTable }),
    mtu,
    ...(maxMtu === 0 ? {} : { maxMtu }),
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
    altNames: altNames.sort(),
    ...(settings === null ? {} : { settings }),
    ...(canHaveIpv6 ? {} : { isIpv6Off: true }),
  };
}

function readVrfTable(buffer: Buffer, start: number, end: number): number | null {
  let table: number | null = null;
  visitAttributes(buffer, start, end, (type, from, to) => {
    if (type === IFLA_VRF_TABLE) table = readU32('IFLA_VRF_TABLE', buffer, from, to);
  });
  return table;
}

/**
 * Colon text of an Ethernet address; null for all zeros (loopback) and for other kinds, such as a
 * tunnel's endpoint.
 */
function readMac(buffer: Buffer, start: number, end: number): string | null {
  if (end - start !== ETHERNET_ADDRESS_LENGTH) return null;
  const hex = buffer.toString('hex', start, end);
  return hex === '000000000000' ? null : hex.replace(/..(?=.)/g, '$&:');
}

/** struct ifinfomsg that names a link. */
export function encodeLinkHeader(index: number): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeInt32LE(index, 4);
  return header;
}

/** Attributes of RTM_SETLINK that put a link below a master and leave the rest of it as it is. */
export function encodeMaster(masterIndex: number): Buffer {
  return encodeU32(IFLA_MASTER, masterIndex);
}

/** Attributes of RTM_SETLINK that put a link into a group and leave the rest of it as it is. */
export function encodeGroup(group: number): Buffer {
  return encodeU32(IFLA_GROUP, group);
}

/** Attributes of RTM_SETLINK that set the MTU of a link and leave the rest of it as it is. */
export function encodeMtu(mtu: number): Buffer {
  return encodeU32(IFLA_MTU, mtu);
}

/** Body of RTM_NEWLINKPROP and RTM_DELLINKPROP. */
export function encodeAltName(index: number, altName: string): Buffer[] {
  return [encodeLinkHeader(index), encodeNested(IFLA_PROP_LIST, [encodeText(IFLA_ALT_IFNAME, altName)])];
}
