/**
 * The one reader of files that somebody else may have laid there. Invariant: it never waits and
 * never reads more than it was allowed to, whatever stands at the path: a FIFO without a writer, a
 * terminal, /dev/zero, a file that grows.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

export interface ReadFileOptions {
  /** A larger file is refused. */
  readonly maxBytes: number;
  /** Whether a symbolic link at the path is followed; by default it is refused. */
  readonly followsLinks?: boolean;
  /** The user ids that may own it; by default anybody. */
  readonly owners?: readonly number[];
}

/**
 * - `not-regular`: a directory, FIFO, socket, device or link; `too-large`: more than `maxBytes`
 * - `owner`: another user's; `encoding`: not UTF-8
 */
export type FileErrorCode = 'not-regular' | 'too-large' | 'owner' | 'encoding';

/** What is there cannot be read as it should. The message continues "failed to read <path>: ". */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: FileErrorCode;

  constructor(code: FileErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The bytes of a regular file. Throws a FileError, or the system's error (ENOENT, EACCES, …). */
export function readRegularFile(path: string, options: ReadFileOptions): Buffer {
  const { maxBytes, followsLinks = false } = options;
  // Asked before it is opened: that alone starts a watchdog and rewinds a tape.
  check(followsLinks ? statSync(path) : lstatSync(path), options);
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = openSync(path, followsLinks ? flags : flags | constants.O_NOFOLLOW);
  try {
    // Asked again: another one may stand there by now.
    const stats = fstatSync(file);
    check(stats, options);
    const chunks: Buffer[] = [];
    let length = 0;
    // Files of /proc have no size, and one that is written to may grow.
    for (;;) {
      const chunk = Buffer.allocUnsafe(Math.min(Math.max(stats.size - length + 1, 4096), maxBytes + 1 - length));
      const count = readSync(file, chunk, 0, chunk.length, null);
      if (count === 0) return Buffer.concat(chunks, length);
      chunks.push(chunk.subarray(0, count));
      length += count;
      if (length > maxBytes) throw tooLarge(maxBytes);
    }
  } finally {
    closeSync(file);
  }
}

/** As `readRegularFile`, as text; what is not UTF-8 is refused. A byte order mark stays. */
export function readTextFile(path: string, options: ReadFileOptions): string {
  const bytes = readRegularFile(path, options);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileError('encoding', 'expected UTF-8 text', { cause });
  }
}

function check(stats: Stats, { maxBytes, owners }: ReadFileOptions): void {
  if (!stats.isFile()) throw new FileError('not-regular', `expected a regular file, got ${nameKind(stats)}`);
  if (stats.size > maxBytes) throw tooLarge(maxBytes);
  if (owners !== undefined && !owners.includes(stats.uid)) {
    throw new FileError('owner', `expected a file of user ${owners.join(' or ')}, got one of user ${stats.uid}`);
  }
}

function tooLarge(maxBytes: number): FileError {
  return new FileError('too-large', `expected at most ${maxBytes} bytes, got more`);
}

function nameKind(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return 'a device';
}
