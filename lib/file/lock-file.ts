/** A lock that ends with its process, however that ends: flock(2) on a file. Node has no call for it. */

import { type FileHandle, open } from 'node:fs/promises';
import koffi from 'koffi';

// linux/fcntl.h (LOCK_EX | LOCK_NB)
const LOCK_EX_NB = 2 | 4;

export interface FileLock {
  /** Lets another process have it. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a file, which is made where it is missing and then holds this process's ID as text. Null: another
 * process has it. Throws what the file system throws.
 */
export async function lockFile(path: string): Promise<FileLock | null> {
  const flock = koffi.load(null).func('int flock(int fd, int operation)');
  const file = await open(path, 'a+', 0o644);
  if (flock(file.fd, LOCK_EX_NB) !== 0) {
    await file.close();
    return null;
  }
  await rewrite(file, `${process.pid}\n`);
  return { release: () => file.close() };
}

async function rewrite(file: FileHandle, text: string): Promise<void> {
  await file.truncate(0);
  await file.write(text, 0);
}
