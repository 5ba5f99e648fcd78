/**
 * Removes messages from a stream of bytes before anything decodes them: dbus-next 0.11.4 decodes a
 * body before its size or sender can be checked (4 MB of `av` take 11 s and 536 MB). Invariant: a
 * removed message costs no memory beyond its header.
 */

import type { Duplex } from 'node:stream';
import { type FrameHead, type FrameSize, fixedLength, readFrameHead, readFrameSize } from './frame.ts';

/** No valid message has a longer header: such messages are removed unread. */
const mostHeadLength = 4_096;

export class FrameFilter {
  readonly #isWanted: (head: FrameHead) => boolean;
  /** Before the first message: lines of the authentication protocol. */
  #isLine = true;
  #lineStart = '';
  /** Bytes of an incomplete header. */
  #rest: Buffer = Buffer.alloc(0);
  /** Of the current message. */
  #leftLength = 0;
  #isPassing = false;

  /** `isWanted`: whether a message is to be decoded; called once for each, in order. */
  constructor(isWanted: (head: FrameHead) => boolean) {
    this.#isWanted = isWanted;
  }

  /** The parts of the chunk that pass, in order. Throws if it is not D-Bus. */
  take(chunk: Buffer): Buffer[] {
    const passed: Buffer[] = [];
    let bytes = this.#isLine ? this.#takeLine(chunk, passed) : chunk;
    while (bytes.length > 0) {
      if (this.#leftLength > 0) {
        const length = Math.min(this.#leftLength, bytes.length);
        if (this.#isPassing) passed.push(bytes.subarray(0, length));
        this.#leftLength -= length;
        bytes = bytes.subarray(length);
        continue;
      }
      if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, bytes]);
      this.#rest = Buffer.alloc(0);
      const size = bytes.length < fixedLength ? undefined : readFrameSize(bytes);
      if (size === null) throw new Error('expected a D-Bus message');
      if (size === undefined || bytes.length < Math.min(size.headLength, mostHeadLength)) {
        // A copy, so that the chunk itself is not kept.
        this.#rest = Buffer.from(bytes);
        break;
      }
      this.#begin(bytes, size);
    }
    return passed;
  }

  #begin(bytes: Buffer, size: FrameSize): void {
    this.#isPassing = size.headLength <= mostHeadLength && this.#isWanted(readFrameHead(bytes, size));
    this.#leftLength = size.headLength + size.bodyLength;
  }

  #takeLine(chunk: Buffer, passed: Buffer[]): Buffer {
    const end = chunk.indexOf('\n');
    const line = end === -1 ? chunk : chunk.subarray(0, end + 1);
    passed.push(line);
    this.#lineStart = (this.#lineStart + line.toString('latin1', 0, 3)).slice(0, 3);
    if (end === -1) return Buffer.alloc(0);
    // After any other answer the client tries again or gives up.
    this.#isLine = this.#lineStart !== 'OK ';
    this.#lineStart = '';
    const rest = chunk.subarray(end + 1);
    return this.#isLine && rest.length > 0 ? this.#takeLine(rest, passed) : rest;
  }
}

/** Makes a stream return only what passes, for any reader. Call it before anything is read. */
export function filterStream(stream: Duplex, isWanted: (head: FrameHead) => boolean): void {
  const filter = new FrameFilter(isWanted);
  const push = stream.push.bind(stream);
  // All input passes through here, by the contract of Readable; a socket continues to read by
  // itself if nothing was passed on.
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (!Buffer.isBuffer(chunk)) return push(chunk, encoding);
    let isHungry = true;
    // Answers written meanwhile are sent in one write.
    stream.cork();
    try {
      for (const part of filter.take(chunk)) isHungry = push(part);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    } finally {
      stream.uncork();
    }
    return isHungry;
  };
}
