import { expect, it } from '@jest/globals';
import {
  findHeldAddresses,
  findLeftoverAddresses,
  findLeftovers,
} from '../../../../agent/decide/takeover/leftovers.ts';
import type { Address, Desired, DesiredEni, KernelState, Route } from '../../../../agent/model.ts';
import { makeDesiredEni, makeLink } from '../../../../fixtures/model/records.ts';

const base: Route = {
  family: 4,
  table: 254,
  destination: '0.0.0.0/0',
  type: 1,
  protocol: 3,
  scope: 0,
  gateway: '10.0.1.1',
  linkIndex: 2,
  metric: 0,
  preferredSource: null,
  nextHopId: null,
  isComplex: false,
};
const connected: Route = { ...base, destination: '10.0.1.0/24', gateway: null, protocol: 2 };
const eni: Pick<DesiredEni, 'linkIndex' | 'metric'> = { linkIndex: 2, metric: 512 };

const ens5 = makeLink({ index: 2, name: 'ens5', mac: '06:53:e1:00:00:01' });

function kernelOf(routes: readonly Route[], addresses: readonly Address[]): KernelState {
  return { links: [ens5], addresses, routes, rules: [], drivers: new Map() };
}

function find(routes: readonly Route[], addresses: readonly Address[] = []): readonly Route[] {
  return findLeftovers(kernelOf(routes, addresses), desired);
}
const whole = makeDesiredEni({ mac: '06:00:00:00:00:01', linkName: 'ens5', isPrimary: true, ...eni });
const desired: Desired = { enis: [whole], reports: [], unknownMacs: [], provisional: [] };
const lease: Address = {
  linkIndex: 2,
  family: 4,
  address: '10.0.1.10',
  prefixLength: 24,
  scope: 0,
  flags: 0x200,
  protocol: 0,
  metric: 0,
  validLifetime: 3600,
};
const ipv6Lease: Address = { ...lease, family: 6, address: '2001:db8:0:1::10', prefixLength: 128 };
const linkLocal: Address = { ...ipv6Lease, address: 'fe80::1', prefixLength: 64, scope: 253, validLifetime: null };

it("takes what dhclient, NetworkManager and the kernel's own autoconfiguration left", () => {
  const own = [base, connected].map((route) => ({ ...route, protocol: 16, metric: 512 }));
  const left = [base, connected, { ...base, protocol: 16, metric: 100 }, { ...connected, metric: 100 }];
  expect(find([...own, ...left])).toEqual(left);
  const ipv6 = { ...connected, family: 6, destination: '2001:db8:0:1::/64', metric: 256 } as const;
  expect(find([ipv6, { ...ipv6, protocol: 9, metric: 512 }])).toEqual([ipv6]);
});

it('takes nothing that has no successor, and nothing of others', () => {
  expect(find([base, connected])).toEqual([]);
  const own = { ...base, metric: 512 };
  for (const other of [
    { ...base, table: 10001 },
    { ...base, linkIndex: 3 },
    { ...base, linkIndex: null },
    { ...base, destination: '192.0.2.0/24' },
    { ...base, protocol: 186 },
    { ...base, type: 7 },
  ])
    expect(find([own, other])).toEqual([]);
});

it("takes NetworkManager's routes to the host itself and to its link-local addresses", () => {
  const toHost: Route = { ...connected, family: 6, destination: '2001:db8:0:1::10/128', metric: 100 };
  expect(find([toHost], [ipv6Lease])).toEqual([toHost]);
  expect(find([toHost], [{ ...ipv6Lease, linkIndex: 3 }])).toEqual([]);
  const kernels: Route = { ...connected, family: 6, destination: 'fe80::/64', metric: 256 };
  expect(find([kernels, { ...kernels, metric: 1024 }])).toEqual([{ ...kernels, metric: 1024 }]);
  expect(find([{ ...kernels, metric: 1024 }])).toEqual([]);
});

it('takes link-local addresses that were made up, where the kernel has its own', () => {
  const own = { ...linkLocal, address: 'fe80::453:e1ff:fe00:1', flags: 0x80 };
  expect(findLeftoverAddresses(kernelOf([], [linkLocal, own, ipv6Lease]), desired)).toEqual([linkLocal]);
  expect(findLeftoverAddresses(kernelOf([], [linkLocal]), desired)).toEqual([]);
  expect(findLeftoverAddresses(kernelOf([], [own]), desired)).toEqual([]);
});

it('has an address made again whose connected route is not of the kernel, with the routes that go with it', () => {
  const way: Route = { ...base, preferredSource: '10.0.1.10', metric: 100 };
  const connectedOnes = [
    { ...connected, preferredSource: '10.0.1.10', metric: 100 },
    { ...connected, preferredSource: '10.0.1.10', protocol: 16 },
  ];
  const toItself: Route = {
    ...connected,
    table: 255,
    type: 2,
    destination: '10.0.1.10/32',
    preferredSource: '10.0.1.10',
  };
  const others = [...connectedOnes, toItself, { ...way, table: 10000 }, base];
  expect(findHeldAddresses(kernelOf([way, ...others], [lease, ipv6Lease]), desired)).toEqual([
    { address: { ...lease, flags: 0, metric: 512 }, routes: [way] },
  ]);
});

it.each([
  ['the kernel has a route for it', [{ ...lease, metric: 512 }]],
  ['another one is in the subnet', [lease, { ...lease, address: '10.0.1.11', validLifetime: null }]],
  ['it is on no ENI', [{ ...lease, linkIndex: 3 }]],
])('leaves an address alone: %s', (_reason, addresses) => {
  const route: Route = { ...connected, preferredSource: '10.0.1.10', metric: 512 };
  expect(findHeldAddresses(kernelOf([route], addresses), desired)).toEqual([]);
});
