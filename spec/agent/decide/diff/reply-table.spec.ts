/** The table `inet enid`: what is desired, and that it is changed by elements. */

import { describe, expect, it } from '@jest/globals';
import { computeReplyTable, type ReplyEni } from '../../../../agent/decide/desired/reply-table.ts';
import { diffReplyTable, type ReplyChange } from '../../../../agent/decide/diff/reply-table.ts';
import type { TableRecord } from '../../../../agent/model.ts';

const first: ReplyEni = { tableId: 10_000, number: 1, sources: ['10.0.1.10/32', '10.0.1.11/32', 'fd00:1::10/128'] };
const second: ReplyEni = { tableId: 10_001, number: 2, sources: ['10.0.2.20/32', '10.0.2.32/28', 'fd00:2::20/128'] };

/** The table after a batch, as the kernel has it. */
function apply(actual: TableRecord | null, changes: readonly ReplyChange[]): TableRecord | null {
  let table = actual;
  let handle = 100n;
  for (const change of changes) {
    if (change.kind === 'add-table') table = { chains: [], maps: [] };
    else if (change.kind === 'delete-table') table = null;
    else if (table === null) throw new Error(`no table for ${change.kind}`);
    else if (change.kind === 'add-chain')
      table = { ...table, chains: [...table.chains, { name: change.chain, hook: change.hook, rules: [] }] };
    else if (change.kind === 'delete-chain')
      table = { ...table, chains: table.chains.filter(({ name }) => name !== change.chain) };
    else if (change.kind === 'add-map')
      table = { ...table, maps: [...table.maps, { name: change.map, family: change.family, elements: new Map() }] };
    else if ('elements' in change) {
      const isNew = change.kind === 'add-elements';
      table = {
        ...table,
        maps: table.maps.map((map) => {
          if (map.name !== change.map) return map;
          const elements = new Map(map.elements);
          for (const [cidr, chain] of change.elements) {
            if (elements.has(cidr) === isNew) throw new Error(`${change.kind} ${cidr}: EEXIST or ENOENT`);
            if (isNew) elements.set(cidr, chain);
            else elements.delete(cidr);
          }
          return { ...map, elements };
        }),
      };
    } else {
      table = {
        ...table,
        chains: table.chains.map((chain) => {
          if (chain.name !== change.chain) return chain;
          if (change.kind === 'delete-rule')
            return { ...chain, rules: chain.rules.filter((rule) => rule.handle !== change.handle) };
          return { ...chain, rules: [...chain.rules, { comment: change.comment, handle: handle++ }] };
        }),
      };
    }
  }
  return table;
}

const desired = computeReplyTable([first, second]);
const whole = apply(null, diffReplyTable(desired, null));
const kinds = (changes: readonly ReplyChange[]) => changes.map(({ kind }) => kind);

it('has each source once, in the fewest blocks', () => {
  const table = computeReplyTable([
    { ...first, sources: ['10.0.1.10/32', '10.0.1.11/32', 'fd00:1:0:0:1::/80', 'fd00:1:0:0:1::1/128'] },
    { ...second, sources: ['10.0.1.11/32', '10.0.2.20/32'] },
  ]);
  expect([...table.sources[4]]).toEqual([
    ['10.0.1.10/31', 'eni10000'],
    ['10.0.2.20/32', 'eni10001'],
  ]);
  expect([...table.sources[6]]).toEqual([['fd00:1:0:0:1::/80', 'eni10000']]);
});

it('is built once, and then nothing is to be done', () => {
  expect(whole?.chains.map(({ name }) => name).sort()).toEqual(['eni10000', 'eni10001', 'replies']);
  expect(diffReplyTable(desired, whole)).toEqual([]);
  expect(diffReplyTable(null, null)).toEqual([]);
  expect(diffReplyTable(null, whole)).toEqual([{ kind: 'delete-table' }]);
});

describe('a table that stands is never replaced', () => {
  it.each<[string, readonly ReplyEni[], string[]]>([
    ['an address more', [first, { ...second, sources: [...second.sources, '10.0.2.99/32'] }], ['add-elements']],
    ['an address less', [first, { ...second, sources: ['10.0.2.20/32', 'fd00:2::20/128'] }], ['delete-elements']],
    [
      'an address that moves',
      [
        { ...first, sources: [...first.sources, '10.0.2.20/32'] },
        { ...second, sources: second.sources.slice(1) },
      ],
      ['delete-elements', 'add-elements'],
    ],
    ['an ENI that goes', [first], ['delete-elements', 'delete-elements', 'delete-chain']],
    [
      'an ENI that comes',
      [first, second, { tableId: 10_002, number: 3, sources: ['10.0.3.30/32'] }],
      ['add-chain', 'add-rule', 'add-elements'],
    ],
    ['another number', [first, { ...second, number: 9 }], ['delete-rule', 'add-rule']],
  ])('%s', (_name, enis, expected) => {
    const next = computeReplyTable(enis);
    const changes = diffReplyTable(next, whole);
    expect(kinds(changes)).toEqual(expected);
    expect(diffReplyTable(next, apply(whole, changes))).toEqual([]);
  });
});

it.each<[string, (table: TableRecord) => TableRecord]>([
  [
    'a rule less',
    (table) => ({ ...table, chains: table.chains.map((one) => ({ ...one, rules: one.rules.slice(1) })) }),
  ],
  [
    'a rule of another program',
    (table) => ({
      ...table,
      chains: table.chains.map((one) => ({ ...one, rules: [...one.rules, { comment: null, handle: 1n }] })),
    }),
  ],
  ['a chain less', (table) => ({ ...table, chains: table.chains.slice(1) })],
  ['no maps', (table) => ({ ...table, maps: [] })],
  [
    'an element more',
    (table) => ({
      ...table,
      maps: table.maps.map((map) => ({ ...map, elements: new Map([...map.elements, ['192.0.2.1/32', 'eni10000']]) })),
    }),
  ],
  [
    'another hook',
    (table) => ({
      ...table,
      chains: table.chains.map((one) => (one.hook === null ? one : { ...one, hook: { number: 1, priority: 0 } })),
    }),
  ],
])('%s is put right', (_name, alter) => {
  const altered = whole === null ? null : alter(whole);
  const changes = diffReplyTable(desired, altered);
  expect(changes).not.toEqual([]);
  expect(diffReplyTable(desired, apply(altered, changes))).toEqual([]);
});
