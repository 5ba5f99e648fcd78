/**
 * Writes and removes small files so that a reader sees the old text or the new one, never a part.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCodeOf, isMissing } from '../errors/system-error.ts';

export interface WriteFileOptions {
  /** Permission bits, whatever the umask. */
  readonly mode?: number;
  /**
   * Waits until the disk has it: only for what must survive a power cut, never for files in /run.
   */
  readonly sync?: boolean;
  /** Who is to have it; otherwise the process's own user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Makes the file hold exactly `text`; resolves to whether it had to be written (an equal file is
 * not touched at all). The directory must exist. Rejects with the system's error, and then leaves
 * the old file and no temporary one.
 */
export async function writeFileAtomically(
  path: string,
  text: string,
  options: WriteFileOptions = {},
): Promise<boolean> {
  if (await isAsWanted(path, text, options)) return false;
  // Most starts write nothing and do without it.
  const { randomBytes } = await import('node:crypto');
  // The leading dot and the suffix keep programs that read the directory from taking it for one of
  // theirs.
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | null = null;
  try {
    // Never through a link that somebody laid there.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    handle = await open(temporary, flags, 0o600);
    await handle.writeFile(text);
    await handle.chmod(options.mode ?? 0o644);
    if (options.owner !== undefined) await handle.chown(options.owner.uid, options.owner.gid);
    if (options.sync) await handle.sync();
    await handle.close();
    handle = null;
    await rename(temporary, path);
    if (options.sync) await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    await handle?.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/**
 * Removes what a writer left that was killed before it was done: temporary files for names that
 * begin so. Nobody else may write there at the time. Never rejects: they do no harm.
 */
export async function removeLeftovers(directory: string, start = ''): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const isLeft = (name: string) => name.startsWith(`.${start}`) && /\.[0-9a-f]{12}\.tmp$/.test(name);
  await Promise.all(names.filter(isLeft).map((name) => unlink(join(directory, name)).catch(() => undefined)));
}

/** Removes a file; resolves to whether there was one. Rejects with the system's error. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** What is no regular file is not: a symbolic link is replaced, not followed. */
async function isAsWanted(path: string, text: string, { owner }: WriteFileOptions): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error) || errorCodeOf(error) === 'ELOOP') return false;
    throw error;
  }
  try {
    const file = await handle.stat();
    if (!file.isFile() || file.size !== Buffer.byteLength(text)) return false;
    if (owner !== undefined && (file.uid !== owner.uid || file.gid !== owner.gid)) return false;
    return (await readFile(handle, 'utf8')) === text;
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
