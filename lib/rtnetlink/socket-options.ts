/**
 * Socket options that netlink 0.3.0's addon does not offer, set through koffi on the addon's own
 * descriptor.
 *
 * NETLINK_NO_ENOBUFS is not a nicety. When a receive buffer overruns while JavaScript is busy,
 * epoll reports EPOLLERR, libuv hands EBADF to the addon's PollHandler, and that builds its error
 * with a null `syscall`: Napi::String::New throws out of the event loop and the process aborts,
 * whatever listeners there are (measured). With the option the kernel raises no error and counts
 * the drops, which SO_MEMINFO reads.
 */

import { readdirSync } from 'node:fs';
import koffi from 'koffi';
import type { FilterInstruction } from './socket-filter.ts';

// asm-generic/socket.h, linux/netlink.h, linux/sock_diag.h
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const SO_PROTOCOL = 38;
const SO_MEMINFO = 55;
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const AF_NETLINK = 16;
/** sizeof(struct sockaddr_nl): family u16, pad u16, port u32, groups u32. */
const SOCKADDR_LENGTH = 12;
const SK_MEMINFO_VARS = 9;
const SK_MEMINFO_DROPS = 8;

const libc = koffi.load(null);
const getsockname = libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const uint32_t *value, uint32_t length)');
const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ uint32_t *value, _Inout_ uint32_t *length)',
);

// linux/filter.h
const SOCK_FPROG_LENGTH = 16;
const sockFilter = koffi.struct({ code: 'uint16_t', jt: 'uint8_t', jf: 'uint8_t', k: 'uint32_t' });
const sockFprog = koffi.struct({ len: 'uint16_t', filter: koffi.pointer(sockFilter) });
const attachProgram = libc.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(sockFprog), 'uint32_t']);

/**
 * The descriptor of this process's netlink socket of a protocol (NETLINK_*) that is bound to
 * `port`; null if there is none. Ports are those of the protocol: the first socket of each has the
 * process ID.
 */
export function findSocket(port: number, protocol: number): number | null {
  const address = Buffer.alloc(SOCKADDR_LENGTH);
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (getsockname(descriptor, address, [SOCKADDR_LENGTH]) !== 0) continue;
    if (address.readUInt16LE(0) !== AF_NETLINK || address.readUInt32LE(4) !== port) continue;
    const found = [0];
    if (getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, found, [4]) === 0 && found[0] === protocol) return descriptor;
  }
  return null;
}

/** Makes the socket safe to overrun; throws if the kernel refuses (it never does since 2.6.30). */
export function silenceOverruns(descriptor: number): void {
  if (setsockopt(descriptor, SOL_NETLINK, NETLINK_NO_ENOBUFS, [1], 4) !== 0) {
    throw new Error(`failed to set NETLINK_NO_ENOBUFS: errno ${koffi.errno()}`);
  }
}

/**
 * Asks for error texts with refusals, and for acknowledgements that do not repeat the request. Best
 * effort: ≥ 4.12.
 */
export function requestErrorTexts(descriptor: number): void {
  setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, [1], 4);
  setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, [1], 4);
}

/** A receive buffer beyond net.core.rmem_max. Best effort: needs CAP_NET_ADMIN. */
export function forceReceiveBuffer(descriptor: number, bytes: number): void {
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, [bytes], 4);
}

/** Replaces the previous filter in one step. Best effort: without it more messages pass. */
export function attachFilter(descriptor: number, program: readonly FilterInstruction[]): boolean {
  const value = { len: program.length, filter: program };
  return attachProgram(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, value, SOCK_FPROG_LENGTH) === 0;
}

/** Messages that the kernel dropped so far because the receive buffer was full. */
export function readDropCount(descriptor: number): number {
  const info: number[] = new Array(SK_MEMINFO_VARS).fill(0);
  return getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, info, [4 * SK_MEMINFO_VARS]) === 0
    ? (info[SK_MEMINFO_DROPS] ?? 0)
    : 0;
}
