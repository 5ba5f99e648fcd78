/**
 * Every way on hosts where something stands in enid's way: an ENI that it does not manage, whose
 * link group is the operator's, that lost its table, or whose metadata is not whole. Its own
 * sources may be lost; those of all other ENIs are not.
 */

import { expect, it } from '@jest/globals';
import { mergeConfig } from '../../agent/config/merge.ts';
import { parseConfigFile } from '../../agent/config/parse.ts';
import type { EniMetadata, Route } from '../../agent/model.ts';
import type { ModelWorld } from '../../fixtures/model/world.ts';
import { describeWrong, judgeWays } from './ways-check.ts';
import { addForeign, byEni, devices, halves4, inMain, makeEni, makeWaysWorld } from './ways-host.ts';

const shape = { families: '46', hosts: [0, 1], hasPrefix: false, networkCard: 0 } as const;
/** Each in a subnet of its own: 10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24. */
const three = [0, 1, 2].map((subnet, index) => makeEni({ ...shape, subnet }, index));
const ens6 = 11;
const odd = three[1];

interface Case {
  readonly foreign?: readonly (Route | null)[];
  readonly config?: string;
  readonly prepare?: (world: ModelWorld) => void;
  /** Its sources are not asked about; null: all are. */
  readonly odd?: EniMetadata | undefined | null;
}

const inGroup5 = (index: number) => (world: ModelWorld) => {
  world.state.links = world.state.links.map((link) => (link.index === index ? { ...link, group: 5 } : link));
};
const manage = (how: string) => `interfaces:\n  - match: { device: 1 }\n    ${how}\n`;
const bestDefault = [
  byEni('0.0.0.0/0', odd, { metric: 100, protocol: 4 }),
  byEni('::/0', odd, { metric: 100, protocol: 4 }),
];

it.each<[string, Case]>([
  ['an operator’s link group', { prepare: inGroup5(ens6), odd: null }],
  [
    'an operator’s link group, and a wide route by it',
    { prepare: inGroup5(ens6), foreign: [byEni('10.0.0.0/8', odd)] },
  ],
  [
    'an operator’s link group, and a host route in its subnet',
    { prepare: inGroup5(ens6), foreign: [inMain('10.0.1.1/32', ens6)] },
  ],
  ['an operator’s link group, and main’s best default', { prepare: inGroup5(ens6), foreign: bestDefault }],
  [
    'an operator’s link group, and 2000::/3',
    { prepare: inGroup5(ens6), foreign: [byEni('2000::/3', odd, { metric: 100 })] },
  ],
  ['manage: names', { config: manage('manage: names') }],
  ['manage: names, and main’s best default', { config: manage('manage: names'), foreign: bestDefault }],
  ['manage: none', { config: manage('manage: none') }],
  ['rules: none', { config: manage('rules: none'), foreign: bestDefault }],
  [
    'manage: rules, without a default, and a leased one',
    {
      config: manage('manage: rules\n    defaultRoute: false'),
      foreign: [byEni('0.0.0.0/0', odd, { metric: 100, protocol: 16 })],
      odd: null,
    },
  ],
  [
    'without a default, and a lease that has one in halves',
    {
      config: manage('defaultRoute: false'),
      foreign: halves4.map((to) => byEni(to, odd, { metric: 513, protocol: 16 })),
      odd: null,
    },
  ],
  [
    'a table that another ENI has',
    { config: `interfaces:\n  - match: { device: 2 }\n    table: 10001\n`, odd: three[2] },
  ],
  [
    'metadata that is not whole, and manage: none by name',
    {
      config: `interfaces:\n  - match: { name: ens6 }\n    manage: none\n`,
      prepare: ({ state }) => {
        if (state.snapshot === null || odd === undefined) return;
        const enis = state.snapshot.enis.map((reading) =>
          reading.kind === 'ready' && reading.eni === odd
            ? ({ kind: 'pending', mac: odd.mac, reason: 'local-ipv4s answers 404' } as const)
            : reading,
        );
        state.snapshot = { ...state.snapshot, enis };
      },
    },
  ],
  [
    'rules: classic beside a worse route by a tunnel',
    {
      config: manage('rules: classic'),
      foreign: [
        byEni('10.77.0.0/16', odd, { metric: 100 }),
        inMain('10.77.0.0/16', devices.wg0.index, { metric: 2000 }),
      ],
      odd: null,
    },
  ],
])('ways beside an ENI with %s', (_name, { foreign = [], config, prepare, odd: left = odd }) => {
  const host = { enis: three, foreign: foreign.filter((route) => route !== null), clones: [] };
  const world = makeWaysWorld(host);
  if (config !== undefined) world.state.config = mergeConfig([parseConfigFile(config, 'config.yaml')]);
  prepare?.(world);
  for (let round = 0; round < 2; round++) {
    addForeign(world, host);
    world.converge();
  }
  const sources = [...(left?.ipv4Addresses ?? []), ...(left?.ipv6Addresses ?? [])];
  const judged = judgeWays(host, world).filter(({ packet }) => !sources.includes(packet.source));
  expect(judged.length).toBeGreaterThan(30);
  expect(describeWrong(judged, host, world)).toBeNull();
});

it('a link that is in a VRF of the operator’s makes no rule for the one ENI in main', () => {
  const host = { enis: three.slice(0, 2), foreign: [], clones: [] };
  const world = makeWaysWorld(host);
  const vrf = { ...devices.wg0, index: 95, name: 'blue', kind: 'vrf', vrfTable: 100 };
  world.state.links = [...world.state.links, vrf].map((link) =>
    link.index === ens6 ? { ...link, masterIndex: 95 } : link,
  );
  world.converge();
  expect(world.state.rules).toEqual([]);
});

it('an ENI outside the link group has few rules that name its routes', () => {
  const many = Array.from({ length: 200 }, (_, index) => byEni(`10.99.${index}.0/24`, odd));
  const host = { enis: three, foreign: many.filter((route) => route !== null), clones: [] };
  const world = makeWaysWorld(host);
  inGroup5(ens6)(world);
  addForeign(world, host);
  world.converge();
  expect(world.state.rules.length).toBeLessThan(40);
});
