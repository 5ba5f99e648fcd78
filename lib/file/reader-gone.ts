/** Whether anybody still reads what is written: Node says so only with the next write. */

import koffi from 'koffi';

/** asm-generic/poll.h. */
const POLLERR = 0x008;
const POLLHUP = 0x010;

/**
 * True: the descriptor is a pipe or a socket whose other end is closed (poll(2)). False for files,
 * terminals, and where it cannot be told.
 */
export function isReaderGone(fileDescriptor: number): boolean {
  const poll = koffi.load(null).func('int poll(void *fds, unsigned long count, int timeout)');
  // struct pollfd: int fd, short events, short revents, in the order of the machine (little-endian
  // on x86-64 and arm64).
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fileDescriptor, 0);
  return poll(entry, 1, 0) === 1 && (entry.readInt16LE(6) & (POLLERR | POLLHUP)) !== 0;
}
