/**
 * Messages on the wire (D-Bus specification, "Message Format"), as far as they are checked before
 * they are decoded: their length, their type and their sender. Pure.
 */

export const messageType = { call: 1, return: 2, error: 3, signal: 4 } as const;
export const flagNoReply = 1;

/** yyyyuu and the length of the header fields. */
export const fixedLength = 16;

export interface FrameSize {
  /** Fixed header, fields and padding together. */
  readonly headLength: number;
  readonly bodyLength: number;
}

export interface FrameHead extends FrameSize {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  /** Unique name, which the bus itself fills in; empty if there is none. */
  readonly sender: string;
  /** Of a reply; 0 where there is none. */
  readonly replySerial: number;
  /** Of the body. */
  readonly signature: string;
}

/** Codes of header fields. */
const replySerialCode = 5;
const senderCode = 7;
const signatureCode = 8;
const littleEndian = 0x6c;
const bigEndian = 0x42;
const protocolVersion = 1;

/** Null: no message begins with these 16 bytes. */
export function readFrameSize(bytes: Buffer): FrameSize | null {
  const order = bytes[0];
  if ((order !== littleEndian && order !== bigEndian) || bytes[3] !== protocolVersion) return null;
  const readNumber = numberReader(bytes);
  return { headLength: fixedLength + align(readNumber(12), 8), bodyLength: readNumber(4) };
}

/** `bytes` holds the whole head. Fields that cannot be read are left out. */
export function readFrameHead(bytes: Buffer, size: FrameSize): FrameHead {
  const readNumber = numberReader(bytes);
  const end = fixedLength + readNumber(12);
  let sender = '';
  let replySerial = 0;
  let signature = '';
  for (let at = fixedLength; at + 8 <= end; at = align(at, 8)) {
    // A byte, then a variant: the signature of every known field has one letter.
    const [code, signatureLength, type] = [bytes[at], bytes[at + 1], String.fromCharCode(bytes[at + 2] ?? 0)];
    if (signatureLength !== 1) break;
    at += 4;
    if (type === 'u') {
      if (code === replySerialCode) replySerial = readNumber(at);
      at += 4;
    } else if (type === 'g') {
      const length = bytes[at] ?? 0;
      if (code === signatureCode) signature = bytes.toString('latin1', at + 1, at + 1 + length);
      at += length + 2;
    } else if (type === 's' || type === 'o') {
      const start = at + 4;
      const length = readNumber(at);
      if (start + length > end) break;
      if (code === senderCode) sender = bytes.toString('latin1', start, start + length);
      at = start + length + 1;
    } else break;
  }
  const [, type = 0, flags = 0] = bytes;
  return { ...size, type, flags, serial: readNumber(8), sender, replySerial, signature };
}

/** An error reply as bytes, for a call that is not worth decoding. */
export function encodeError(call: Pick<FrameHead, 'sender' | 'serial'>, name: string, text: string): Buffer {
  const field = (code: number, type: string, value: Buffer) => pad(Buffer.concat([variantStart(code, type), value]), 8);
  const fields = Buffer.concat([
    field(4, 's', encodeText(name)),
    field(replySerialCode, 'u', encodeNumber(call.serial)),
    field(6, 's', encodeText(call.sender)),
    Buffer.concat([variantStart(signatureCode, 'g'), Buffer.from([1, 0x73, 0])]),
  ]);
  const body = encodeText(text);
  // No reply to this message is expected, so its serial only has to be non-zero.
  const numbers = [body.length, 0xffffffff, fields.length].map(encodeNumber);
  const fixed = Buffer.from([littleEndian, messageType.error, flagNoReply, protocolVersion]);
  return Buffer.concat([pad(Buffer.concat([fixed, ...numbers, fields]), 8), body]);
}

function numberReader(bytes: Buffer): (at: number) => number {
  return bytes[0] === littleEndian ? (at) => bytes.readUInt32LE(at) : (at) => bytes.readUInt32BE(at);
}

function variantStart(code: number, type: string): Buffer {
  return Buffer.from([code, 1, type.charCodeAt(0), 0]);
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([encodeNumber(bytes.length), bytes, Buffer.alloc(1)]);
}

function pad(bytes: Buffer, boundary: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(align(bytes.length, boundary) - bytes.length)]);
}

function align(length: number, boundary: number): number {
  return Math.ceil(length / boundary) * boundary;
}
