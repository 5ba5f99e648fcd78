/** What counts as a repair, and what does not. */

import { beforeEach, expect, it } from '@jest/globals';
import { classifyRepair, type Made, rememberMade } from '../../../../agent/decide/diff/repairs.ts';
import type { ModelState, ModelWorld } from '../../../../fixtures/model/world.ts';
import { makeWorld } from '../../../properties/host.ts';
import { makeEni } from '../../eni.ts';

let world: ModelWorld;
let made: Made;

function remember(): void {
  made = rememberMade(made, world.decide().desired, { kernel: world.kernel(), files: world.files().own, ledger: {} });
}

/** `add-rule: rule` for each change that is due. */
function classify(): string[] {
  const { changes } = world.decide().difference;
  return changes.map((change) => `${change.kind}: ${classifyRepair(change, made, world.files().own)}`);
}

beforeEach(() => {
  world = makeWorld([makeEni(0), makeEni(1)]);
  made = new Map();
  for (let count = 0; count < 20 && world.pass().length > 0; count++) remember();
  remember();
  expect(classify()).toEqual([]);
});

const without = <T>(list: readonly T[], isGone: (one: T) => boolean): T[] => {
  const index = list.findIndex(isGone);
  expect(index).toBeGreaterThanOrEqual(0);
  return list.filter((_, position) => position !== index);
};

const removals: [string, (state: ModelState) => void, string][] = [
  ['rule', (state) => (state.rules = without(state.rules, ({ table }) => table === 10_001)), 'add-rule: rule'],
  [
    'address',
    (state) => (state.addresses = without(state.addresses, ({ address }) => address === '10.0.1.5')),
    'add-address: address',
  ],
  ['route', (state) => (state.routes = without(state.routes, ({ table }) => table === 10_001)), 'add-route: route'],
  [
    'alternative name',
    (state) => (state.links = state.links.map((link) => ({ ...link, altNames: link.altNames.slice(1) }))),
    'add-alt-name: name',
  ],
  ['file', (state) => state.files.delete([...state.files.keys()][0] ?? ''), 'write-file: file'],
];

it.each(removals)('a %s that is removed is put back as a repair', (_name, remove, expected) => {
  remove(world.state);
  remember();
  expect(classify()).toContain(expected);
});

it('a route that is led elsewhere is one, too', () => {
  world.state.routes = world.state.routes.map((route) =>
    route.table === 10_001 && route.destination === '0.0.0.0/0' ? { ...route, gateway: '10.0.1.99' } : route,
  );
  expect(classify()).toEqual(['add-route: route']);
});

it('a file with another text is one only if it had the desired text before', () => {
  const [name = '', text = ''] = [...world.state.files][0] ?? [];
  world.state.files.set(name, `${text}# altered\n`);
  expect(classify()).toContain('write-file: file');
  const isOfText = (key: string) => key.includes('\n');
  made = new Map([...made].filter(([key]) => !isOfText(key)));
  expect(classify()).toContain('write-file: null');
});

it('what is no longer desired is forgotten, unless the desired state is unknown', () => {
  const rules = [...made.keys()].filter((key) => key.startsWith('rule '));
  const { snapshot } = world.state;
  const [first, second] = snapshot?.enis ?? [];
  if (snapshot === null || first === undefined || second === undefined) throw new Error('expected two ENIs');
  const pending = { kind: 'pending' as const, mac: makeEni(1).mac, reason: 'not there yet' };
  world.state.snapshot = { ...snapshot, enis: [first, pending] };
  remember();
  expect([...made.keys()]).toEqual(expect.arrayContaining(rules));
  world.state.snapshot = { ...snapshot, enis: [first] };
  world.state.links = world.state.links.slice(0, 1);
  remember();
  expect([...made.keys()].filter((key) => rules.includes(key))).toEqual([]);
});
