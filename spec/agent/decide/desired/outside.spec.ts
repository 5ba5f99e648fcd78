/** `mtuOutside`: which routes it concerns, and what it does beside other programs’ defaults. */

import { describe, expect, it } from '@jest/globals';
import { mergeConfig } from '../../../../agent/config/merge.ts';
import { parseConfigFile } from '../../../../agent/config/parse.ts';
import type { EniMetadata, Route } from '../../../../agent/model.ts';
import { describeChange } from '../../../../agent/report/change-text.ts';
import { makeLink, makeRoute } from '../../../../fixtures/model/records.ts';
import type { ModelWorld } from '../../../../fixtures/model/world.ts';
import { linkOf } from '../../../properties/arbitrary.ts';
import { makeWorld } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const block = '10.0.0.0/16';
const inVpc = (number: number, rest: Partial<EniMetadata> = {}): EniMetadata => ({
  ...makeEni(number),
  ...{ vpcId: 'vpc-1', vpcCidrs: [block], ...rest },
});
const first = inVpc(0);
const second = inVpc(1);

function configure(world: ModelWorld, ...entries: string[]): void {
  world.state.config = mergeConfig([parseConfigFile(`interfaces: [${entries.join(', ')}]`, 'f')]);
}

function makeRunning(enis: readonly EniMetadata[], ...entries: string[]): ModelWorld {
  const world = makeWorld([...enis]);
  configure(world, ...entries);
  world.converge();
  return world;
}

const ofSecond = `{ match: { device: 1 }, mtuOutside: 1500 }`;
const inMain = (world: ModelWorld, destination: string) =>
  world.state.routes
    .filter((route) => route.table === 254 && route.destination === destination)
    .map(({ linkIndex, metric, mtu }) => ({ linkIndex, metric, ...(mtu === undefined ? {} : { mtu }) }))
    .sort((left, right) => left.metric - right.metric);
const foreign = (route: Partial<Route>): Route => ({
  ...makeRoute({ table: 254, destination: '0.0.0.0/0', type: 'unicast', gateway: null, linkIndex: 99, metric: 0 }),
  ...{ protocol: 4, ...route },
});
const [firstIndex, secondIndex] = [linkOf(first).index, linkOf(second).index];

describe('main', () => {
  it('has the smaller MTU on its default by the ENI, and the block by every ENI of the VPC', () => {
    const world = makeRunning([first, second], ofSecond);
    expect(inMain(world, '0.0.0.0/0')).toEqual([
      { linkIndex: firstIndex, metric: 512 },
      { linkIndex: secondIndex, metric: 513, mtu: 1500 },
    ]);
    // Else main would send what is inside by the second ENI, whose default is the worse one.
    expect(inMain(world, block)).toEqual([
      { linkIndex: firstIndex, metric: 512 },
      { linkIndex: secondIndex, metric: 513 },
    ]);
  });

  it.each([
    ['by its halves', foreign({ destination: '0.0.0.0/1' })],
    ['by a better metric', foreign({ metric: 50 })],
  ])('has no block where a VPN takes over the default %s', (_name, route) => {
    const world = makeRunning([first, second], ofSecond);
    world.state.links = [...world.state.links, makeLink({ index: 99, name: 'tun0', mac: null, kind: 'tun' })];
    world.state.routes = [...world.state.routes, route];
    world.converge();
    expect(inMain(world, block)).toEqual([]);
    expect(
      world.state.routes.filter(({ table, destination }) => table === 10_001 && destination === block),
    ).toHaveLength(1);
  });

  it('keeps the blocks beside a default that comes after those of the ENIs', () => {
    const world = makeRunning([first, second], ofSecond);
    world.state.routes = [...world.state.routes, foreign({ metric: 4_000 })];
    world.converge();
    expect(inMain(world, block)).toHaveLength(2);
  });

  it('has no block of another VPC than that of its default', () => {
    const stranger = inVpc(1, { vpcId: 'vpc-2', vpcCidrs: ['10.9.0.0/16'] });
    const world = makeRunning([first, stranger], ofSecond);
    expect(inMain(world, '10.9.0.0/16')).toEqual([]);
    expect(world.state.routes.some(({ table, destination }) => table === 10_001 && destination === '10.9.0.0/16')).toBe(
      true,
    );
  });

  it('has no block by a link without carrier', () => {
    const world = makeRunning([first, second], '{ match: {}, mtuOutside: 1500 }');
    world.state.links = world.state.links.map((link) =>
      link.index === firstIndex ? { ...link, hasCarrier: false } : link,
    );
    world.converge();
    expect(inMain(world, block).map(({ linkIndex }) => linkIndex)).toEqual([secondIndex]);
    expect(inMain(world, '0.0.0.0/0')[0]).toMatchObject({ linkIndex: secondIndex, mtu: 1500 });
  });
});

describe('in a VRF', () => {
  const table = 4_242;
  const vrf = makeLink({ index: 50, name: 'wan1', mac: null, kind: 'vrf', vrfTable: table });
  const inVrf = (world: ModelWorld) => {
    world.state.links = [
      ...world.state.links.map((link) => (link.index === secondIndex ? { ...link, masterIndex: vrf.index } : link)),
      vrf,
    ];
    return world;
  };
  const ofTable = (world: ModelWorld) =>
    inVrf(world)
      .decide()
      .desired.enis.flatMap(({ routes }) => routes)
      .filter((route) => route.table === table && route.gateway !== null)
      .map(({ destination, mtu }) => [destination, mtu ?? null]);

  it('the table has the smaller MTU on its default, and the blocks without it', () => {
    const world = makeRunning([first, second]);
    configure(world, '{ match: { device: 1 }, vrf: wan1, mtuOutside: 1500 }');
    expect(ofTable(world)).toContainEqual([block, null]);
    const files = [...world.decide().desired.enis.flatMap(({ networkFiles }) => networkFiles)];
    const text = files.map((file) => file.text).join('');
    expect(text).toMatch(new RegExp(`Destination=${block}\nTable=${table}\n`));
    expect(text).toMatch(new RegExp(`Gateway=_dhcp4\nTable=${table}\nMetric=513\nMTUBytes=1500\n`));
    expect(inMain(world, block)).toEqual([]);
  });

  it.each([
    ['without the option', '{ match: { device: 1 }, vrf: wan1 }'],
    ['without a default of its own', '{ match: { device: 1 }, vrf: wan1, defaultRoute: false, mtuOutside: 1500 }'],
  ])('no block %s', (_name, entry) => {
    const world = makeRunning([first, second]);
    configure(world, entry);
    expect(ofTable(world)).not.toContainEqual([block, null]);
  });
});

describe('it has no effect', () => {
  it.each([
    ['where the link takes no more', [first, second], '{ match: {}, mtu: 1500, mtuOutside: 1500 }'],
    ['while the VPC is not known', [makeEni(0), makeEni(1)], '{ match: {}, mtuOutside: 1500 }'],
    ['with manage: names', [first, second], '{ match: {}, manage: names, mtuOutside: 1500 }'],
  ])('%s', (_name, enis, entry) => {
    const world = makeRunning(enis, entry);
    expect(world.state.routes.filter(({ mtu, destination }) => mtu !== undefined || destination === block)).toEqual([]);
    expect([...world.state.files.values()].join('')).not.toContain('MTUBytes=1500\n\n[Route]');
  });
});

describe('a route of networkd', () => {
  const withoutMtu = (world: ModelWorld, is: (route: Route) => boolean) => {
    world.state.routes = world.state.routes.map((route) => {
      const { mtu: _mtu, ...rest } = route;
      return is(route) ? rest : route;
    });
  };

  it('is corrected in place, and stays networkd’s', () => {
    const world = makeRunning([first, second], ofSecond);
    withoutMtu(world, ({ linkIndex, protocol }) => protocol === 16 && linkIndex === secondIndex);
    expect(world.converge().map((change) => describeChange(change))).toEqual([
      `ip route change default via 10.0.1.1 dev ${linkOf(second).name} table 254 metric 513 mtu 1500 proto 16`,
    ]);
    const [, route] = world.state.routes.filter(
      ({ table, destination }) => table === 254 && destination === '0.0.0.0/0',
    );
    expect(route).toMatchObject({ protocol: 16, mtu: 1500 });
  });

  it('keeps an MTU that this program did not give it', () => {
    const world = makeRunning([first, second]);
    world.state.routes = world.state.routes.map((route) =>
      route.destination === '0.0.0.0/0' ? { ...route, mtu: 1400 } : route,
    );
    expect(world.converge()).toEqual([]);
  });

  it('loses what this program gave it with the option', () => {
    const world = makeRunning([first, second], ofSecond);
    configure(world);
    world.converge();
    expect(world.state.routes.filter(({ mtu, destination }) => mtu !== undefined || destination === block)).toEqual([]);
  });
});

describe('while an ENI leaves', () => {
  /** Its metric is the best, so that main's default is by it. */
  const preferred = '{ match: { device: 1 }, metric: 100, mtuOutside: 1500 }';
  const takeAway = (world: ModelWorld) => {
    const { snapshot } = world.state;
    if (snapshot === null) throw new Error('no snapshot');
    const enis = snapshot.enis.filter((reading) => reading.kind !== 'ready' || reading.eni.mac !== second.mac);
    world.state.snapshot = { ...snapshot, enis };
    world.state.departed = [second];
  };
  const setCarrier = (world: ModelWorld, linkIndex: number, hasCarrier: boolean) => {
    world.state.links = world.state.links.map((link) => (link.index === linkIndex ? { ...link, hasCarrier } : link));
  };

  it.each([
    ['the only one that asks for it', preferred],
    ['one of several', '{ match: { device: 0 }, mtuOutside: 1500 }', preferred],
    ['not main’s choice', ofSecond],
  ])('nothing changes: %s', (_name, ...entries) => {
    const world = makeRunning([first, second], ...entries);
    takeAway(world);
    expect(world.converge()).toEqual([]);
    expect(inMain(world, block).map(({ linkIndex }) => linkIndex)).toContain(secondIndex);
  });

  it('main goes by another ENI once its link is dead, both beyond the VPC and inside of it', () => {
    const world = makeRunning([first, second], preferred);
    takeAway(world);
    setCarrier(world, secondIndex, false);
    world.converge();
    expect(inMain(world, '0.0.0.0/0')[0]).toMatchObject({ linkIndex: firstIndex });
    expect(inMain(world, block).map(({ linkIndex }) => linkIndex)).toEqual([]);
  });

  it('main is not moved to it where the link of another one is dead', () => {
    const world = makeRunning([first, second], ofSecond);
    takeAway(world);
    setCarrier(world, firstIndex, false);
    world.converge();
    expect(inMain(world, '0.0.0.0/0')[0]).toMatchObject({ linkIndex: firstIndex, metric: 512 });
  });
});
