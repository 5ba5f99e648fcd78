/**
 * Every way (DESIGN, decision 4, P10): from every source to every kind of destination, the packet
 * leaves by the ENI that owns the source. fixtures/ways/oracle.ts says which way is right,
 * fixtures/model/look-up.ts which one the kernel takes.
 *
 * Not asked here: hosts whose ENIs lack a lease, a router or a connected route; ENIs in a VRF,
 * under `rules: classic` or `none`, with `defaultRoute: false`, route-only or local prefixes; two
 * ENIs with one address; rules of other programs and packets with a mark; `throw`, multipath and
 * refusing default routes; sockets without a source or bound to a device; link-local and multicast
 * destinations; whether replies are accepted (rp_filter); what networkd makes of the files.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EniMetadata } from '../../agent/model.ts';
import { networkOf } from '../../lib/ip/cidr.ts';
import { countRuns, limitRuns } from './arbitrary.ts';
import { describeWrong, judgeWay, judgeWays } from './ways-check.ts';
import {
  addForeign,
  byEni,
  devices,
  halves4,
  halves6,
  inMain,
  makeEni,
  makeWaysWorld,
  type WaysHost,
  waysHost,
} from './ways-host.ts';

const usualRuns = 50;
const runs = { numRuns: countRuns(usualRuns) };

/** Converges with the foreign routes there before, or added to a host that has converged. */
function settle(host: WaysHost, order: 'before' | 'after') {
  const world = makeWaysWorld(host);
  if (order === 'after') world.converge();
  addForeign(world, host);
  world.converge();
  return world;
}

function findWrong(host: WaysHost, order: 'before' | 'after'): string | null {
  const world = settle(host, order);
  return describeWrong(judgeWays(host, world), host, world);
}

describe('every way', () => {
  it.each(['before', 'after'] as const)(
    "leads by the ENI that owns the source, with others' routes there %s",
    (order) => {
      fc.assert(
        fc.property(waysHost, (host) => {
          const wrong = findWrong(host, order);
          if (wrong !== null) throw new Error(wrong);
        }),
        runs,
      );
    },
    limitRuns(usualRuns),
  );
});

const both = { families: '46', hosts: [0, 1], hasPrefix: true, networkCard: 0 } as const;
/**
 * The primary in 10.0.0.0/24, two ENIs in 10.0.1.0/24, the fourth in 10.0.2.0/24, IPv6 likewise.
 */
const four = [0, 1, 1, 2].map((subnet, index) => makeEni({ ...both, subnet }, index));
const [ens5, ens6, ens7, ens8] = [10, 11, 12, 13];

function hostWith(rest: Partial<WaysHost> = {}): WaysHost {
  return { enis: four, foreign: [], clones: [], ...rest };
}

/**
 * What was wanted of the example itself, so that the oracle is seen to want it, and then every way
 * of the host.
 */
function expectWays(host: WaysHost, ways: readonly (readonly [from: string, to: string, link: number, via: string])[]) {
  const world = settle(host, 'before');
  for (const [source, destination, linkIndex, via] of ways) {
    const { wanted } = judgeWay(host, world, { source, destination, inputInterface: 'lo' });
    expect({ source, destination, ...wanted }).toMatchObject({ source, destination, linkIndex, via });
  }
  expect(describeWrong(judgeWays(host, world), host, world)).toBeNull();
}

const byOthers = (destination: string, enis: readonly (EniMetadata | undefined)[], metric = 0) =>
  enis.map((eni, index) => byEni(destination, eni, { metric: metric + index })).filter((route) => route !== null);

describe('the way', () => {
  it('leads to a client in the subnet of another ENI', () => {
    const enis = [10, 20].map((host, index): EniMetadata => {
      const subnet = `10.0.${index + 1}.0/24`;
      const eni = makeEni({ ...both, families: '4', subnet: 0, hasPrefix: false }, index);
      return { ...eni, ipv4Addresses: [`10.0.${index + 1}.${host}`], subnetId: `subnet-${index}`, subnetIpv4: subnet };
    });
    expectWays(hostWith({ enis }), [
      ['10.0.2.20', '10.0.1.200', ens6, '10.0.2.1'],
      ['10.0.1.10', '10.0.2.200', ens5, '10.0.1.1'],
      ['10.0.1.10', '10.0.1.200', ens5, 'on-link'],
    ]);
  });

  it('leads to the resolver although the lease of another ENI has a host route to it', () => {
    const foreign = byOthers('10.0.0.2/32', [four[3]], 513);
    expectWays(hostWith({ foreign }), [
      ['10.0.0.4', '10.0.0.2', ens5, 'on-link'],
      ['10.0.1.12', '10.0.0.2', ens6, '10.0.1.1'],
      ['10.0.2.28', '10.0.0.2', ens8, '10.0.2.1'],
    ]);
  });

  it("follows the own ENI's static route, and never one by another", () => {
    const foreign = [
      { ...inMain('10.77.0.0/16', ens6), gateway: '10.0.1.9' },
      { ...inMain('10.77.8.0/24', ens8), gateway: '10.0.2.9' },
    ];
    expectWays(hostWith({ foreign }), [
      ['10.0.1.12', '10.77.8.1', ens6, '10.0.1.9'],
      ['10.0.2.28', '10.77.8.1', ens8, '10.0.2.9'],
      ['10.0.1.20', '10.77.8.1', ens7, '10.0.1.1'],
      ['10.0.0.4', '10.77.8.1', ens5, '10.0.0.1'],
    ]);
  });

  it("is the ENI's although a VPN overrides the default by halves; the primary's goes by the VPN", () => {
    const foreign = [...halves4, ...halves6].map((to) => inMain(to, devices.tun0.index));
    expectWays(hostWith({ foreign }), [
      ['10.0.1.12', '8.8.8.8', ens6, '10.0.1.1'],
      ['2001:db8:0:2::2:0', '2001:4860::8', ens6, 'fe80::1'],
      ['10.0.0.4', '198.51.100.7', devices.tun0.index, 'on-link'],
    ]);
  });

  it('leads into a container bridge that holds a delegated prefix inside the subnet', () => {
    const foreign = four
      .flatMap(({ ipv4Prefixes, ipv6Prefixes }) => [...ipv4Prefixes, ...ipv6Prefixes])
      .map((to) => inMain(to, devices.pods.index));
    const [prefix = ''] = four[1]?.ipv4Prefixes ?? [];
    expect(networkOf('10.0.1.89', 28)).toBe(prefix);
    expectWays(hostWith({ foreign }), [
      ['10.0.1.12', '10.0.1.89', devices.pods.index, 'on-link'],
      ['10.0.1.20', '10.0.1.89', devices.pods.index, 'on-link'],
      ['10.0.0.4', '10.0.1.89', devices.pods.index, 'on-link'],
      ['10.0.1.12', '10.0.1.60', ens6, 'on-link'],
    ]);
  });

  it("is the primary's for its sources although main's best default is by another ENI", () => {
    const foreign = [...byOthers('0.0.0.0/0', [four[3]], 50), ...byOthers('::/0', [four[3]], 50)];
    expectWays(hostWith({ foreign }), [
      ['10.0.0.4', '198.51.100.7', ens5, '10.0.0.1'],
      ['2001:db8:0:1::1:0', '2001:db8:9::1', ens5, 'fe80::1'],
      ['10.0.1.12', '198.51.100.7', ens6, '10.0.1.1'],
    ]);
  });

  it('is not drawn to the ENI on which a path MTU was learnt', () => {
    const clones = [ens5, ens8].map((linkIndex) => ({ destination: '2001:db8:9::1', linkIndex }));
    expectWays(hostWith({ clones }), [['2001:db8:0:2::2:0', '2001:db8:9::1', ens6, 'fe80::1']]);
  });

  it('stays on the link where a macvlan has a connected route as wide as the subnet', () => {
    const { index: linkIndex } = devices.macvlan0;
    const address = { linkIndex, address: '10.0.1.50', prefixLength: 24 };
    const foreign = [inMain('10.0.1.0/24', linkIndex, { protocol: 2 })];
    expectWays(hostWith({ foreign, addresses: [address] }), [['10.0.1.12', '10.0.1.60', ens6, 'on-link']]);
  });

  it("is main's on a host with one ENI, which has no rule", () => {
    const host = hostWith({ enis: four.slice(0, 1) });
    expectWays(host, [['10.0.0.4', '198.51.100.7', ens5, '10.0.0.1']]);
    expect(settle(host, 'before').state.rules).toEqual([]);
  });
});
