/**
 * Netlink framing: messages in a datagram, attributes in a message. Netlink is in host byte order;
 * every platform that this program supports (x64, arm64) is little-endian. Visitors instead of
 * objects, because dumps of 100 000 foreign routes pass through here.
 */

import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.ts';
import { DecodeError } from './errors.ts';

const HEADER_LENGTH = 16;
const ATTRIBUTE_HEADER_LENGTH = 4;

/** The header fields of a message and the place of its body. */
export type MessageVisitor = (
  type: number,
  flags: number,
  sequence: number,
  buffer: Buffer,
  start: number,
  end: number,
) => void;

/** Everything is aligned to 4 bytes (NLMSG_ALIGNTO, RTA_ALIGNTO). */
function align(length: number): number {
  return (length + 3) & ~3;
}

/** Calls `visit` for each message of a datagram. Throws a DecodeError if the framing is broken. */
export function visitMessages(datagram: Buffer, visit: MessageVisitor): void {
  let offset = 0;
  while (offset + HEADER_LENGTH <= datagram.length) {
    const length = datagram.readUInt32LE(offset);
    if (length < HEADER_LENGTH || offset + length > datagram.length) {
      throw new DecodeError(`message length ${length} at byte ${offset} of ${datagram.length}`);
    }
    const type = datagram.readUInt16LE(offset + 4);
    const flags = datagram.readUInt16LE(offset + 6);
    visit(type, flags, datagram.readUInt32LE(offset + 8), datagram, offset + HEADER_LENGTH, offset + length);
    offset += align(length);
  }
  if (offset < datagram.length) throw new DecodeError(`${datagram.length - offset} bytes after the last message`);
}

/**
 * Calls `visit` for each attribute between `start` and `end`. Throws a DecodeError if the framing
 * is broken.
 */
export function visitAttributes(
  buffer: Buffer,
  start: number,
  end: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  let offset = start;
  while (offset + ATTRIBUTE_HEADER_LENGTH <= end) {
    const length = buffer.readUInt16LE(offset);
    if (length < ATTRIBUTE_HEADER_LENGTH || offset + length > end) {
      throw new DecodeError(`attribute length ${length} with ${end - offset} bytes left`);
    }
    visit(buffer.readUInt16LE(offset + 2) & NLA_TYPE_MASK, offset + ATTRIBUTE_HEADER_LENGTH, offset + length);
    offset += align(length);
  }
}

/** Throws a DecodeError unless `actual` bytes are at least `wanted`. */
export function requireLength(what: string, actual: number, wanted: number): void {
  if (actual < wanted) throw new DecodeError(`${what}: ${actual} bytes, expected ${wanted}`);
}

/** nlmsg_pid of the message whose body begins at `start`. */
export function readPortId(buffer: Buffer, start: number): number {
  return buffer.readUInt32LE(start - 4);
}

export function readU8(what: string, buffer: Buffer, start: number, end: number): number {
  requireLength(what, end - start, 1);
  return buffer.readUInt8(start);
}

export function readU32(what: string, buffer: Buffer, start: number, end: number): number {
  requireLength(what, end - start, 4);
  return buffer.readUInt32LE(start);
}

/** A C string: up to the first NUL or the end. */
export function readText(buffer: Buffer, start: number, end: number): string {
  const nul = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, nul >= 0 && nul < end ? nul : end);
}

/**
 * One message, ready to be sent; the kernel fills in the port. `body` is the family's struct and
 * its attributes.
 */
export function encodeMessage(type: number, flags: number, sequence: number, body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_LENGTH);
  const message = Buffer.concat([header, ...body]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  return message;
}

export function encodeAttribute(type: number, value: Buffer): Buffer {
  const attribute = Buffer.alloc(align(ATTRIBUTE_HEADER_LENGTH + value.length));
  attribute.writeUInt16LE(ATTRIBUTE_HEADER_LENGTH + value.length, 0);
  attribute.writeUInt16LE(type, 2);
  value.copy(attribute, ATTRIBUTE_HEADER_LENGTH);
  return attribute;
}

export function encodeU32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return encodeAttribute(type, bytes);
}

export function encodeU8(type: number, value: number): Buffer {
  return encodeAttribute(type, Buffer.from([value]));
}

/** A NUL-terminated string. */
export function encodeText(type: number, value: string): Buffer {
  return encodeAttribute(type, Buffer.from(`${value}\0`));
}

export function encodeNested(type: number, attributes: readonly Buffer[]): Buffer {
  return encodeAttribute(type | NLA_F_NESTED, Buffer.concat(attributes));
}
