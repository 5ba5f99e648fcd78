/**
 * `enid run` as root switches to the daemon's user, with CAP_NET_ADMIN alone: it follows no
 * symbolic link and reads no file that this user could not, and the daemon can replace whatever it
 * writes.
 */

import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { SafeDirectory } from '../../lib/file/safe-directory.ts';
import { becomeUser, findUser, type UserIds } from '../../lib/process/user.ts';
import { RuntimeError } from '../errors.ts';

/** As in units/sysusers.d. */
const daemonUser = 'enid';
/** Its bit (linux/capability.h). */
const netAdmin = 12;

/**
 * Leaves root if the runtime directory belongs to another user, or does not exist yet and there is
 * a user `enid`. Root stays root in a directory of its own: on a host without the user, or in a
 * test. Throws a RuntimeError if root would share a directory.
 */
export function leaveRoot(runtimeDirectory: string, unitDirectory: string): void {
  if (process.geteuid?.() !== 0) return;
  const owner = readOwner(runtimeDirectory);
  if (owner.uid !== 0) {
    becomeUser(owner, netAdmin);
    return;
  }
  const shared = lstatSync(unitDirectory, { throwIfNoEntry: false });
  if (shared === undefined || isRootsAlone(shared)) return;
  throw new RuntimeError(
    'owner',
    runtimeDirectory,
    `${runtimeDirectory}: expected a directory of the user ${daemonUser}, as others than root write to ${unitDirectory}; it is root's. Give it away: chown -R ${daemonUser}: ${runtimeDirectory}`,
  );
}

function readOwner(runtimeDirectory: string): UserIds {
  const found = lstatSync(runtimeDirectory, { throwIfNoEntry: false });
  if (found?.isDirectory()) return found;
  if (found !== undefined)
    throw new RuntimeError(
      'owner',
      runtimeDirectory,
      `${runtimeDirectory}: expected a directory. Remove what is there`,
    );
  const user = findUser(daemonUser);
  if (user === null) return { uid: 0, gid: 0 };
  makeFor(runtimeDirectory, user);
  return user;
}

function makeFor(path: string, user: UserIds): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const above = SafeDirectory.open(dirname(path));
  try {
    above.make(basename(path), user);
  } finally {
    above.close();
  }
}

function isRootsAlone({ uid, gid, mode }: Stats): boolean {
  return uid === 0 && (mode & 0o002) === 0 && (gid === 0 || (mode & 0o020) === 0);
}
