/**
 * What amazon-ec2-net-utils and nm-cloud-setup leave is theirs by its whole form, and nobody
 * else's.
 */

import { expect, it } from '@jest/globals';
import { findLeftoverRules, findLeftoverTables } from '../../../../agent/decide/base/other-managers.ts';
import { checkCloudSetup, checkImdsNetwork } from '../../../../agent/decide/explain/diagnose-others.ts';
import type { HostFacts, KernelState, Route, Rule } from '../../../../agent/model.ts';
import { makeDesiredEni, makeRoute } from '../../../../fixtures/model/records.ts';

const rule: Rule = {
  ...{ family: 4, priority: 10_001, source: '10.0.2.21/32', destination: null, inputInterface: null },
  ...{ outputInterface: null, mark: null, users: null, action: 1, table: 10_001, suppressPrefixLength: null },
  ...{ suppressGroup: null, protocol: 4, isComplex: false },
};
const eni = makeDesiredEni({ mac: '06:00:00:00:00:02', linkIndex: 3, linkName: 'ens6', tableId: 10_001, metric: 513 });
const desired = { enis: [eni], reports: [], unknownMacs: [], provisional: [] };
const kernelOf = (rules: readonly Rule[], routes: readonly Route[] = []): KernelState => ({
  ...{ links: [], addresses: [], drivers: new Map(), rules, routes },
});
const find = (rules: readonly Rule[], ...managers: string[]) => findLeftoverRules(kernelOf(rules), desired, managers);

const cloudSetup: readonly Rule[] = [
  { ...rule, priority: 30_201, table: 30_201 },
  { ...rule, priority: 30_350, source: null, table: 254, suppressPrefixLength: 0 },
  { ...rule, priority: 30_401, table: 30_401 },
];
const cloudRoute = makeRoute({
  ...{ table: 30_401, destination: '0.0.0.0/0', type: 'unicast', gateway: '10.0.2.1', linkIndex: 3, metric: 10 },
});

it('takes the rules of whoever was taken over from', () => {
  const both = [rule, ...cloudSetup];
  expect(find(both, 'amazon-ec2-net-utils')).toEqual([rule]);
  expect(find(both, 'NetworkManager', 'nm-cloud-setup')).toEqual(cloudSetup);
  expect(find(both, 'ifupdown (ens5)')).toEqual([]);
  const kernel = kernelOf([], [cloudRoute, { ...cloudRoute, table: 254 }]);
  expect(findLeftoverTables(kernel, ['nm-cloud-setup'])).toEqual([cloudRoute]);
  expect(findLeftoverTables(kernel, ['NetworkManager'])).toEqual([]);
});

it.each([
  ['enid has made it', { protocol: 236 }],
  ['to a destination', { destination: '10.9.0.0/16' }],
  ['for a mark', { mark: { value: 1, mask: 1 } }],
  ['at another priority', { priority: 10_002 }],
  ['into a table of no ENI', { priority: 10_007, table: 10_007 }],
  ['not to a table', { action: 7 }],
  ['more than the record can say', { isComplex: true }],
])('leaves a rule that is unlike the peer’s: %s', (_what, other) => {
  expect(find([{ ...rule, ...other }], 'amazon-ec2-net-utils')).toEqual([]);
});

it('leaves a rule of the same form that enid wants (`rules: classic`)', () => {
  const wanted = { ...rule, inputInterface: null } as unknown as (typeof eni.rules)[number];
  const kernel = kernelOf([rule]);
  expect(
    findLeftoverRules(kernel, { ...desired, enis: [{ ...eni, rules: [wanted] }] }, ['amazon-ec2-net-utils']),
  ).toEqual([]);
});

it('doctor names what nm-cloud-setup has left, with the commands that remove it', () => {
  expect(checkCloudSetup({ kernel: kernelOf([rule]) })).toMatchObject([{ severity: 'ok' }]);
  expect(checkCloudSetup({ kernel: kernelOf(cloudSetup, [cloudRoute]) })).toEqual([
    {
      check: 'cloud-setup',
      severity: 'warning',
      message: 'rules and routes of nm-cloud-setup: priorities 30201, 30350, 30401, tables 30401',
      advice:
        '`enid takeover` from NetworkManager removes them; by hand: ip rule del pref 30201; ip rule del pref 30350; ip rule del pref 30401; ip route flush table 30401',
    },
  ]);
});

it("doctor says what systemd's own network file for the metadata service means", () => {
  const files = (name: string) => ({ enis: [{ networkFiles: [{ name }] }] });
  const ask = (imdsNetwork: HostFacts['imdsNetwork'], routes: readonly Route[] = [], name = '70-ens5.network') => {
    const facts = { ...(imdsNetwork === undefined ? {} : { imdsNetwork }) } as HostFacts;
    const [finding] = checkImdsNetwork({ facts, kernel: kernelOf([], routes), desired: files(name) });
    return `${finding?.severity}: ${finding?.message}`;
  };
  expect(ask(undefined)).toMatch(/^ok/);
  expect(ask('unlocked')).toBe(
    "info: enid's files sort before 85-imds-early.network of systemd, which is for links without another",
  );
  expect(ask('locked')).toMatch(/^warning: enid's files sort before .*systemd\.imds\.network=locked locks no ENI/);
  expect(ask('unlocked', [], '90-ens5.network')).toMatch(/^error: 85-imds-early\.network of systemd sorts before 90-/);
  const lock = { ...cloudRoute, table: 254, type: 8, destination: '169.254.169.254/32' };
  expect(ask('locked', [lock])).toBe('error: a route in main prohibits 169.254.169.254');
});
