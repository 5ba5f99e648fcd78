/**
 * Local network interfaces of Outposts servers are told by their lease, and by nothing that another
 * ENI can have.
 */

import { expect, it } from '@jest/globals';
import { ModelWorld } from '../../../../fixtures/model/world.ts';
import { linkOf } from '../../../properties/arbitrary.ts';
import { giveLease, plugIn, snapshotOf } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const primary = { ...makeEni(0), deviceNumber: 0 };
const second = makeEni(1);

function boot(leases: { readonly [mac: string]: string }): ModelWorld {
  const world = new ModelWorld({ snapshot: snapshotOf([primary, second]) });
  for (const eni of [primary, second]) {
    plugIn(world, eni);
    const leased = leases[eni.mac];
    if (leased === undefined) giveLease(world, eni);
    else world.lease(linkOf(eni).index, { address: leased });
  }
  tellLeases(world, leases);
  world.converge();
  return world;
}

function tellLeases(world: ModelWorld, leases: { readonly [mac: string]: string }): void {
  const links = [primary, second].map((eni) => ({
    linkIndex: linkOf(eni).index,
    networkFile: '/usr/lib/systemd/network/80-ec2.network',
    setupState: 'configured',
    lease: { address: leases[eni.mac] ?? eni.ipv4Addresses[0] ?? '', gateway: null },
  }));
  world.state.networkd = { ...world.state.networkd, links };
}

const stateOf = (world: ModelWorld, mac: string) =>
  world.decide().desired.reports.find((report) => report.mac === mac)?.state;

it('is what leases an address outside of its subnet; its own subnet has nothing to do with it', () => {
  const world = boot({ [second.mac]: '192.168.77.50' });
  expect(stateOf(world, second.mac)).toMatchObject({
    kind: 'configured',
    reason: expect.stringMatching(/^local network interface \(Outposts\): 192\.168\.77\.50 is leased/),
  });
  const sources = world.state.rules.map(({ source }) => source);
  expect(sources).toContain('192.168.77.0/24');
  expect(sources.join(' ')).not.toContain(second.subnetIpv4?.split('/')[0] ?? 'none');
  expect(stateOf(world, primary.mac)).toEqual({ kind: 'configured' });
});

it.each([
  ['its lease is that of the metadata', {}],
  ['the primary leases something else', { [primary.mac]: '192.168.77.50' }],
  ['its lease is in its subnet', { [second.mac]: '10.0.1.200' }],
  ['it leases what the metadata service answers to', { [second.mac]: '169.254.7.7' }],
])('is none where %s', (_what, leases) => {
  const world = boot(leases);
  for (const { mac } of [primary, second]) {
    expect(JSON.stringify(stateOf(world, mac))).not.toContain('local network');
  }
});
