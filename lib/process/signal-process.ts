/**
 * Signals a process that is identified by more than its number: after a process has ended, its
 * number may become another process's. A descriptor of it (pidfd_open(2)) always means the same
 * process. Node has no call for either.
 */

import { constants } from 'node:os';
import koffi from 'koffi';

// asm-generic/unistd.h, the same on x86-64 and arm64.
const SYS_pidfd_send_signal = 424;
const SYS_pidfd_open = 434;

/**
 * `isMeant` is called while the number cannot become another process's. False: it returned false,
 * or the process has ended. Throws an Error with the system's code (EPERM, …).
 */
export async function signalProcess(
  processId: number,
  signal: 'SIGHUP',
  isMeant: () => Promise<boolean>,
): Promise<boolean> {
  const libc = koffi.load(null);
  const syscall = libc.func('long syscall(long number, long first, long second, void *third, long fourth)');
  const close = libc.func('int close(int fd)');
  const fd: number = syscall(SYS_pidfd_open, processId, 0, null, 0);
  if (fd < 0) return await refuse('pidfd_open');
  try {
    if (!(await isMeant())) return false;
    return syscall(SYS_pidfd_send_signal, fd, constants.signals[signal], null, 0) === 0 || (await refuse('signal'));
  } finally {
    close(fd);
  }
}

/** ESRCH: the process has ended. */
async function refuse(what: string): Promise<false> {
  const errno = koffi.errno();
  if (errno === constants.errno.ESRCH) return false;
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `E${errno}`;
  throw Object.assign(new Error(`${what}: ${code}`), { code });
}
