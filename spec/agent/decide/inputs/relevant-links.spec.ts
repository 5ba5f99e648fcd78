import { expect, it } from '@jest/globals';
import { defaultConfig } from '../../../../agent/config/defaults.ts';
import { listAddressesNear, listRelevantLinks } from '../../../../agent/decide/inputs/relevant-links.ts';
import type { Address, Link } from '../../../../agent/model.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';

const config = { ...defaultConfig, interfaces: [{ match: {}, policy: { vrf: 'blue' } }] };
const link = (index: number, name: string, rest: Partial<Link>) => makeLink({ index, name, mac: null, ...rest });

const relevant = [
  link(2, 'ens5', { kind: null }),
  link(3, 'vif3', { kind: 'vif', masterIndex: 4 }),
  link(4, 'bond0', { kind: 'bond' }),
  link(5, 'red', { kind: 'vrf' }),
  link(6, 'blue', { kind: 'bridge' }),
  link(7, 'veth7', { kind: 'veth', altNames: ['web'] }),
];
const others = [link(8, 'veth8', { kind: 'veth', masterIndex: 9 }), link(9, 'docker0', { kind: 'bridge' })];

it('keeps what can be an ENI, is above one, is a VRF or bears a name that an ENI may want', () => {
  expect(listRelevantLinks({ links: [...others, ...relevant], config })).toEqual(relevant);
});

it('leaves out link-local IPv6 addresses of other links, but those with our mark', () => {
  const make = (linkIndex: number, address: string, scope: number, protocol = 0): Address => ({
    ...{
      linkIndex,
      family: 6,
      address,
      prefixLength: 64,
      scope,
      flags: 0x80,
      protocol,
      metric: 0,
      validLifetime: null,
    },
  });
  const ciliums: Address = { ...make(8, '10.0.1.5', 253), family: 4, prefixLength: 32 };
  const kept = [make(2, 'fe80::1', 253), make(9, '2001:db8::9', 0), make(9, 'fe80::9', 253, 236), ciliums];
  expect(listAddressesNear({ addresses: [...kept, make(8, 'fe80::1', 253)], links: relevant })).toEqual(kept);
});
