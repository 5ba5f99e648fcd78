/** What is not done by metadata that are only remembered. */

import { expect, it } from '@jest/globals';
import { holdUnconfirmed } from '../../../../agent/decide/diff/unconfirmed.ts';
import type { Change, EniReport } from '../../../../agent/model.ts';

const mac = '06:00:00:00:00:02';
const address = { linkIndex: 3, address: '10.0.2.77', prefixLength: 32 };
const about = { mac, linkName: 'ens6', reason: '' };
const add: Change = { ...about, kind: 'add-address', address };
const remove: Change = { ...about, kind: 'remove-address', address };
const write: Change = { ...about, kind: 'write-file', file: { name: '70-ens6.network', text: 'b', role: 'link' } };
const reload: Change = { ...about, kind: 'reload' };
const files = [{ name: '70-ens6.network', text: 'a', mac }];

function desired(linkIndex: number | null) {
  const report: EniReport = {
    ...{ mac, eni: null, linkIndex, linkName: 'ens6', isPrimary: false, state: { kind: 'configured' } },
  };
  return { reports: [report] };
}

it.each<[string, readonly Change[], number | null, readonly (typeof files)[number][], readonly Change[]]>([
  ['what is missing is made', [add], 3, [], [add]],
  ['nothing is removed', [add, remove], 3, [], [add]],
  ['but from an ENI whose link is gone', [remove], null, [], [remove]],
  ['a file that is missing is written, and offered', [write, reload], 3, [], [write, reload]],
  ['one that says something else stays, and no reload is asked for', [write, reload, add], 3, files, [add]],
])('%s', (_what, changes, linkIndex, present, want) => {
  expect(holdUnconfirmed(changes, desired(linkIndex), present)).toEqual(want);
});

it('what nobody is known to own stays', () => {
  expect(holdUnconfirmed([{ ...remove, mac: '' }], desired(3), [])).toEqual([]);
});
