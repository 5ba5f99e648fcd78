/** For which ENIs network-online.target waits. */

import { expect, it } from '@jest/globals';
import { mergeConfig } from '../../../../agent/config/merge.ts';
import { parseConfigFile } from '../../../../agent/config/parse.ts';
import type { ModelWorld } from '../../../../fixtures/model/world.ts';
import { linkOf } from '../../../properties/arbitrary.ts';
import { makeWorld } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

const enis = [makeEni(0), makeEni(1)];

function configure(world: ModelWorld, entries: string): void {
  world.state.config = mergeConfig([parseConfigFile(`interfaces: [${entries}]`, 'f')]);
}

const listWaitedFor = (world: ModelWorld) =>
  enis.map((eni) => {
    const text = world.state.files.get(`70-${linkOf(eni).name}.network`) ?? '';
    return /^RequiredForOnline=(.*)$/m.exec(text)?.[1];
  });

it.each([
  ['the primary by default', '', ['yes', 'no']],
  ['all, as with amazon-ec2-net-utils', '{ match: {}, requiredForOnline: true }', ['yes', 'yes']],
  ['one more', '{ match: { device: 1 }, requiredForOnline: true }', ['yes', 'yes']],
  ['none', '{ match: {}, requiredForOnline: false }', ['no', 'no']],
  ['as before where it is null', '{ match: {}, requiredForOnline: null, mtu: 1500 }', ['yes', 'no']],
])('%s', (_name, entries, expected) => {
  const world = makeWorld(enis);
  configure(world, entries);
  world.converge();
  expect(listWaitedFor(world)).toEqual(expected);
});

it('252: a change waits for the next start of networkd, without a reload that could drop a lease', () => {
  const world = makeWorld(enis);
  world.converge();
  configure(world, '{ match: {}, requiredForOnline: true }');
  expect(world.converge()).toEqual([]);
  world.state.networkd = { ...world.state.networkd, kind: 'absent' };
  expect(world.converge().map(({ kind }) => kind)).toEqual(['write-file']);
  expect(listWaitedFor(world)).toEqual(['yes', 'yes']);
});
