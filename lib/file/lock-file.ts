/**
 * A lock that ends with its process, however that ends: a POSIX record lock (fcntl_locking(2)) on a
 * file. Node has no call for it. Unlike with flock(2), the kernel can name the process that holds
 * it. A record lock ends when its process closes any descriptor of the file: a holder opens it
 * once, here.
 */

import { constants, fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import koffi from 'koffi';
import { isMissing } from '../errors/system-error.ts';

// asm-generic/fcntl.h
const F_GETLK = 5;
const F_SETLK = 6;
const F_WRLCK = 1;
const F_UNLCK = 2;
/**
 * struct flock on 64 bits: type i16, whence i16, 4 bytes of padding, start i64, length i64 (0:
 * all), pid i32, padding.
 */
const FLOCK_LENGTH = 32;
const FLOCK_PID = 24;

export interface FileLock {
  /** Releases the lock. */
  release(): Promise<void>;
}

/**
 * Locks a file, which is created if it is missing, and which no other user may read: any user that
 * can open a file can lock it. Null: another process holds the lock. Throws errors of the file
 * system, also for a symbolic link and for anything but a regular file.
 */
export async function lockFile(path: string): Promise<FileLock | null> {
  const file = await openRegular(path, constants.O_RDWR | constants.O_CREAT);
  try {
    // Earlier versions made it world-readable.
    if ((fstatSync(file.fd).mode & 0o077) !== 0) await file.chmod(0o600);
    if (callFcntl(file.fd, F_SETLK).result === 0) return { release: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return null;
}

/**
 * The process that holds the lock, as the kernel reports it; null: none does, or there is no such
 * file. Throws errors of the file system, EACCES for users that may not read it.
 */
export async function readLockHolder(path: string): Promise<number | null> {
  let file: FileHandle;
  try {
    file = await openRegular(path, constants.O_RDONLY);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const { result, lock } = callFcntl(file.fd, F_GETLK);
    if (result !== 0 || lock.readInt16LE(0) === F_UNLCK) return null;
    // 0: a process of another PID namespace.
    return lock.readInt32LE(FLOCK_PID) || null;
  } finally {
    await file.close();
  }
}

async function openRegular(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  if (fstatSync(file.fd).isFile()) return file;
  await file.close();
  throw Object.assign(new Error(`expected ${path} to be a regular file`), { code: 'EINVAL' });
}

function callFcntl(fd: number, command: number): { readonly result: number; readonly lock: Buffer } {
  const fcntl = koffi.load(null).func('int fcntl(int fd, int command, void *lock)');
  const lock = Buffer.alloc(FLOCK_LENGTH);
  lock.writeInt16LE(F_WRLCK, 0);
  return { result: fcntl(fd, command, lock), lock };
}
