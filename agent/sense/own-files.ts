/** The networkd files in the unit directory that carry this program's header. */

import { readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCodeOf, isMissing } from '../../lib/errors/system-error.ts';
import { readRegularFile } from '../../lib/file/read-file.ts';

/** Far above what an ENI with all its addresses needs. */
const maxBytes = 1024 * 1024;

export interface UnitFile {
  /** Relative to the unit directory. */
  readonly name: string;
  readonly text: string;
}

/**
 * Every file of the directory and of its `.network.d` folders whose name begins with `prefix-`,
 * sorted by name. A missing directory has no files. Throws other errors of the file system: unknown
 * is not empty.
 */
export function readUnitFiles(directory: string, prefix: string): UnitFile[] {
  const names: string[] = [];
  for (const entry of listDirectory(directory)) {
    if (!entry.name.startsWith(`${prefix}-`)) continue;
    // A symbolic link belongs to another program: amazon-ec2-net-utils creates them with these
    // names.
    if (entry.isFile() || entry.isSymbolicLink()) names.push(entry.name);
    else if (entry.isDirectory() && entry.name.endsWith('.network.d')) {
      const inner = listDirectory(join(directory, entry.name)).filter((one) => one.isFile());
      names.push(...inner.map((one) => `${entry.name}/${one.name}`));
    }
  }
  return names.sort().flatMap((name) => {
    const text = readIfPresent(join(directory, name));
    return text === null ? [] : [{ name, text }];
  });
}

function listDirectory(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Reasons to treat a file as another program's: it cannot be trusted, or this user may not read it.
 */
const foreignCodes = ['ELOOP', 'EINVAL', 'EPERM', 'EFBIG', 'EACCES'];

/** Empty if it is another program's: its first line is missing, which marks it as such. */
function readIfPresent(path: string): string | null {
  try {
    return readRegularFile(path, { maxBytes, isTrusted: trustIn(dirname(path)), isAnyText: true });
  } catch (error) {
    if (isMissing(error)) return null;
    if (foreignCodes.includes(errorCodeOf(error) ?? '')) return '';
    throw error;
  }
}

/**
 * Files of root, of this user, and of the users that share the directory: tmpfiles.d gives it to
 * the daemon's group.
 */
function trustIn(directory: string): (file: Stats) => boolean {
  return ({ uid, gid }) => {
    if (uid === 0 || uid === process.geteuid?.()) return true;
    const shared = statSync(directory);
    return uid === shared.uid || (gid === shared.gid && gid !== 0);
  };
}
