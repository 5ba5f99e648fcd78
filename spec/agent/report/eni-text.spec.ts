/** `enid status ENI`: what is missing is said where it is missing. */

import { expect, it } from '@jest/globals';
import { type EniDetail, renderEni } from '../../../agent/report/eni-text.ts';

const time = '2026-01-02T03:04:05.678Z';
const command = 'ip rule add pref 20001 from 10.0.2.0/24 iif lo lookup 10001 protocol 236';
const eni: EniDetail = {
  ...{ eni: 'eni-1', mac: '06:53:e1:00:00:02', link: 'ens6', primary: false, device: 1, card: 0 },
  ...{ state: 'degraded', reason: '1 change pending', table: 10_001, mtuOutside: null, addresses: [], prefixes: [] },
  ...{ publicAddresses: { '198.51.100.7': ['10.0.2.20'] }, networkFile: '/run/systemd/network/70-ens6.network' },
  ...{ changesPending: 1, lastChange: { time, command, reason: 'missing' }, repairs: { address: 2, rule: 7 } },
  recurringRepairs: [{ command, count: 7, time }],
  lastFight: { command, count: 20, time },
  driver: 'ena',
  mtu: { actual: 1500, desired: 9001 },
  addressStates: [
    { text: '10.0.2.20/24', isPresent: true, note: 'lease', validLifetime: 3_540 },
    { text: '10.0.2.21', isPresent: false, note: null, validLifetime: null },
    { text: '2001:db8:0:2::20/128', isPresent: true, note: null, validLifetime: 59 },
  ],
  prefixStates: [],
  gateways: ['10.0.2.1'],
  dns: { servers: ['10.0.0.2'], domains: ['ec2.internal'] },
  metric: 513,
  vrf: null,
  rules: [],
  routes: [],
  files: [],
  entry: { place: '/etc/enid/config.yaml:3: interfaces[0]', match: { device: 1 }, sets: { mtu: 9001 } },
  policy: {},
  pending: ['ip address add 10.0.2.21/32 dev ens6 noprefixroute'],
  journal: ['2026-01-02T03:04:05+00:00 enid[812]: ip rule add \x1b[31m'],
};
const nowMs = Date.parse('2026-01-02T03:06:10.000Z');

it('has one field a line, the states of what is desired, what recurs, and the journal', () => {
  expect(renderEni(eni, { nowMs }).split('\n')).toEqual([
    'ens6: eni-1',
    '       State: degraded: 1 change pending',
    '      Device: 1.0',
    '         MAC: 06:53:e1:00:00:02, driver ena',
    '         MTU: 1500 (9001 desired)',
    '   Addresses: 10.0.2.20/24  (lease, valid for 59m)',
    '              10.0.2.21  (MISSING)',
    '              2001:db8:0:2::20/128  (valid for 59s)',
    '      Public: 198.51.100.7 to 10.0.2.20',
    '     Gateway: 10.0.2.1',
    '         DNS: 10.0.0.2',
    '              domain ec2.internal',
    '       Table: 10001',
    '      Metric: 513',
    '    In force: /run/systemd/network/70-ens6.network',
    '      Policy: /etc/enid/config.yaml:3: interfaces[0] matches: {"device":1}',
    '              it sets {"mtu":9001}',
    '     Repairs: 2 addresses, 7 rules',
    `              7 times: ${command}`,
    `       Fight: ${command}: undone 20 times in a row, 2m ago`,
    `     Changed: 2m ago: ${command} (missing)`,
    '     Pending: ip address add 10.0.2.21/32 dev ens6 noprefixroute',
    '',
    '2026-01-02T03:04:05+00:00 enid[812]: ip rule add \\u001b[31m',
    '',
  ]);
});

it('says what is not known', () => {
  const unknown = { ...eni, entry: null, policy: null, repairs: null, journal: null, lastChange: null };
  const text = renderEni(unknown, { nowMs, hasFullTimes: true });
  expect(text).toContain('Policy: not known yet');
  expect(text).toContain('Repairs: not known: the daemon was not asked');
  expect(text).toContain('times in a row, 2026-01-02 03:04:05 UTC');
  expect(text).not.toMatch(/journal|Changed/);
});
