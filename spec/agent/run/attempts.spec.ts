/** Which attempts are remembered, and for how long. */

import { beforeEach, describe, expect, it } from '@jest/globals';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import type { Change, Desired, DesiredEni, EniReport } from '../../../agent/model.ts';
import { AttemptBook } from '../../../agent/run/attempts.ts';
import { makeDesiredEni } from '../../../fixtures/model/records.ts';
import { snapshotOf } from '../../properties/host.ts';

const mac = '06:00:00:00:00:02';
const base = { mac, eniId: 'eni-2', linkIndex: 3, linkName: 'ens6', tableId: 10_001, metric: 513 };
const address = { linkIndex: 3, address: '10.0.2.77', prefixLength: 32 };
const add: Change = { mac, linkName: 'ens6', reason: 'missing', kind: 'add-address', address };
const remove: Change = { ...add, kind: 'remove-address' };

function makeDesired(
  changes: Partial<DesiredEni> | null,
  rest: Partial<Desired> = {},
  linkIndex: number | null = 3,
): Desired {
  const report: EniReport = {
    ...{ mac, eni: null, linkIndex, linkName: 'ens6', isPrimary: false, state: { kind: 'configured' } },
  };
  const enis = changes === null ? [] : [makeDesiredEni({ ...base, ...changes })];
  return { enis, reports: [report], unknownMacs: [], provisional: [], ...rest };
}

const cause = () => ({ config: defaultConfig, snapshot: snapshotOf([]) });
const without = () => makeDesired({ addresses: [] });
const withIt = () => makeDesired({ addresses: [address] });

let book: AttemptBook;
let nowMs: number;
/** This many attempts are made at once before it counts as a fight. */
function fight(change: Change): void {
  for (let count = 0; count < 21; count++) book.made(change, nowMs++);
}

beforeEach(() => {
  book = new AttemptBook();
  nowMs = 1_000;
});

describe('attempts', () => {
  it('hold a change back once it was made too often in a row, and say so from then on', () => {
    const told = Array.from({ length: 30 }, () => book.made(add, nowMs++));
    expect(told).toEqual(Array.from({ length: 30 }, (_, index) => (index < 20 ? null : index + 1)));
    expect(book.isBlocked(add, nowMs)).toBe(true);
    expect(book.isBlocked(remove, nowMs)).toBe(false);
  });

  it('are forgotten if the metadata asks for another state of the object, in both directions', () => {
    book.follow(withIt(), cause());
    fight(add);
    book.follow(without(), cause());
    expect(book.isBlocked(add, nowMs)).toBe(false);
    fight(remove);
    book.follow(withIt(), cause());
    expect(book.isBlocked(remove, nowMs)).toBe(false);
  });

  it('are kept if other objects changed', () => {
    book.follow(withIt(), cause());
    fight(add);
    book.follow(makeDesired({ addresses: [address, { ...address, address: '10.0.2.78' }] }), cause());
    expect(book.isBlocked(add, nowMs)).toBe(true);
  });

  it('are kept if the object comes and goes with the state of the host, as in a fight', () => {
    const same = cause();
    book.follow(withIt(), same);
    fight(add);
    book.follow(without(), same);
    book.follow(withIt(), same);
    expect(book.isBlocked(add, nowMs)).toBe(true);
  });

  it('are kept while the desired state of the ENI is unknown', () => {
    book.follow(withIt(), cause());
    fight(add);
    book.follow(makeDesired(null, { unknownMacs: [mac] }), cause());
    expect(book.isBlocked(add, nowMs)).toBe(true);
  });

  it('are forgotten with the link', () => {
    const same = cause();
    book.follow(withIt(), same);
    fight(add);
    book.follow(makeDesired(null, {}, null), same);
    expect(book.isBlocked(add, nowMs)).toBe(false);
  });

  it('on a file are forgotten if another text is desired', () => {
    const file = (text: string) => ({ name: '70-ens6.network', text, role: 'link' as const });
    const write = (text: string): Change => ({ ...add, kind: 'write-file', file: file(text) });
    const reload: Change = { ...add, kind: 'reload' };
    book.follow(makeDesired({ networkFiles: [file('a')] }), cause());
    fight(write('a'));
    fight(reload);
    book.follow(makeDesired({ networkFiles: [file('b')] }), cause());
    expect([book.isBlocked(write('b'), nowMs), book.isBlocked(reload, nowMs)]).toEqual([false, false]);
  });

  it('that failed are retried with growing delays, and are no fight', () => {
    const waits: number[] = [];
    for (let count = 0; count < 12; count++) {
      book.refused(add, nowMs);
      waits.push(book.dueMs(add, nowMs) - nowMs);
      nowMs = book.dueMs(add, nowMs);
    }
    expect(waits[0]).toBe(250);
    expect(waits.at(-1)).toBe(60_000);
    expect(book.made(add, nowMs)).toBeNull();
  });
});
