/**
 * `vrf:`, as docs/appliances.md tells: a gateway ENI in a routing space of its own, on a kernel
 * that has VRFs.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
const run = (command: string) => host.machine.check(command);
const link = withPrefixes.linkName;
const base = 'drivers: [virtio_net]\nimds: { interval: 5s, timeout: 3s }\ninterfaces:\n';
const inVrf = `  - match: { eni: ${withPrefixes.id} }\n    vrf: wan1\n    prefixes: local\n    dns: false\n`;
/** Of its own addresses and of its prefixes, one of each family. */
const sources = ['10.0.3.40', '10.0.3.77', '2001:db8:0:3::40', '2001:db8:0:3:1::7'];

function writeConfig(entries: string): Promise<void> {
  return host.machine.writeFile('/etc/enid/config.yaml', base + (entries || '  []\n'));
}

async function configure(entries: string): Promise<void> {
  await writeConfig(entries);
  await run('systemctl reload enid');
}

/**
 * From the far host to the address and back, as anybody reaches it; EC2's source check sees the
 * answer.
 */
async function answers(address: string): Promise<boolean> {
  return (await host.vpc.far.run(['ping', '-c', '1', '-W', '3', address])).code === 0;
}

async function expectInVrf(table: number): Promise<void> {
  await host.configured(2);
  const routes = await run(`ip route show table ${table}; ip -6 route show table ${table}`);
  expect(routes).toMatch(new RegExp(`^default via 10\\.0\\.3\\.1 dev ${link} `, 'm'));
  expect(routes).toMatch(new RegExp(`^default via fe80::\\S+ dev ${link} `, 'm'));
  expect(routes).toMatch(new RegExp(`^10\\.0\\.3\\.0/24 dev ${link} `, 'm'));
  expect(await run(`ip route show dev ${link}; ip -6 route show dev ${link}`)).toBe('');
  const rules = await run('ip rule; ip -6 rule');
  expect(rules.match(/lookup \[l3mdev-table\]/g)).toHaveLength(2);
  expect(rules).not.toMatch(/10003|10\.0\.3\.|2001:db8:0:3/);
  for (const address of sources) expect([address, await answers(address)]).toEqual([address, true]);
  for (const address of primary.ipv4 ?? []) expect([address, await answers(address)]).toEqual([address, true]);
}

/** On the running host. */
async function enterVrf(table: number): Promise<void> {
  await configure(inVrf);
  await host.until('it is in', `ip link show ${link} | grep 'master wan1'`);
  await host.until('its router', `ip -6 route show table ${table} | grep default`);
  await expectInVrf(table);
}

beforeAll(async () => {
  host = await MachineHost.boot();
  await run('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  await host.machine.attach(withPrefixes);
  await writeConfig(inVrf);
  await host.machine.reboot();
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

it(
  'has lease, router advertisement and default in its own table, and no rule; addresses and prefixes answer',
  async () => {
    await expectInVrf(10003);
    expect(await run('ip -d link show wan1')).toMatch(/<[^>]*\bUP\b.*vrf table 10003/s);
    expect(await run('enid plan')).toMatch(/Converged/);
    expect(await run('systemctl start network-online.target; systemctl --failed --plain --no-legend')).toBe('');
  },
  machineMs,
);

it(
  'a program that is bound to the VRF leaves by the ENI, the others by the primary; explain tells the former',
  async () => {
    await run('ping -c 1 -W 3 -I wan1 198.51.100.10 && ping -c 1 -W 3 -I wan1 2001:db8:ffff::10');
    expect(await run('ip route get 198.51.100.10')).toMatch(/dev ens5 .*src 10\.0\.1\.10/);
    expect(await run('ip route get 198.51.100.10 vrf wan1')).toMatch(/dev ens8 table 10003 .*src 10\.0\.3\.40/);
    expect(await run('enid explain 10.0.3.40')).toMatch(/RESULT: right way/);
    expect((await host.machine.run('enid doctor')).stdout).not.toMatch(/^error|10\.0\.3\.40/m);
  },
  machineMs,
);

it(
  'mtuOutside is for what leaves the VPC, in the table of the VRF; the blocks of the VPC keep the MTU of the link',
  async () => {
    const [far, inside] = ['198.51.100.10', '10.0.9.9'];
    const [far6, inside6] = ['2001:db8:ffff::10', '2001:db8:0:9::9'];
    const ways = async () =>
      await Promise.all([far, far6, inside, inside6].map((to) => run(`ip route get ${to} vrf wan1`)));
    // An IPv6 way also has the MTU that the router advertises, which is the link's.
    const ofLink = (await run(`cat /sys/class/net/${link}/mtu`)).trim();
    const mtuOf = (way: string) => / mtu (?<mtu>\d+)/.exec(way)?.groups?.['mtu'] ?? ofLink;
    const mtus = async () => (await ways()).map(mtuOf);
    const all = [ofLink, ofLink, ofLink, ofLink];
    expect(await mtus()).toEqual(all);
    await configure(`${inVrf}    mtuOutside: 1280\n`);
    await host.until('the MTU of the default', 'ip route show vrf wan1 | grep "^default .*mtu 1280"');
    await host.until('that of IPv6', 'ip -6 route show vrf wan1 | grep "^default .*mtu 1280"');
    await expectInVrf(10003);
    expect(await mtus()).toEqual(['1280', '1280', ofLink, ofLink]);
    for (const way of await ways()) expect(way).toContain(`dev ${link} table 10003`);
    await configure(inVrf);
    await host.until('its end', '! { ip route show vrf wan1; ip -6 route show vrf wan1; } | grep "mtu 1280"');
    expect(await mtus()).toEqual(all);
  },
  machineMs,
);

it(
  'an assigned address is there without a reload; routes of others in the VRF stay',
  async () => {
    await run('ip route add 192.0.2.0/24 via 10.0.3.9 vrf wan1');
    await host.vpc.assign(withPrefixes.id, { ipv4: ['10.0.3.41'] });
    await host.until('it is there', 'ip -4 address show dev ens8 | grep 10.0.3.41/32');
    expect(await answers('10.0.3.41')).toBe(true);
    expect(await run('ip route show vrf wan1')).toMatch(/192\.0\.2\.0\/24 via 10\.0\.3\.9/);
    await host.vpc.unassign(withPrefixes.id, { ipv4: ['10.0.3.41'] });
    await run('ip route del 192.0.2.0/24 vrf wan1');
  },
  machineMs,
);

it(
  'is put back when another program takes it out, and stands over restarts of networkd and enid',
  async () => {
    await run(`ip link set ${link} nomaster`);
    await host.until('it is back', `ip link show ${link} | grep 'master wan1'`);
    await host.until('its router is back', 'ip -6 route show vrf wan1 | grep default');
    await expectInVrf(10003);
    expect(await run('journalctl -b -u enid -o cat')).toMatch(/ip link set dev ens8 master wan1/);
    await run('systemctl restart systemd-networkd');
    await expectInVrf(10003);
    await run('systemctl restart enid');
    await expectInVrf(10003);
  },
  machineMs,
);

it(
  'boots into it with the files of the boot before, with one lease for good',
  async () => {
    await host.machine.reboot();
    await expectInVrf(10003);
    const journal = await run('journalctl -b -o cat -u systemd-networkd -u enid');
    expect(journal.match(/ens8: DHCPv4 address 10\.0\.3\.40/g)).toHaveLength(1);
    expect(journal).not.toMatch(/networkctl reload|set dev ens8 master/);
  },
  machineMs,
);

it(
  'comes back to main and rules when the entry goes, and in again, while a session by the primary goes on',
  async () => {
    await host.startSession();
    await configure('');
    await host.until('it is out', `! ip link show ${link} | grep master`);
    await host.configured(2);
    await host.until('its rules', 'ip rule | grep "lookup 10003"');
    await host.until('its router', 'ip -6 route show table 10003 | grep default');
    for (const address of ['10.0.3.40', '2001:db8:0:3::40']) {
      expect([address, await answers(address)]).toEqual([address, true]);
    }
    expect(await run('ls /run/systemd/network')).not.toMatch(/wan1/);
    await run('ip link del wan1');
    await enterVrf(10003);
    expect((await host.readSession()).answers).toBeGreaterThan(0);
  },
  machineMs,
);

it(
  'goes into a VRF of the operator, with the table that this has, and makes no file for it',
  async () => {
    await configure('');
    await host.until('it is out', `! ip link show ${link} | grep master`);
    await run('ip link del wan1 && ip link add wan1 type vrf table 4242 && ip link set wan1 up');
    await enterVrf(4242);
    expect(await run('ls /run/systemd/network')).not.toMatch(/wan1/);
  },
  machineMs,
);
