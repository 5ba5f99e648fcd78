/**
 * What is printed as a command is one: bash and iproute2 take it as it stands, and what follows is
 * what enid itself makes.
 */

import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Change, DesiredRule } from '../../agent/model.ts';
import { describeChange } from '../../agent/report/change-text.ts';
import { runEnid } from '../../fixtures/enid-process.ts';
import { readState } from '../../fixtures/guest-state.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab('paste', primary);
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

const own = /^\d+:.*(proto|lookup) (236|1000\d)|^\d+:/;

it(
  'the plan of a host that lost everything, pasted by a root shell, makes it what it was',
  async () => {
    const { guest } = lab.vpc;
    await lab.enid.stop();
    const marks = async () => {
      const texts = await Promise.all(
        [
          ['ip', '-d', 'rule'],
          ['ip', '-6', '-d', 'rule'],
          ['ip', '-d', 'route', 'show', 'table', 'all', 'proto', '236'],
          ['ip', '-6', '-d', 'route', 'show', 'table', 'all', 'proto', '236'],
        ].map((argv) => guest.check(argv)),
      );
      return texts
        .join('')
        .split('\n')
        .filter((line) => own.test(line) || line.includes('proto 236'))
        .sort();
    };
    const before = await readState(lab.vpc);
    const rulesBefore = (await marks()).map((line) => line.replace(/ proto \S+/, ''));
    for (const table of [10_000, 10_001, 10_002, 10_003])
      await guest.check(['bash', '-c', `ip route flush table ${table} 2>&1; ip -6 route flush table ${table} 2>&1; :`]);
    await guest.check([
      'bash',
      '-c',
      'for f in -4 -6; do ip $f rule flush; ip $f rule add pref 32766 lookup main; done; ip rule add pref 32767 lookup default',
    ]);
    for (const address of ['10.0.2.21/32', '10.0.2.22/32', '2001:db8:0:2::21/128', '10.0.1.31/32'])
      await guest.check(['bash', '-c', `for l in ens5 ens6 ens7; do ip address del ${address} dev $l 2>&1; done; :`]);
    await guest.check(['ip', 'link', 'property', 'del', 'dev', 'ens6', 'altname', 'eni-00000000000000002']);
    await guest.check(['ip', 'link', 'set', 'dev', 'ens6', 'group', 'default']);
    const plan = JSON.parse((await runEnid(guest, ['plan', '--json'])).stdout);
    const commands: string[] = plan.changes.map(({ command }: { command: string }) => command);
    expect(new Set(plan.changes.map(({ kind }: { kind: string }) => kind))).toEqual(
      new Set(['add-alt-name', 'set-link-group', 'add-route', 'add-rule', 'add-address']),
    );
    // networkd may have put the IPv6 default back by then: a router advertises every few seconds.
    expect(commands).toContainEqual(expect.stringMatching(/^ip route add default via \S+ dev ens6 .* proto 236$/));
    expect(commands).toContainEqual(expect.stringMatching(/^ip -6 rule add pref \d+ from 2001:\S+ .* protocol 236$/));
    for (const command of commands) {
      const { code, stderr } = await guest.run(['bash', '-ec', command]);
      // networkd may put an IPv6 default back between the plan and the command.
      const isThere = command.startsWith('ip -6 route add default') && stderr.includes('File exists');
      expect({ command, code, stderr }).toEqual({ command, code: isThere ? 2 : 0, stderr: isThere ? stderr : '' });
    }
    expect(await readState(lab.vpc)).toBe(before);
    expect((await marks()).map((line) => line.replace(/ proto \S+/, ''))).toEqual(rulesBefore);
    expect(JSON.parse((await runEnid(guest, ['plan', '--json'])).stdout).changes).toEqual([]);
  },
  testMs,
);

it(
  'after `ip rule flush`, which takes the kernel’s own rules, too: what doctor prints brings the primary back',
  async () => {
    const { guest } = lab.vpc;
    await guest.check(['bash', '-ec', 'ip rule flush; ip -6 rule flush']);
    const { findings } = JSON.parse((await runEnid(guest, ['doctor', '--json'])).stdout);
    const missing = (findings as { check: string; severity: string; advice: string }[]).filter(
      ({ check, severity }) => check === 'rules' && severity === 'error',
    );
    expect(missing).toHaveLength(2);
    const addresses = [...(primary.ipv4 ?? []).slice(0, 1), ...(primary.ipv6 ?? []).slice(0, 1)];
    const reach = () => Promise.all(addresses.map((address) => lab.vpc.reaches(address)));
    expect(await reach()).toEqual(addresses.map(() => false));
    for (const { advice } of missing) await guest.check(['bash', '-ec', advice]);
    expect(await reach()).toEqual(addresses.map(() => true));
  },
  testMs,
);

const link = "e$(ls>x)'6";
const about = { mac: '06:00:00:00:00:01', linkName: link, reason: 'because' };
const route = {
  table: 10_001,
  destination: '0.0.0.0/0',
  type: 'unicast',
  gateway: '192.0.2.1',
  linkIndex: 2,
  metric: 513,
} as const;
const rule: DesiredRule = {
  ...{ family: 6, priority: 20_001, source: null, destination: null, mark: { value: 16, mask: 255 } },
  ...{ users: { first: 1_000, last: 1_010 }, inputInterface: 'lo', table: 10_001 },
  ...{ suppressPrefixLength: 7, suppressGroup: 236 },
};
const host = { linkIndex: 2, address: '10.0.2.21', prefixLength: 32 };
const made = { family: 4, protocol: 236, scope: 0, preferredSource: null, isComplex: false, nextHopId: null } as const;
const actual = { ...route, ...made, type: 1 };
const changes: readonly Change[] = [
  { ...about, kind: 'set-link-setting', linkIndex: 2, setting: 'rp_filter', value: 2 },
  { ...about, kind: 'set-link-group', linkIndex: 2, group: 236 },
  { ...about, kind: 'set-mtu', linkIndex: 2, mtu: 1500 },
  { ...about, kind: 'set-master', linkIndex: 2, masterIndex: 3, vrf: 'wan1' },
  { ...about, kind: 'add-alt-name', linkIndex: 2, altName: 'eni-1' },
  { ...about, kind: 'remove-alt-name', linkIndex: 2, altName: 'eni-1' },
  { ...about, kind: 'add-address', address: { ...host, address: '192.0.2.9', prefixLength: 24, metric: 600 } },
  { ...about, kind: 'set-address-metric', linkIndex: 2, address: '192.0.2.9', prefixLength: 24, metric: 513 },
  { ...about, kind: 'add-address', address: host },
  { ...about, kind: 'move-address', address: host },
  {
    ...about,
    kind: 'add-address',
    address: { linkIndex: 2, address: '2001:db8::5', prefixLength: 128, isDeprecated: true },
  },
  { ...about, kind: 'add-route', route },
  { ...about, kind: 'add-route', route: { ...route, destination: '::/0', gateway: 'fe80::1' } },
  {
    ...about,
    kind: 'add-route',
    route: { ...route, destination: '203.0.113.0/24', gateway: '198.51.100.1', isFollowed: true },
  },
  { ...about, kind: 'add-route', route: { ...route, destination: '10.0.3.64/28', type: 'local', gateway: null } },
  { ...about, kind: 'add-rule', rule },
  {
    ...about,
    kind: 'add-rule',
    rule: { ...rule, family: 4, source: '10.0.2.0/24', destination: '10.0.0.0/8', users: null, mark: null },
  },
  {
    ...about,
    kind: 'remove-rule',
    rule: { ...rule, protocol: 236, outputInterface: null, action: 1, isComplex: false },
  },
  { ...about, kind: 'remove-route', route: actual },
  { ...about, kind: 'remove-address', address: host },
];

it('each kind of change, on a link whose name a shell could take for a command', () => {
  const script = [
    'set -e; cd "$(mktemp -d)"; mount -t sysfs sysfs /sys 2>/dev/null || :',
    'ip link set lo up; ip link add wan1 type bridge; ip link set wan1 up',
    `ip link add "e\\$(ls>x)'6" type veth peer name peer; ip link set peer up; ip link set "e\\$(ls>x)'6" up`,
    ...changes.flatMap((change) => [`echo ${JSON.stringify(change.kind)}`, describeChange(change)]),
    'echo after; ip -6 rule; ip rule; ip route show table 10001; ip -6 route show table 10001; ls',
  ].join('\n');
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', '-m', 'bash', '-c', script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const after = stdout.slice(stdout.indexOf('after\n'));
  expect(after).toMatch(
    /^20001:\tfrom 10\.0\.2\.0\/24 to 10\.0\.0\.0\/8 iif lo lookup 10001 suppress_prefixlength 7 suppress_ifgroup 236 proto 236$/m,
  );
  expect(after).not.toMatch(/fwmark|default via 192\.0\.2\.1/);
  expect(after).toMatch(/^203\.0\.113\.0\/24 via 198\.51\.100\.1 dev .* proto 236 metric 513 onlink/m);
  expect(after).toMatch(/^local 10\.0\.3\.64\/28 dev .* proto 236/m);
  expect(after).toMatch(/^default via fe80::1 dev .* proto 236 metric 513/m);
  expect(after).not.toMatch(/^x$/m);
});
