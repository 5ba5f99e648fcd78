/**
 * Writes and removes small files so that a reader sees either the old or the new text, never a part
 * of it.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCodeOf, isMissing } from '../errors/system-error.ts';

export interface WriteFileOptions {
  /** Permission bits, whatever the umask. */
  readonly mode?: number;
  /**
   * Waits until the text is on disk: only for what must survive a power cut, never for files in
   * /run.
   */
  readonly sync?: boolean;
  /** The owner; by default the process's own user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Makes the file contain exactly `text`; resolves to whether it had to be written (a file that
 * already has the text is not touched at all). The directory must exist. Rejects with the system's
 * error, and then leaves the old file and no temporary one.
 */
export async function writeFileAtomically(
  path: string,
  text: string,
  options: WriteFileOptions = {},
): Promise<boolean> {
  if (await isAsWanted(path, text, options)) return false;
  // Loaded here: most starts write nothing.
  const { randomBytes } = await import('node:crypto');
  // The leading dot and the suffix keep programs that read the directory from using it.
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | null = null;
  try {
    // Never through a symbolic link that another user created.
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
 * Removes temporary files, of targets whose names begin so, that a killed writer left. No other
 * process may write there at that time. Never rejects: such files do no harm.
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

/** False for anything but a regular file: a symbolic link is replaced, not followed. */
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
