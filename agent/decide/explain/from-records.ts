/**
 * The kernel's answer to a packet, from records of its rules and routes, where the kernel itself
 * cannot be asked: a report of another host. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import type { Desired, KernelState, Route } from '../../model.ts';
import { localTable } from '../base/numbers.ts';
import { type KernelAnswer, prepareGrounds } from './explain.ts';
import { isOurs } from './owner.ts';
import { type Packet, walk } from './walk.ts';

/** RTN_* of routes that refuse (linux/rtnetlink.h), and what connect(2) then says. */
const refusals: Readonly<Record<number, string>> = { 6: 'EINVAL', 7: 'EHOSTUNREACH', 8: 'EACCES' };

interface Records {
  readonly kernel: KernelState;
  readonly desired: Desired;
}

/**
 * What RTM_GETROUTE would say. Rules with ports and the like, and path-MTU clones, are not in the
 * records.
 */
export function answerFromRecords(records: Records, packet: Packet): KernelAnswer {
  const { addresses, links } = records.kernel;
  const isHeld = addresses.some(({ address }) => address === packet.source);
  // ip_route_output_key_hash_rcu: the source must be local.
  if (packet.inputLink === null && !isHeld && familyOf(packet.source) === 4) return refuse('EINVAL');
  const { actual } = prepareGrounds(records);
  for (const { route, isSuppressed } of walk(packet, actual)) {
    if (!('family' in route)) continue;
    // An error is no route, so nothing suppresses it (fib_rules_lookup).
    const errno = refusals[route.type];
    if (errno !== undefined) return refuse(errno);
    if (isSuppressed) continue;
    const loopback = links.find(({ isLoopback }) => isLoopback)?.index ?? route.linkIndex;
    return { kind: 'route', route: route.table === localTable ? { ...route, linkIndex: loopback } : route };
  }
  return refuse('ENETUNREACH');
}

/**
 * A source that the host has, or should have, is sent by it; any other one is forwarded, and comes
 * in by the link that leads back to it.
 */
export function packetFromRecords(records: Records, question: Pick<Packet, 'source' | 'destination'>): Packet {
  const { source, destination } = question;
  const { kernel, desired } = records;
  const packet = { source, destination, inputLink: null, userId: 0 };
  if (kernel.addresses.some(({ address }) => address === source) || isOurs(source, desired, kernel)) return packet;
  const back = findBack(records, source);
  const link = kernel.links.find(({ index }) => index === back?.linkIndex);
  return { ...packet, inputLink: link === undefined || link.isLoopback ? null : link.name };
}

function findBack(records: Records, source: string): Route | null {
  const packet = { source: familyOf(source) === 4 ? '0.0.0.0' : '::', destination: source, inputLink: null, userId: 0 };
  for (const { route, isSuppressed } of walk(packet, prepareGrounds(records).actual))
    if (!isSuppressed && 'family' in route) return route;
  return null;
}

function refuse(errno: string): KernelAnswer {
  return { kind: 'refused', errno, reason: `${errno}, by the records` };
}
