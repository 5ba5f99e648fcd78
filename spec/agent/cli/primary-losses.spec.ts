/** What a reload would take from the primary ENI. */

import { expect, it } from '@jest/globals';
import { describeLosses, listPrimaryLosses } from '../../../agent/cli/primary-losses.ts';
import type { Change, DesiredRule, Rule } from '../../../agent/model.ts';

const mac = '06:53:e1:00:00:01';
const about = { mac, linkName: 'ens5', reason: 'no longer desired' };
const desiredRule: DesiredRule = {
  ...{ family: 4, priority: 23_800, source: '10.0.1.0/24', destination: null, mark: null, users: null },
  ...{ inputInterface: 'lo', table: 254, suppressPrefixLength: 1, suppressGroup: 236 },
};
const rule: Rule = { ...desiredRule, outputInterface: null, action: 1, protocol: 236, isComplex: false };
const state = { kind: 'configured' } as const;
const report = { mac, eni: null, linkIndex: 2, linkName: 'ens5', isPrimary: true, state };
const address = { linkIndex: 2, address: '10.0.1.11', prefixLength: 32 };
const makeDesired = (rules: readonly DesiredRule[]) => ({ reports: [report], enis: [{ mac, rules }] });

const changes: readonly Change[] = [
  { ...about, kind: 'remove-address', address },
  { ...about, kind: 'remove-rule', rule },
  { ...about, kind: 'remove-file', name: '70-ens5.network' },
  { ...about, kind: 'add-address', address },
  { ...about, kind: 'set-mtu', linkIndex: 2, mtu: 1500 },
  { ...about, mac: '06:53:e1:00:00:02', linkName: 'ens6', kind: 'remove-address', address },
];

it('is what is removed of it, and nothing of other ENIs', () => {
  expect(listPrimaryLosses(changes, makeDesired([]))).toEqual([
    'ip address del 10.0.1.11/32 dev ens5',
    'ip rule del pref 23800 from 10.0.1.0/24 iif lo lookup main suppress_prefixlength 1 suppress_ifgroup 236 protocol 236',
    'rm /run/systemd/network/70-ens5.network',
  ]);
});

it('a rule that is replaced by another one of its family is no loss', () => {
  expect(listPrimaryLosses(changes, makeDesired([desiredRule])).join()).not.toContain('ip rule del');
});

it('is told as a warning, and where there is nothing there is no word', () => {
  expect(describeLosses([])).toEqual([]);
  expect(describeLosses(['ip address del'])).toEqual([expect.stringContaining('primary ENI'), '  ip address del']);
});
