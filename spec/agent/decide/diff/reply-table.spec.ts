/** The table `inet enid`: what is desired, and that it is changed by elements. */

import { describe, expect, it } from '@jest/globals';
import {
  chooseReplyFamilies,
  computeReplyTable,
  numberReplies,
  type ReplyEni,
} from '../../../../agent/decide/desired/reply-table.ts';
import { diffReplies, diffReplyTable } from '../../../../agent/decide/diff/reply-table.ts';
import type { ReplyStep, ReplyTable, TableRecord } from '../../../../agent/model.ts';
import { applyReplySteps as apply } from '../../../../fixtures/model/reply-table.ts';

const first: ReplyEni = { tableId: 10_000, number: 1, sources: ['10.0.1.10/32', '10.0.1.11/32', 'fd00:1::10/128'] };
const second: ReplyEni = { tableId: 10_001, number: 2, sources: ['10.0.2.20/32', '10.0.2.32/28', 'fd00:2::20/128'] };

function tableOf(...enis: readonly ReplyEni[]): ReplyTable {
  const table = computeReplyTable(enis);
  if (table === null) throw new Error('no table');
  return table;
}

const desired = tableOf(first, second);
const whole = apply(null, diffReplyTable(desired, null));
const kinds = (changes: readonly ReplyStep[]) => changes.map(({ kind }) => kind);

it('has each source once, in the fewest blocks', () => {
  const table = tableOf(
    { ...first, sources: ['10.0.1.10/32', '10.0.1.11/32', 'fd00:1:0:0:1::/80', 'fd00:1:0:0:1::1/128'] },
    { ...second, sources: ['10.0.1.11/32', '10.0.2.20/32'] },
  );
  expect([...table.sources[4]]).toEqual([
    ['10.0.1.10/31', 'eni10000'],
    ['10.0.2.20/32', 'eni10001'],
  ]);
  expect([...table.sources[6]]).toEqual([['fd00:1:0:0:1::/80', 'eni10000']]);
});

it('is built once, and then nothing is to be done', () => {
  expect(whole?.chains.map(({ name }) => name).sort()).toEqual(['eni10000', 'eni10001', 'replies']);
  expect(diffReplyTable(desired, whole)).toEqual([]);
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
    const next = tableOf(...enis);
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
      chains: table.chains.map((one) => ({ ...one, rules: [...one.rules, { comment: null, handle: 1 }] })),
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

describe('the table as a whole', () => {
  const state = { desired: { replies: desired, unknownMacs: [] }, table: whole, isConfirmed: true };

  it('is made, left, and removed', () => {
    expect(diffReplies(state).changes).toEqual([]);
    expect(diffReplies({ ...state, table: null }).changes).toMatchObject([{ kind: 'set-replies', reason: 'missing' }]);
    const off = { replies: null, unknownMacs: [] };
    expect(diffReplies({ ...state, desired: off }).changes).toMatchObject([{ kind: 'remove-replies' }]);
    expect(diffReplies({ ...state, desired: off, table: null }).changes).toEqual([]);
  });

  it('is left where it cannot be read, and where nothing is known of the ENIs', () => {
    expect(diffReplies({ ...state, table: undefined }).changes).toEqual([]);
    expect(diffReplies({ ...state, desired: { unknownMacs: [] } }).changes).toEqual([]);
  });

  it.each([
    ['an ENI is unknown', { unknownMacs: ['02:00:00:00:00:09'], isConfirmed: true }],
    ['the metadata is not confirmed', { unknownMacs: [], isConfirmed: false }],
  ])('loses nothing while %s', (_name, { unknownMacs, isConfirmed }) => {
    const more = { ...second, sources: [...second.sources, '10.0.2.99/32'] };
    const of = (replies: ReplyTable | null) => ({ desired: { replies, unknownMacs }, table: whole, isConfirmed });
    expect(diffReplies(of(null)).changes).toEqual([]);
    expect(diffReplies(of(tableOf(second))).changes).toEqual([]);
    const [change] = diffReplies(of(tableOf(more))).changes;
    expect(change?.kind === 'set-replies' ? kinds(change.steps) : null).toEqual(['add-elements']);
  });

  it('of another program is a conflict, and stays', () => {
    const table: TableRecord = { chains: [{ name: 'input', hook: null, rules: [] }], maps: [] };
    const { changes, conflicts } = diffReplies({ ...state, table });
    expect(changes).toEqual([]);
    expect(conflicts[0]?.reason).toContain('another program has a table inet enid');
    expect(diffReplies({ ...state, table, desired: { replies: null, unknownMacs: [] } })).toEqual({
      changes: [],
      conflicts: [],
    });
  });
});

it.each<[Parameters<typeof chooseReplyFamilies>[0], [boolean, boolean], boolean, boolean, string]>([
  ['on', [false, false], false, false, '46'],
  ['off', [true, true], true, true, ''],
  ['auto', [true, true], true, false, '46'],
  ['auto', [true, false], true, false, '4'],
  ['auto', [false, false], true, false, ''],
  ['auto', [true, true], false, false, ''],
  // A restart of enid, when no connection is open.
  ['auto', [true, true], false, true, '46'],
])('replies: %s, forwarding %j, tracking %j, a table %j: families "%s"', (...row) => {
  const [replies, [ipv4, ipv6], isTracking, hasTable, families] = row;
  const facts = { isForwarding: { 4: ipv4, 6: ipv6 }, isTracking, table: hasTable ? whole : null };
  expect(chooseReplyFamilies(replies, facts, true)).toBe(families);
  expect(chooseReplyFamilies(replies, facts, false)).toBe(families.replace('6', ''));
});

it('gives each ENI a number of its own, which others do not move', () => {
  // Four cards of 15 ENIs (p4d.24xlarge).
  const enis = Array.from({ length: 60 }, (_, index) => ({
    ...{ mac: `${index}`, networkCard: index % 4, deviceNumber: Math.floor(index / 4) },
  }));
  const all = numberReplies(enis);
  expect(new Set(all.values()).size).toBe(60);
  expect(Math.min(...all.values())).toBeGreaterThanOrEqual(1);
  expect(Math.max(...all.values())).toBeLessThanOrEqual(127);
  const half = numberReplies(enis.filter((_, index) => index % 2 === 0));
  for (const [mac, number] of half) expect(all.get(mac)).toBe(number);
  const cards = Array.from({ length: 64 }, (_, index) => ({
    ...{ mac: `${index}`, networkCard: index >> 1, deviceNumber: index & 1 },
  }));
  expect(new Set(numberReplies(cards).values()).size).toBe(64);
});
