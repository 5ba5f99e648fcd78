/** Reads a file in a directory that another user can write to: nothing there can make the reader wait, or read without end. */

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

export interface ReadRegularFileOptions {
  /** A longer file is an error. */
  readonly maxBytes: number;
  /** Whether a file of this owner is to be believed. */
  readonly isTrusted?: (file: Stats) => boolean;
}

/**
 * Text of a regular file with one name that is no symbolic link. Throws what the file system throws, and an Error with code
 * `ELOOP` (a link), `EINVAL` (no regular file, or one with a second name), `EFBIG` or `EPERM` (not trusted).
 */
export function readRegularFile(path: string, { maxBytes, isTrusted }: ReadRegularFileOptions): string {
  // Not blocking: a FIFO would wait for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const file = fstatSync(fd);
    if (!file.isFile()) throw refuse('EINVAL', path, 'a regular file');
    // A hard link makes another file look like one of this directory.
    if (file.nlink > 1) throw refuse('EINVAL', path, 'a file with one name');
    if (isTrusted !== undefined && !isTrusted(file)) throw refuse('EPERM', path, `another owner than ${file.uid}`);
    if (file.size > maxBytes) throw refuse('EFBIG', path, `at most ${maxBytes} bytes`);
    // It may grow meanwhile: one byte more than there may be tells.
    const buffer = Buffer.alloc(Math.min(file.size, maxBytes) + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count)
      count = readSync(fd, buffer, length, buffer.length - length, null);
    if (length > maxBytes) throw refuse('EFBIG', path, `at most ${maxBytes} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

function refuse(code: string, path: string, expected: string): Error {
  return Object.assign(new Error(`failed to read ${path}: expected ${expected}`), { code });
}
