import { expect, it } from '@jest/globals';
import { findLeftovers } from '../../../agent/decide/leftovers.ts';
import type { Desired, DesiredEni, KernelState, Route } from '../../../agent/model.ts';

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

function find(routes: readonly Route[]): readonly Route[] {
  const kernel: KernelState = { links: [], addresses: [], routes, rules: [], drivers: new Map() };
  const desired: Desired = { enis: [{ ...whole, ...eni }], reports: [], unknownMacs: [] };
  return findLeftovers(kernel, desired);
}
const whole: DesiredEni = {
  mac: '06:00:00:00:00:01',
  eniId: null,
  linkName: 'ens5',
  isPrimary: true,
  vrf: null,
  tableId: 10000,
  networkFiles: [],
  addresses: [],
  routes: [],
  rules: [],
  altNames: [],
  settings: {},
  lease: null,
  unresolvedFamilies: [],
  ...eni,
};

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
