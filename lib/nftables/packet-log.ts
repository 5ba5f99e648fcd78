/**
 * The packets that rules with `log group N` hand over (NFLOG, linux/netfilter/nfnetlink_log.h):
 * where each was sent to. Needs CAP_NET_ADMIN.
 */

import { readAcknowledgement } from '../rtnetlink/acknowledgement.ts';
import { readAddressText } from '../rtnetlink/address-text.ts';
import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR } from '../rtnetlink/constants.ts';
import { errnoName, RtnetlinkError } from '../rtnetlink/errors.ts';
import { encodeAttribute, encodeMessage, visitAttributes, visitMessages } from '../rtnetlink/message.ts';
import { openRawSocket, type RawSocket } from '../rtnetlink/raw-socket.ts';
import { encodeHeader } from './batch.ts';
import {
  NETLINK_NETFILTER,
  NFNL_SUBSYS_ULOG,
  NFULA_CFG_CMD,
  NFULA_CFG_MODE,
  NFULA_CFG_QTHRESH,
  NFULA_PAYLOAD,
  NFULNL_CFG_CMD_BIND,
  NFULNL_COPY_PACKET,
  NFULNL_MSG_CONFIG,
  NFULNL_MSG_PACKET,
} from './constants.ts';
import { encodeU32 } from './encode.ts';

/** Up to the destination of an IPv6 header (RFC 8200), which is behind that of IPv4 (RFC 791). */
export const headerBytes = 40;
/** The destination's first byte, and the one behind it. */
const destinationAt = { 4: [16, 20], 6: [24, 40] } as const;
const HEADER_LENGTH = 4;
const typeOf = (message: number) => (NFNL_SUBSYS_ULOG << 8) | message;

export interface PacketLogHandlers {
  /** Canonical text of the address that the packet was sent to. */
  readonly onPacket: (destination: string) => void;
  /** It is closed: no packet comes any more. */
  readonly onEnd: (cause: unknown) => void;
}

/**
 * Binds the group, which only one program can have. Rejects with an RtnetlinkError where the kernel
 * refuses.
 */
export function openPacketLog(group: number, { onPacket, onEnd }: PacketLogHandlers): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const description = `bind NFLOG group ${group}`;
    let isBound = false;
    const end = (cause: unknown) => {
      socket.close();
      if (isBound) onEnd(cause);
      else reject(cause);
    };
    const receive = (datagram: Buffer) =>
      visitMessages(datagram, (type, flags, _sequence, buffer, from, to) => {
        if (type === NLMSG_ERROR) {
          const { errno, text } = readAcknowledgement(type, flags, buffer, from, to);
          if (errno !== 0) return end(new RtnetlinkError(errnoName(errno), description, { text }));
          isBound = true;
          resolve(socket);
        } else if (type === typeOf(NFULNL_MSG_PACKET)) {
          const destination = readDestination(buffer, from, to);
          if (destination !== null) onPacket(destination);
        }
      });
    const socket = openRawSocket(
      { protocol: NETLINK_NETFILTER, groups: [], receiveBufferBytes: 64 * 1024, readBufferBytes: 4 * 1024 },
      // Of one packet a second, none that was lost is missed.
      { onDatagram: receive, onLoss: () => undefined, onFatal: end, onBug: end },
    );
    socket.send(encodeBind(group), end);
  });
}

/** Of an NFULNL_MSG_PACKET; null: the packet is too short, or of another version. */
export function readDestination(buffer: Buffer, start: number, end: number): string | null {
  let destination: string | null = null;
  visitAttributes(buffer, start + HEADER_LENGTH, end, (type, from, to) => {
    if (type !== NFULA_PAYLOAD || from === to) return;
    const version = buffer.readUInt8(from) >> 4;
    if (version !== 4 && version !== 6) return;
    const [first, behind] = destinationAt[version];
    if (from + behind <= to) destination = readAddressText(version, buffer, from + first);
  });
  return destination;
}

function encodeBind(group: number): Buffer {
  const mode = Buffer.from([0, 0, 0, 0, NFULNL_COPY_PACKET, 0]);
  mode.writeUInt32BE(headerBytes);
  return encodeMessage(typeOf(NFULNL_MSG_CONFIG), NLM_F_REQUEST | NLM_F_ACK, 1, [
    encodeHeader(0, group),
    encodeAttribute(NFULA_CFG_CMD, Buffer.from([NFULNL_CFG_CMD_BIND])),
    encodeAttribute(NFULA_CFG_MODE, mode),
    // Each packet is sent at once; by default they wait for a second.
    encodeU32(NFULA_CFG_QTHRESH, 1),
  ]);
}
