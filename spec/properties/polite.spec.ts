/**
 * Promise P4 on the pure core: the state of Docker, VPC CNI, Cilium, Tailscale, wg-quick,
 * keepalived, VRFs and hands is never changed or removed, whatever happens, also inside this
 * program's tables and priorities, and its own part converges.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Address, Link, Route, Rule } from '../../agent/model.ts';
import { makeLink, makeRoute } from '../../fixtures/model/records.ts';
import { countRuns, eniList, foreignRule, limitRuns } from './arbitrary.ts';
import { Story, storyEvents } from './story.ts';

interface Foreign {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  readonly files: readonly (readonly [string, string])[];
}

/** Links that repeat an ENI's MAC too, as VLAN, macvlan, bond and bridge ports do. */
const links: readonly Link[] = [
  ...(['docker0', 'cni0', 'br-5f1'] as const).map((name, index) => ({ name, index: 900 + index, kind: 'bridge' })),
  ...(['eni1a2b3c', 'lxc_health', 'vethd0c4e2'] as const).map((name, index) => ({
    name,
    index: 910 + index,
    kind: 'veth',
  })),
  { name: 'tailscale0', index: 920, kind: 'tun' },
  { name: 'wg0', index: 921, kind: 'wireguard' },
  { name: 'wan1', index: 922, kind: 'vrf' },
  { name: 'ens5.100', index: 923, kind: 'vlan' },
  { name: 'mv0', index: 924, kind: 'macvlan' },
].map(({ name, index, kind }) =>
  makeLink({ name, index, kind, mac: '02:00:00:00:00:00', permanentMac: null, altNames: [`alt-${name}`] }),
);
const linkIndex = fc.constantFrom(...links.map(({ index }) => index));

/**
 * On others' links, any place and any mark but ours; keepalived's lie within a delegated prefix.
 */
const address: fc.Arbitrary<Address> = fc
  .record({
    linkIndex,
    address: fc.constantFrom(
      '172.17.0.1',
      '10.0.0.17',
      '10.0.1.20',
      '169.254.1.1',
      '100.64.0.3',
      'fd7a::1',
      '10.9.8.7',
    ),
    isHost: fc.boolean(),
    protocol: fc.constantFrom(0, 4, 18),
  })
  .map(({ isHost, ...rest }) => {
    const family = rest.address.includes(':') ? (6 as const) : (4 as const);
    const width = family === 4 ? 32 : 128;
    const lifetime = { scope: 0, flags: 0x80, metric: 0, validLifetime: null };
    return { ...rest, family, prefixLength: isHost ? width : width - 8, ...lifetime };
  });

const route: fc.Arbitrary<Route> = fc
  .record({
    table: fc.constantFrom(254, 255, 52, 100, 220, 2004, 51_820, 10_000, 10_001, 10_002),
    destination: fc.constantFrom(
      ...['172.17.0.0/16', '0.0.0.0/0', '10.0.0.0/24', '10.0.1.0/24', '10.0.0.16/28', '::/0', 'fd7a::/48'],
    ),
    linkIndex,
    metric: fc.constantFrom(0, 100, 512, 513, 514, 1024),
    protocol: fc.constantFrom(2, 3, 4, 9, 16, 18, 186),
    isComplex: fc.boolean(),
  })
  .map(({ protocol, isComplex, ...rest }) => ({
    ...makeRoute({ ...rest, type: 'unicast', gateway: null }),
    protocol,
    isComplex,
  }));

const file = fc.constantFrom<readonly [string, string]>(
  ['10-netplan-eth0.network', '[Match]\nName=eth0\n'],
  ['70-eth99.network', '[Match]\nName=eth99\n# Written by enid for 02:00:00:00:00:00\n'],
  ['70-ens5.network.d/mine.conf', '[Network]\nDNS=10.0.0.2\n'],
  // What amazon-ec2-net-utils leaves there: no link of ours has this name, or one has it after a
  // rename.
  ['70-eth1x0.network', '[Match]\nPermanentMACAddress=02:00:00:00:00:01\n[Network]\nDHCP=yes\n'],
);

const foreign: fc.Arbitrary<Foreign> = fc.record({
  links: fc.constant(links),
  addresses: fc.array(address, { maxLength: 8 }),
  routes: fc.array(route, { maxLength: 12 }),
  rules: fc.array(foreignRule, { maxLength: 12 }),
  files: fc.uniqueArray(file, { selector: ([name]) => name }),
});

function place(story: Story, { links, addresses, routes, rules, files }: Foreign): void {
  const { state } = story.world;
  state.links = [...state.links, ...links];
  state.addresses = [...state.addresses, ...addresses];
  state.routes = [...state.routes, ...routes];
  state.rules = [...state.rules, ...rules];
  for (const [name, text] of files) state.files.set(name, text);
}

function expectIntact({ world: { state } }: Story, before: Foreign): void {
  expect(state.links).toEqual(expect.arrayContaining([...before.links]));
  expect(state.addresses).toEqual(expect.arrayContaining([...before.addresses]));
  expect(state.routes).toEqual(expect.arrayContaining([...before.routes]));
  expect(state.rules).toEqual(expect.arrayContaining([...before.rules]));
  for (const [name, text] of before.files) expect(state.files.get(name)).toBe(text);
}

/** Drift and a link's end take others' things by themselves: they are not this program's doing. */
const harmless = storyEvents.map((events) => events.filter(({ kind }) => kind !== 'drift'));

describe("others' state beside ENIs", () => {
  it(
    'is never changed or removed, and the own part converges',
    () => {
      fc.assert(
        fc.property(eniList, foreign, harmless, (enis, theirs, events) => {
          const story = new Story(enis);
          place(story, theirs);
          for (const event of events) {
            story.play(event);
            story.world.pass();
          }
          story.settle();
          expectIntact(story, theirs);
          expect(story.world.pass()).toEqual([]);
          // Nothing is missing but what another program's stands in the way of.
          const { desired, difference } = story.world.decide();
          expect(difference.changes).toEqual([]);
          const isClaimed = (linkName: string | null) =>
            theirs.files.some(([name]) => name === `70-${linkName}.network`);
          const others = desired.reports.filter(({ linkName }) => !isClaimed(linkName));
          expect(others.filter(({ state }) => state.kind !== 'configured')).toEqual([]);
        }),
        { numRuns: countRuns(40) },
      );
    },
    limitRuns(40),
  );
});
