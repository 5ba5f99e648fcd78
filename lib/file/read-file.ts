/**
 * The one reader of files that somebody else may have laid there. Invariant: it never waits and
 * never reads more than it was allowed to, whatever stands at the path: a FIFO without a writer, a
 * terminal, /dev/zero, a file that grows.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

export interface ReadFileOptions {
  /** A larger file is refused. */
  readonly maxBytes: number;
  /**
   * Whether a symbolic link at the path is followed, and a file with several names read: for
   * directories that only root writes to. By default such a file is refused.
   */
  readonly followsLinks?: boolean;
  /** Whether a file of this owner is to be believed; by default any is. */
  readonly isTrusted?: (file: Stats) => boolean;
  /**
   * Whether bytes that are no UTF-8 are read as U+FFFD: a comment of another program's file may be
   * in any coding. By default such a file is refused.
   */
  readonly isAnyText?: boolean;
}

/**
 * As the system's errors: `ELOOP` (a link), `EINVAL` (no regular file, or one with a second name),
 * `EFBIG` (more than `maxBytes`), `EPERM` (not trusted), `EILSEQ` (not UTF-8).
 */
export type FileErrorCode = 'ELOOP' | 'EINVAL' | 'EFBIG' | 'EPERM' | 'EILSEQ';

/** What is there cannot be read as it should. `expectation` continues "failed to read <path>: ". */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: FileErrorCode;
  readonly expectation: string;

  constructor(code: FileErrorCode, path: string, expectation: string, options?: { cause?: unknown }) {
    super(`failed to read ${path}: ${expectation}`, options);
    this.code = code;
    this.expectation = expectation;
  }
}

/** The text of a regular file. Throws a FileError, or the system's error (ENOENT, EACCES, …). */
export function readRegularFile(path: string, options: ReadFileOptions): string {
  const bytes = readBytes(path, options);
  try {
    return new TextDecoder('utf-8', { fatal: options.isAnyText !== true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FileError('EILSEQ', path, 'expected UTF-8 text', { cause });
  }
}

function readBytes(path: string, options: ReadFileOptions): Buffer {
  const { maxBytes, followsLinks = false } = options;
  // Asked before it is opened: that alone starts a watchdog and rewinds a tape.
  check(path, followsLinks ? statSync(path) : lstatSync(path), options);
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = openSync(path, followsLinks ? flags : flags | constants.O_NOFOLLOW);
  try {
    // Asked again: another one may stand there by now.
    const stats = fstatSync(file);
    check(path, stats, options);
    const chunks: Buffer[] = [];
    let length = 0;
    // Files of /proc have no size, and one that is written to may grow.
    for (;;) {
      const chunk = Buffer.allocUnsafe(Math.min(Math.max(stats.size - length + 1, 4096), maxBytes + 1 - length));
      const count = readSync(file, chunk, 0, chunk.length, null);
      if (count === 0) return Buffer.concat(chunks, length);
      chunks.push(chunk.subarray(0, count));
      length += count;
      if (length > maxBytes) throw tooLarge(path, maxBytes);
    }
  } finally {
    closeSync(file);
  }
}

function check(path: string, file: Stats, { maxBytes, followsLinks, isTrusted }: ReadFileOptions): void {
  if (!file.isFile()) {
    throw new FileError(
      file.isSymbolicLink() ? 'ELOOP' : 'EINVAL',
      path,
      `expected a regular file, got ${nameKind(file)}`,
    );
  }
  // A hard link makes another file look like one of this directory.
  if (followsLinks !== true && file.nlink > 1) {
    throw new FileError('EINVAL', path, `expected a file with one name, got one with ${file.nlink}`);
  }
  if (isTrusted?.(file) === false) {
    throw new FileError('EPERM', path, `expected another owner than user ${file.uid}`);
  }
  if (file.size > maxBytes) throw tooLarge(path, maxBytes);
}

function tooLarge(path: string, maxBytes: number): FileError {
  return new FileError('EFBIG', path, `expected at most ${maxBytes} bytes, got more`);
}

function nameKind(file: Stats): string {
  if (file.isDirectory()) return 'a directory';
  if (file.isFIFO()) return 'a FIFO';
  if (file.isSocket()) return 'a socket';
  if (file.isSymbolicLink()) return 'a symbolic link';
  return 'a device';
}
