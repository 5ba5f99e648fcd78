/** An instance's metadata with two ENIs, and what a read of them under faults may say. */

import { expect } from '@jest/globals';
import { acceptSnapshot, initialAcceptState } from '../../../agent/decide/inputs/accept-snapshot.ts';
import type { Snapshot } from '../../../agent/model.ts';
import { buildTree } from '../../../fixtures/vpc/imds-server.ts';

export const macs = ['06:53:e1:00:00:01', '06:53:e1:00:00:02'];
export const tree = buildTree({
  instanceId: 'i-1',
  primaryMac: macs[0] ?? '',
  enis: macs.map((mac, index) => ({
    mac,
    eniId: `eni-${index}`,
    deviceNumber: index,
    networkCard: 0,
    subnetId: 'subnet-1',
    vpcId: 'vpc-1',
    ipv4: [`10.0.1.1${index}`, `10.0.1.2${index}`],
    ipv6: [`2001:db8::${index + 1}0`, `2001:db8::${index + 1}1`],
    ipv4Prefixes: [`10.0.1.${64 + 16 * index}/28`],
    ipv6Prefixes: [`2001:db8:0:0:${index}::/80`],
    subnetIpv4: '10.0.1.0/24',
    subnetIpv6: ['2001:db8::/64'],
    publicIpv4: { [`203.0.113.${index}`]: [`10.0.1.1${index}`] },
  })),
});

/**
 * What is read is true, and is accepted without a loss. `isPlausible`: an answer of the service
 * itself, which a single read must take at its word; then no more than a second read decides.
 */
export function expectNothingLost(full: Snapshot, read: Snapshot | null, isPlausible: boolean): void {
  if (read === null) return;
  expect(read.primaryMac).toBe(full.primaryMac);
  expect(read.enis).toHaveLength(full.enis.length);
  const known = full.enis.map(withoutPublic);
  if (!isPlausible)
    for (const one of read.enis) if (one.kind === 'ready') expect(known).toContainEqual(withoutPublic(one));
  const { state } = acceptSnapshot(initialAcceptState, full);
  const { accepted } = acceptSnapshot(state, read);
  expect(withoutPublic(accepted)).toEqual(withoutPublic(full));
}

/**
 * Nothing is decided by public addresses: where they cannot be read they are left out until their
 * ENI is read again.
 */
export function withoutPublic(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner) => (key === 'publicIpv4' ? null : inner));
}
