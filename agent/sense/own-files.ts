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
 * sorted by name. A missing directory holds no files. Throws what the file system throws otherwise:
 * unknown is not empty.
 */
export function readUnitFiles(directory: string, prefix: string): UnitFile[] {
  const names: string[] = [];
  for (const entry of listDirectory(directory)) {
    if (!entry.name.startsWith(`${prefix}-`)) continue;
    // A link is somebody else's: amazon-ec2-net-utils lays them by these names.
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

/** What makes it somebody else's: not a file to be believed, or not for this user to read. */
const foreignCodes = ['ELOOP', 'EINVAL', 'EPERM', 'EFBIG', 'EACCES'];

/** Empty where it is somebody else's, as it is by its missing first line. */
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
 * Root's files, one's own, and those of whom the directory is shared with: tmpfiles.d gives it to
 * the daemon's group.
 */
function trustIn(directory: string): (file: Stats) => boolean {
  return ({ uid, gid }) => {
    if (uid === 0 || uid === process.geteuid?.()) return true;
    const shared = statSync(directory);
    return uid === shared.uid || (gid === shared.gid && gid !== 0);
  };
}
