/**
 * Promise P3: every object of the program is restored because of the kernel's events; here the
 * metadata is read once an hour.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { labConfig } from '../../fixtures/enid-process.ts';
import { readState } from '../../fixtures/guest-state.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

let lab: Lab;
let whole: string;

beforeAll(async () => {
  lab = await openLab('drift', primary, labConfig.replace('interval: 5s', 'interval: 1h'));
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
  whole = await readState(lab.vpc);
}, testMs);
afterAll(() => closeLab(lab));

const restoreOthers =
  'ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default; ip -6 rule add pref 32766 lookup main';

it.each([
  ['a rule', 'ip rule del pref 20001'],
  ['an IPv6 rule', 'ip -6 rule del pref 20001'],
  ['a route of a table', 'ip route del 10.0.2.0/24 table 10001'],
  ['the default route of a table', 'ip route del default table 10001'],
  ['the IPv6 default route of a table', 'ip -6 route del default table 10001'],
  ['the default route of main', 'ip route del default dev ens5'],
  ['the connected route of main', 'ip route del 10.0.1.0/24 dev ens5'],
  ['a secondary address', 'ip address del 10.0.2.21/32 dev ens6'],
  ['an IPv6 address', 'ip address del 2001:db8:0:2::21/128 dev ens6'],
  ['an alternative name', 'ip link property del dev ens6 altname eni-00000000000000002'],
  [
    'a rule that was changed to another table',
    'ip rule del pref 20002; ip rule add pref 20002 from 10.0.1.30/31 lookup 99; ip rule del pref 20002 lookup 99',
  ],
  ['all rules', `ip rule flush; ip -6 rule flush; ${restoreOthers}`],
  ['all rules of one table', 'while ip rule del lookup 10002 2>/dev/null; do :; done'],
  ['all routes of a table', 'ip route flush table 10001; ip -6 route flush table 10001'],
  [
    'all IPv4 routes of the links in main',
    'for dev in ens5 ens6 ens7 ens8; do ip -4 route flush table main dev $dev; done',
  ],
  ['the leased address of the primary', 'ip address del 10.0.1.10/24 dev ens5'],
  [
    'every address of every ENI',
    'for dev in ens5 ens6 ens7 ens8; do ip -4 address flush dev $dev scope global; ip -6 address flush dev $dev scope global; done',
  ],
])(
  '%s',
  async (_what, command) => {
    await lab.vpc.guest.run(['sh', '-c', command]);
    await until('everything as it was', async () => (await readState(lab.vpc)) === whole, 10_000).catch(
      () => undefined,
    );
    expect(await readState(lab.vpc)).toBe(whole);
    await awaitReach(lab.vpc);
  },
  testMs,
);

it.each([
  ['a file', 'rm /run/systemd/network/70-ens6.network'],
  ['a drop-in', 'rm /run/systemd/network/70-ens6.network.d/sources.conf'],
])(
  '%s',
  async (_what, command) => {
    const { vpc } = lab;
    const read = () =>
      vpc.guest.run([
        'sh',
        '-c',
        'cat /run/systemd/network/70-ens6.network /run/systemd/network/70-ens6.network.d/sources.conf',
      ]);
    const before = (await read()).stdout;
    await vpc.guest.check(['sh', '-c', command]);
    await until('the file', async () => (await read()).stdout === before, 10_000);
    await awaitReach(vpc);
  },
  testMs,
);

it(
  'a file that is altered: left while systemd-networkd 252 runs, which would drop the lease for it, and as it was before it starts again',
  async () => {
    const { vpc, enid } = lab;
    const path = '/run/systemd/network/70-ens6.network.d/sources.conf';
    const before = await vpc.guest.readFile(path);
    const lines = enid.lines.length;
    await vpc.guest.check(['sh', '-c', `echo "# x" >> ${path}`]);
    await sleep(1_000);
    await enid.converged();
    expect(await vpc.guest.readFile(path)).toBe(`${before}# x\n`);
    expect(enid.lines.slice(lines)).toEqual([]);
    await vpc.guest.networkd.restart();
    await until('the file', async () => (await vpc.guest.readFile(path)) === before);
    await awaitReach(vpc);
    await enid.converged();
  },
  testMs,
);

it(
  'all addresses of a link are restored without asking the metadata service',
  async () => {
    const { vpc } = lab;
    await vpc.imds.resetRequests();
    await vpc.guest.check(['ip', '-4', 'address', 'flush', 'dev', 'ens6', 'scope', 'global', 'to', '10.0.2.21/32']);
    await vpc.guest.check(['ip', '-6', 'address', 'flush', 'dev', 'ens6', 'scope', 'global']);
    await awaitReach(vpc);
    expect(await vpc.imds.requests()).toEqual([]);
  },
  testMs,
);

it(
  'a leased address that was restored belongs to the lease again after the next renewal',
  async () => {
    const { vpc } = lab;
    const show = () => vpc.guest.check(['ip', '-o', 'address', 'show', 'dev', 'ens6', 'to', '10.0.2.20']);
    await vpc.guest.check(['ip', 'address', 'del', '10.0.2.20/24', 'dev', 'ens6']);
    await until('the address', async () => /10\.0\.2\.20\/24/.test(await show()));
    const readDefault = () => vpc.guest.check(['ip', 'route', 'show', 'default', 'dev', 'ens6']);
    await until('its default route', async () => /proto 236/.test(await readDefault()));
    await vpc.guest.check(['networkctl', 'renew', 'ens6']);
    await until('the lease’s default route alone', async () =>
      /^default via \S+ proto dhcp .*\n$/.test(await readDefault()),
    );
    await lab.enid.converged();
    await until('everything as it was', async () => (await readState(vpc)) === whole, 10_000).catch(() => undefined);
    expect(await readState(vpc)).toBe(whole);
  },
  testMs,
);

it(
  'a link that goes down and up gets everything back',
  async () => {
    const { vpc } = lab;
    await vpc.guest.check(['ip', 'link', 'set', 'ens6', 'down']);
    await vpc.guest.check(['ip', 'link', 'set', 'ens6', 'up']);
    await awaitReach(vpc);
    await lab.enid.converged();
  },
  testMs,
);

it('a fight is reported once, with the object and the count, and ends when the other side gives up', async () => {
  const { vpc, enid } = lab;
  const told = () =>
    enid.lines.filter((line) => /keeps undoing .*pref 20001 .*times in a row.*ip -ts monitor rule/.test(line)).length;
  const before = told();
  const loop = 'for i in $(seq 150); do ip rule del pref 20001 2>/dev/null; sleep 0.02; done';
  await vpc.guest.check(['bash', '-c', loop], { timeoutMs: 60_000 });
  expect(told() - before).toBe(1);
  await until('the rule', async () => /^20001:/m.test(await vpc.guest.check(['ip', 'rule'])), 60_000);
  await awaitReach(vpc);
}, 120_000);
