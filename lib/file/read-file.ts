/**
 * Reads files that another user may have created. Invariant: it never blocks and never reads more
 * than it is allowed to, whatever the path is: a FIFO without a writer, a terminal, /dev/zero, a
 * file that grows.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

export interface ReadFileOptions {
  /** A larger file is refused. */
  readonly maxBytes: number;
  /**
   * Whether to follow a symbolic link at the path and to read a file with several hard links: for
   * directories that only root writes to. By default such a file is refused.
   */
  readonly followsLinks?: boolean;
  /** Whether to trust a file of this owner; by default any. */
  readonly isTrusted?: (file: Stats) => boolean;
  /**
   * Whether to read bytes that are not UTF-8 as U+FFFD: a comment in another program's file may be
   * in any encoding. By default such a file is refused.
   */
  readonly isAnyText?: boolean;
}

/**
 * As the system's errors: `ELOOP` (a symbolic link), `EINVAL` (no regular file, or one with several
 * hard links), `EFBIG` (more than `maxBytes`), `EPERM` (not trusted), `EILSEQ` (not UTF-8).
 */
export type FileErrorCode = 'ELOOP' | 'EINVAL' | 'EFBIG' | 'EPERM' | 'EILSEQ';

/** The file cannot be read as expected. `expectation` continues "failed to read <path>: ". */
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
  // Checked before it is opened: opening alone starts a watchdog or rewinds a tape.
  check(path, followsLinks ? statSync(path) : lstatSync(path), options);
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = openSync(path, followsLinks ? flags : flags | constants.O_NOFOLLOW);
  try {
    // Checked again: another file may be there by now.
    const stats = fstatSync(file);
    check(path, stats, options);
    const chunks: Buffer[] = [];
    let length = 0;
    // Files of /proc have no size, and a file that is being written may grow.
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
