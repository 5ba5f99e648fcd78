/** System users, and how a root process switches to one and keeps a single capability. */

import { readFileSync } from 'node:fs';
import koffi from 'koffi';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

// linux/prctl.h, linux/capability.h
const PR_SET_KEEPCAPS = 8;
const CAPABILITY_VERSION_3 = 0x20080522;

/**
 * A user of /etc/passwd, where systemd-sysusers adds those of services; null: no user has this
 * name.
 */
export function findUser(name: string): UserIds | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [uid, gid] = (line?.split(':').slice(2, 4) ?? []).map(Number);
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid: uid ?? 0, gid: gid ?? 0 } : null;
}

/**
 * Switches this process to the user, permanently, with one capability of root's (given by its bit's
 * number). Capabilities belong to threads: only the calling one keeps it, and programs do not
 * inherit it. Throws if the kernel refuses; the process must then exit.
 */
export function becomeUser({ uid, gid }: UserIds, capability: number): void {
  const libc = koffi.load(null);
  const prctl = libc.func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
  const capset = libc.func('int capset(const uint32_t *header, const uint32_t *data)');
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) !== 0) throw new Error(`failed to keep capabilities: errno ${koffi.errno()}`);
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  const bit = 2 ** capability;
  // Effective, permitted, inheritable; then the same for the capabilities above 31.
  if (capset([CAPABILITY_VERSION_3, 0], [bit, bit, 0, 0, 0, 0]) !== 0)
    throw new Error(`failed to keep the capability ${capability}: errno ${koffi.errno()}`);
}
