/** Writes and removes networkd files below the unit directory. */

import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCodeOf } from '../../lib/errors/system-error.ts';
import { removeFile, writeFileAtomically } from '../../lib/file/write-file.ts';
import { NetworkdError } from '../errors.ts';

/**
 * `name` may have one folder: `70-ens6.network.d/sources.conf`. False: the file already has this
 * text. Throws a NetworkdError.
 */
export async function writeUnitFile(directory: string, name: string, text: string): Promise<boolean> {
  const path = join(directory, name);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    return await writeFileAtomically(path, text);
  } catch (error) {
    throw toError('write', path, error);
  }
}

/**
 * Also removes the drop-in folder if it becomes empty. False: the file does not exist. Throws a
 * NetworkdError.
 */
export async function removeUnitFile(directory: string, name: string): Promise<boolean> {
  const path = join(directory, name);
  let isRemoved: boolean;
  try {
    isRemoved = await removeFile(path);
  } catch (error) {
    throw toError('remove', path, error);
  }
  // Not empty: another program's drop-ins live there.
  if (name.includes('/')) await rmdir(dirname(path)).catch(() => undefined);
  return isRemoved;
}

function toError(verb: string, path: string, error: unknown): NetworkdError {
  const code = errorCodeOf(error) ?? 'failed';
  return new NetworkdError(code, path, `failed to ${verb} ${path}: ${code}`, { cause: error });
}
