/**
 * An MTU, or DNS, that changes on a running link: without networkd where that would drop addresses
 * for it, by a reload elsewhere.
 */

import { expect, it } from '@jest/globals';
import { defaultConfig } from '../../../../agent/config/defaults.ts';
import { mergeConfig } from '../../../../agent/config/merge.ts';
import { parseConfigFile } from '../../../../agent/config/parse.ts';
import { computeMtu } from '../../../../agent/decide/desired/link-settings.ts';
import { resolvePolicy } from '../../../../agent/decide/desired/policy.ts';
import { classifyRepair, rememberMade } from '../../../../agent/decide/diff/repairs.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';
import type { ModelWorld } from '../../../../fixtures/model/world.ts';
import { linkOf } from '../../../properties/arbitrary.ts';
import { makeWorld } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const eni = makeEni(1);
const { index: linkIndex, name: linkName } = linkOf(eni);
const fileName = `70-${linkName}.network`;

function configOf(keys: string) {
  return mergeConfig([parseConfigFile(`interfaces: [{ match: { name: ${linkName} }, ${keys} }]`, 'f')]);
}

function makeRunning(version: number): ModelWorld {
  const world = makeWorld([makeEni(0), eni]);
  world.state.networkd = { ...world.state.networkd, version };
  world.converge();
  return world;
}

const configure = (world: ModelWorld, keys: string) => {
  world.state.config = keys === '' ? defaultConfig : configOf(keys);
};
const mtuOf = (world: ModelWorld) => world.state.links.find(({ index }) => index === linkIndex)?.mtu;
const setMtu = (world: ModelWorld, mtu: number) => {
  world.state.links = world.state.links.map((link) => (link.index === linkIndex ? { ...link, mtu } : link));
};
const fileOf = (world: ModelWorld) => world.state.files.get(fileName) ?? '';
const listKinds = (world: ModelWorld) => world.converge().map(({ kind }) => kind);

it('252: is set by rtnetlink, and the file in force waits for the next start of networkd', () => {
  const world = makeRunning(252);
  const before = fileOf(world);
  configure(world, 'mtu: 1500');
  expect(world.converge()).toEqual([
    { mac: eni.mac, linkName, reason: 'it is 9001', kind: 'set-mtu', linkIndex, mtu: 1500 },
  ]);
  expect([mtuOf(world), fileOf(world)]).toEqual([1500, before]);
  world.state.networkd = { ...world.state.networkd, kind: 'absent' };
  expect(listKinds(world)).toEqual(['write-file']);
  expect(fileOf(world)).toContain('MTUBytes=1500\n');
  world.state.networkd = { ...world.state.networkd, kind: 'present' };
  expect(world.converge()).toEqual([]);
});

it('252: goes back to what the file in force says', () => {
  const world = makeRunning(252);
  configure(world, 'mtu: 1500');
  world.converge();
  configure(world, 'mtu: 1400');
  expect(listKinds(world)).toEqual(['set-mtu']);
  configure(world, '');
  expect(listKinds(world)).toEqual(['set-mtu']);
  expect(mtuOf(world)).toBe(9001);
});

it('252: is set again where networkd starts with the former file, or another program changes it', () => {
  const world = makeRunning(252);
  configure(world, 'mtu: 1500');
  world.converge();
  world.takeUp(eni.mac);
  expect(mtuOf(world)).toBe(9001);
  const seen = { kernel: world.kernel(), files: world.files().own, ledger: {} };
  const made = rememberMade(new Map([[`mtu ${linkIndex} 1500`, eni.mac]]), world.decide().desired, seen);
  expect(world.decide().difference.changes.map((change) => classifyRepair(change, made, seen.files))).toEqual([
    'setting',
  ]);
  expect(listKinds(world)).toEqual(['set-mtu']);
  setMtu(world, 1300);
  expect(listKinds(world)).toEqual(['set-mtu']);
  expect(mtuOf(world)).toBe(1500);
});

it('252: another program’s MTU stays where the file says the wanted one', () => {
  const world = makeRunning(252);
  setMtu(world, 1300);
  expect(world.converge()).toEqual([]);
});

it('252: networkd is asked where more changes', () => {
  const world = makeRunning(252);
  configure(world, 'mtu: 1500, defaultRoute: false');
  expect(listKinds(world).slice(0, 2)).toEqual(['write-file', 'reload']);
  expect(mtuOf(world)).toBe(1500);
});

const hasDnsOf = (world: ModelWorld) => world.state.networkd.links.find((link) => link.linkIndex === linkIndex)?.hasDns;

it('252: the DNS of a lease is left on the bus, with the MTU, and used again', () => {
  const world = makeRunning(252);
  const before = fileOf(world);
  configure(world, 'mtu: 1500, dns: false');
  expect(listKinds(world)).toEqual(['set-mtu', 'set-dns']);
  expect([hasDnsOf(world), fileOf(world)]).toEqual([false, before]);
  world.takeUp(eni.mac);
  expect(hasDnsOf(world)).toBe(true);
  expect(listKinds(world)).toEqual(['set-mtu', 'set-dns']);
  configure(world, '');
  expect(listKinds(world)).toEqual(['set-mtu', 'set-dns']);
  expect(hasDnsOf(world)).toBe(true);
});

it('252: the DNS that the file in force leaves is used after a reload', () => {
  const world = makeRunning(252);
  configure(world, 'dns: false');
  world.state.networkd = { ...world.state.networkd, kind: 'absent' };
  expect(listKinds(world)).toEqual(['write-file']);
  world.state.networkd = { ...world.state.networkd, kind: 'present' };
  world.takeUp(eni.mac);
  expect(listKinds(world)).toEqual([]);
  configure(world, '');
  expect(listKinds(world).slice(0, 2)).toEqual(['write-file', 'reload']);
  expect(hasDnsOf(world)).toBe(true);
});

it('252: networkd is asked where it does not say whether DNS is used; what another program has left stays so', () => {
  const world = makeRunning(252);
  const say = (hasDns: boolean | undefined) => {
    const links = world.state.networkd.links.map(({ hasDns: _, ...link }) =>
      hasDns === undefined ? link : { ...link, hasDns },
    );
    world.state.networkd = { ...world.state.networkd, links };
  };
  say(false);
  expect(world.converge()).toEqual([]);
  say(undefined);
  configure(world, 'dns: false');
  expect(listKinds(world)).toEqual(['write-file', 'reload']);
});

it('252: is left to a networkd that has just been told to configure the link', () => {
  const world = makeRunning(252);
  configure(world, 'mtu: 1500');
  const { networkd } = world.state;
  const links = networkd.links.map((link) => ({ ...link, setupState: 'configuring' }));
  world.state.networkd = { ...networkd, links };
  expect(world.converge()).toEqual([]);
});

it('257: is changed by a reload, which loses nothing', () => {
  const world = makeRunning(257);
  configure(world, 'mtu: 1500');
  expect(listKinds(world)).toEqual(['write-file', 'reload']);
  expect(mtuOf(world)).toBe(1500);
  setMtu(world, 1300);
  expect(world.converge()).toEqual([]);
});

it.each<[string, string, object, typeof eni, number]>([
  ['as it is configured', 'mtu: 1500', {}, eni, 1500],
  ['enough for IPv6, as networkd does', 'mtu: 576', {}, eni, 1280],
  ['anything without addresses', 'mtu: 576', {}, { ...eni, ipv4Addresses: [], ipv6Addresses: [] }, 576],
  ['no more than the driver takes', 'mtu: 9001', { maxMtu: 1500 }, eni, 1500],
])('is %s', (_name, keys, link, metadata, want) => {
  const subject = { eni: metadata, isPrimary: false, linkName, driver: 'ena', tags: {} };
  const policy = resolvePolicy(configOf(keys), subject);
  expect(computeMtu(metadata, makeLink({ index: linkIndex, name: linkName, mac: eni.mac, ...link }), policy)).toBe(
    want,
  );
});
