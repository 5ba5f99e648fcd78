/**
 * How the kernel says that a request or a dump has ended: NLMSG_ERROR and NLMSG_DONE
 * (linux/netlink.h).
 */

import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSGERR_ATTR_MSG } from './constants.ts';
import { DecodeError } from './errors.ts';
import { readText, visitAttributes } from './message.ts';

export interface Acknowledgement {
  /** 0: success. */
  readonly errno: number;
  /** The kernel's own text (extended acknowledgement); null: there is none. */
  readonly text: string | null;
}

/** sizeof(struct nlmsghdr), which follows the errno in an NLMSG_ERROR. */
const HEADER_LENGTH = 16;

/** Throws a DecodeError if even the number is missing. */
export function readAcknowledgement(
  type: number,
  flags: number,
  buffer: Buffer,
  start: number,
  end: number,
): Acknowledgement {
  // A dump may end without one.
  if (type === NLMSG_DONE && end === start) return { errno: 0, text: null };
  if (end - start < 4) throw new DecodeError(`acknowledgement of ${end - start} bytes`);
  // Negative; a dump's own failure comes in NLMSG_DONE.
  const errno = -buffer.readInt32LE(start);
  return { errno: errno === 0 ? 0 : errno, text: readErrorText(type, flags, buffer, start, end) };
}

/** Broken attributes are ignored: the number is enough. */
function readErrorText(type: number, flags: number, buffer: Buffer, start: number, end: number): string | null {
  if ((flags & NLM_F_ACK_TLVS) === 0) return null;
  let from = start + 4;
  if (type !== NLMSG_DONE) {
    if (end - from < HEADER_LENGTH) return null;
    // The header of the request and, unless capped, the rest of it.
    const echoed = (flags & NLM_F_CAPPED) !== 0 ? HEADER_LENGTH : buffer.readUInt32LE(from);
    from += Math.ceil(echoed / 4) * 4;
  }
  let text: string | null = null;
  try {
    visitAttributes(buffer, from, end, (attribute, first, last) => {
      if (attribute === NLMSGERR_ATTR_MSG) text = readText(buffer, first, last);
    });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return text;
}
