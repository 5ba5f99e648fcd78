/**
 * Netlink ports of programs that listen to the kernel permanently, as networkd does and ip(8) does
 * not: /proc/net/netlink.
 */

import { readFileSync } from 'node:fs';

/** NETLINK_ROUTE (linux/netlink.h). */
const routeProtocol = 0;

/** Columns of netlink_native_seq_show: sk, Eth (protocol), Pid (port), Groups in hexadecimal, … */
export function parseListeningPorts(text: string): Set<number> {
  const ports = new Set<number>();
  for (const line of text.split('\n').slice(1)) {
    const [, protocol, port, groups] = line.trim().split(/\s+/);
    if (Number(protocol) === routeProtocol && Number(port) > 0 && Number.parseInt(groups ?? '0', 16) > 0) {
      ports.add(Number(port));
    }
  }
  return ports;
}

/** Whether a program listens on this port. If that cannot be read, none does. */
export function isListeningPort(portId: number): boolean {
  try {
    return parseListeningPorts(readFileSync('/proc/net/netlink', 'utf8')).has(portId);
  } catch {
    return false;
  }
}
