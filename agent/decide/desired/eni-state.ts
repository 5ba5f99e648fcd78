/** How an ENI that is taken care of stands, and whether another one is in its way. Pure. */

import type { EniState } from '../../model.ts';
import { placeClaim } from '../inputs/contested.ts';
import { explainDuplicates } from './duplicates.ts';
import { hasLease, isDefaultWithdrawn } from './gateways.ts';
import type { Matched } from './matched.ts';
import { isInPlace } from './vrf.ts';
import type { World } from './world.ts';

/**
 * Two ENIs on one table would send each other's traffic: the one that had it before keeps it, else the primary, else
 * the lower MAC.
 */
export function findCollision(one: Matched, all: readonly Matched[]): string | null {
  const { tableId } = one;
  const { vrf } = one.policy;
  const rank = ({ contested, isPrimary, eni }: Matched) =>
    `${contested?.includes(placeClaim) === true ? 1 : 0} ${isPrimary ? 0 : 1} ${eni.mac}`;
  const rival = all.find(
    (other) =>
      other !== one &&
      (other.tableId === tableId || (vrf !== null && other.policy.vrf === vrf)) &&
      rank(other) < rank(one),
  );
  if (rival === undefined) return null;
  const name = rival.eni.eniId ?? rival.eni.mac;
  if (vrf !== null && rival.policy.vrf === vrf) return `VRF ${vrf} is taken by ${name}: expected one ENI in it`;
  return `table ${tableId} is taken by ${name}: expected one ENI per device and card number; set \`table:\` for one of them`;
}

export function describeState(world: World, one: Matched, unresolved: readonly (4 | 6)[]): EniState {
  const { eni, candidate, policy } = one;
  if (one.isLeaving) return { kind: 'leaving', reason: 'the metadata lists it no more; kept until its link goes' };
  if (policy.manage !== 'full') return { kind: 'configured' };
  if (world.networkd.kind === 'absent') {
    return { kind: 'degraded', reason: 'systemd-networkd is not on the bus: leases are not renewed. Start it' };
  }
  if (world.networkd.kind === 'unknown') return { kind: 'degraded', reason: 'the system bus does not answer' };
  if (!isInPlace(candidate.link, policy, world.kernel.links)) {
    return { kind: 'waiting', reason: `not ${policy.vrf === null ? 'out of its VRF' : `in VRF ${policy.vrf}`} yet` };
  }
  if (eni.ipv4Addresses.length > 0 && !hasLease(world.kernel.addresses, candidate.link.index, eni)) {
    return { kind: 'waiting', reason: `no lease for ${eni.ipv4Addresses[0]} yet` };
  }
  if (eni.ipv6Addresses.length > 0 && policy.rules !== 'none' && unresolved.includes(6)) {
    return { kind: 'waiting', reason: 'no router advertisement yet' };
  }
  if (eni.ipv6Addresses.length > 0 && isDefaultWithdrawn(world, one, 6)) {
    return { kind: 'waiting', reason: 'its IPv6 router has withdrawn itself, and no other one advertises' };
  }
  if (!candidate.link.hasCarrier) {
    const what = candidate.link.isUp ? 'the link has no carrier' : 'the link is down';
    return { kind: 'degraded', reason: `${what}: the host's default route leads by the next ENI that has one` };
  }
  const duplicates = explainDuplicates(one);
  if (duplicates !== null) return { kind: 'degraded', reason: duplicates };
  return { kind: 'configured' };
}
