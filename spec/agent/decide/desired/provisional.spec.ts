/**
 * Links without metadata: each leased address by its own link, until the ENI's own rules and routes
 * are there.
 */

import { describe, expect, it } from '@jest/globals';
import { defaultConfig } from '../../../../agent/config/defaults.ts';
import type { Config } from '../../../../agent/config/types.ts';
import type { EniMetadata } from '../../../../agent/model.ts';
import { makeRoute } from '../../../../fixtures/model/records.ts';
import { ModelWorld } from '../../../../fixtures/model/world.ts';
import { linkOf } from '../../../properties/arbitrary.ts';
import { plugIn, snapshotOf } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const fallback = '/usr/lib/systemd/network/80-ec2.network';
const enis = [makeEni(0), makeEni(1)];

/**
 * As networkd leaves it by 80-ec2.network: main has one default for each link, all of one metric.
 */
function boot(config: Config = defaultConfig, networkFile = fallback): ModelWorld {
  const world = new ModelWorld({ config });
  for (const eni of enis) {
    plugIn(world, eni);
    lease(world, eni);
  }
  world.state.networkd = {
    ...world.state.networkd,
    links: enis.map((eni) => ({ linkIndex: linkOf(eni).index, networkFile, setupState: 'configured' })),
  };
  return world;
}

function lease(world: ModelWorld, { deviceNumber, ipv4Addresses: [address = ''], ...eni }: EniMetadata): void {
  const linkIndex = linkOf({ deviceNumber, ipv4Addresses: [address], ...eni }).index;
  const gateway = `10.0.${deviceNumber}.1`;
  world.lease(linkIndex, { address });
  const way = { table: 254, type: 'unicast', linkIndex, metric: 8192 } as const;
  world.state.routes.push({ ...makeRoute({ ...way, destination: '0.0.0.0/0', gateway }), protocol: 16 });
}

const prioritiesOf = (world: ModelWorld) => world.state.rules.map(({ priority }) => priority).sort();
const provisionalRoutes = (world: ModelWorld) => world.state.routes.filter(({ table }) => table >= 14_000);

describe('without any metadata', () => {
  it('two rules for each leased address lead to a table with the default of its link', () => {
    const world = boot();
    world.converge();
    expect(prioritiesOf(world)).toEqual([23950, 23950, 23960, 23960]);
    for (const eni of enis) {
      const { index } = linkOf(eni);
      const rule = world.state.rules.find(({ source, priority }) => {
        return source === `${eni.ipv4Addresses[0]}/32` && priority === 23960;
      });
      const byDefault = provisionalRoutes(world).filter(
        ({ table, destination }) => table === rule?.table && destination === '0.0.0.0/0',
      );
      expect(byDefault).toMatchObject([{ linkIndex: index, gateway: `10.0.${eni.deviceNumber}.1` }]);
    }
    // `enid status`, the bus and doctor tell it by the state.
    const states = world.decide().desired.reports.map(({ state }) => state);
    expect(states).toEqual(
      enis.map(({ ipv4Addresses: [address] }, index) => ({
        kind: 'waiting',
        reason: `the metadata service has not answered yet; meanwhile ${address} leaves by ${linkOf(makeEni(index)).name} (provisional rules, table ${14_000 + linkOf(makeEni(index)).index})`,
      })),
    );
    // Nothing else follows from nothing: no file, no address, and the same again the next time.
    expect([...world.state.files.keys()]).toEqual([]);
    expect(world.decide().difference.changes).toEqual([]);
  });

  it('stay while an ENI is not known, and go with the metadata, when all of its own is there', () => {
    const world = boot();
    world.converge();
    const [first] = enis;
    const pending = { kind: 'pending' as const, mac: makeEni(1).mac, reason: 'local-ipv4s' };
    world.state.snapshot = {
      ...snapshotOf([makeEni(0)]),
      enis: [{ kind: 'ready', eni: first ?? makeEni(0) }, pending],
    };
    const { changes } = world.decide().difference;
    expect(changes.some(({ kind }) => kind === 'write-file')).toBe(true);
    expect(changes.filter(({ kind }) => /^remove-r/.test(kind))).toEqual([]);
    world.converge();
    expect(world.state.rules.filter(({ source }) => source === '10.0.1.4/32')).toHaveLength(2);
    world.state.snapshot = snapshotOf(enis);
    world.converge();
    expect(prioritiesOf(world).filter((priority) => priority === 23950 || priority === 23960)).toEqual([]);
    expect(provisionalRoutes(world)).toEqual([]);
  });

  it.each<[string, Partial<Config>, string?]>([
    ['a link that the operator claims', {}, '/etc/systemd/network/50-mine.network'],
    ['a link that was configured before', {}, '/run/systemd/network/70-ens5.network'],
    [
      'links that may be nobody’s business here',
      { interfaces: [{ match: { device: 1 }, policy: { manage: 'none' } }] },
    ],
    ['links that may be in a VRF', { interfaces: [{ match: { eni: 'eni-1' }, policy: { vrf: 'wan' } }] }],
  ])('nothing is made for %s', (_, config, file = fallback) => {
    const world = boot({ ...defaultConfig, ...config }, file);
    if (file.startsWith('/run')) {
      world.state.networkd = {
        ...world.state.networkd,
        links: enis.map((eni) => {
          const networkFile = `/run/systemd/network/70-${linkOf(eni).name}.network`;
          return { linkIndex: linkOf(eni).index, networkFile, setupState: 'configured' };
        }),
      };
    }
    expect(world.decide().difference.changes).toEqual([]);
  });

  it('nothing is made where one link alone has a default', () => {
    const world = boot();
    world.state.routes = world.state.routes.filter(
      ({ destination, linkIndex }) => destination !== '0.0.0.0/0' || linkIndex === linkOf(makeEni(0)).index,
    );
    expect(world.decide().difference.changes).toEqual([]);
  });
});
