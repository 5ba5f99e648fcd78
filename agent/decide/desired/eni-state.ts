/** The state of an ENI that this program manages. Pure. */

import type { EniState, Family } from '../../model.ts';
import { explainDuplicates } from './duplicates.ts';
import { hasLease, isDefaultWithdrawn } from './gateways.ts';
import type { Matched } from './matched.ts';
import { hasFamily } from './sources.ts';
import { isInPlace } from './vrf.ts';
import type { World } from './world.ts';

type Inputs = Pick<World, 'kernel' | 'routers' | 'networkd'>;

/** Below it the kernel takes IPv6 off a link (RFC 8200, section 5). */
const leastIpv6Mtu = 1280;

/** `unresolved`: families whose default route is not known yet. */
export function describeState(world: Inputs, one: Matched, unresolved: readonly Family[]): EniState {
  const { eni, candidate, policy } = one;
  if (one.isLeaving)
    return { kind: 'detaching', reason: 'no longer in the metadata; configuration is kept until the link disappears' };
  if (policy.manage !== 'full') return { kind: 'configured' };
  if (world.networkd.kind === 'absent' && world.networkd.isCutOff === true) {
    const reason = 'systemd-networkd runs and has left the system bus for good: leases go on, new files wait';
    return { kind: 'degraded', reason: `${reason}. Restart it: systemctl restart systemd-networkd` };
  }
  if (world.networkd.kind === 'absent' && world.networkd.isStarting === true) {
    return { kind: 'waiting', reason: 'systemd-networkd is not on the bus yet' };
  }
  if (world.networkd.kind === 'absent') {
    return { kind: 'degraded', reason: 'systemd-networkd is not running: leases are not renewed. Start it' };
  }
  if (world.networkd.kind === 'unknown') return { kind: 'degraded', reason: 'the system bus does not answer' };
  if (!isInPlace(candidate.link, policy, world.kernel.links)) {
    return { kind: 'waiting', reason: `not ${policy.vrf === null ? 'out of its VRF' : `in VRF ${policy.vrf}`} yet` };
  }
  if (eni.ipv4Addresses.length > 0 && !hasLease(world.kernel.addresses, candidate.link.index, eni)) {
    return { kind: 'waiting', reason: `no lease for ${eni.ipv4Addresses[0]} yet` };
  }
  if (hasFamily(eni, 6) && candidate.link.isIpv6Off === true) {
    const { name, mtu } = candidate.link;
    const cause = mtu < leastIpv6Mtu ? `its MTU is ${mtu}` : `net.ipv6.conf.${name}.disable_ipv6 is set`;
    return { kind: 'degraded', reason: `IPv6 is off on the link: ${cause}; IPv4 is as it should be` };
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
  if (one.isLocalNetwork) {
    const reason = `local network interface (Outposts): ${eni.ipv4Addresses[0]} is leased by the network on the premises, and its address in the VPC is not used`;
    return { kind: 'configured', reason };
  }
  return { kind: 'configured' };
}
