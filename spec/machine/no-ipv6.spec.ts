/**
 * A kernel without IPv6, as hardening guides ask for it: `ipv6.disable=1`. All of IPv4 works, and
 * nobody speaks of IPv6.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
const run = (command: string) => host.machine.check(command);

async function findDeaf(addresses: readonly string[]): Promise<string[]> {
  const deaf: string[] = [];
  for (const address of addresses) {
    if ((await host.vpc.far.run(['ping', '-c', '1', '-W', '3', address])).code !== 0) deaf.push(address);
  }
  return deaf;
}

const ipv4Of = (...enis: readonly { readonly ipv4?: readonly string[] }[]) => enis.flatMap(({ ipv4 = [] }) => ipv4);

beforeAll(async () => {
  host = await MachineHost.boot({ kernelOptions: 'ipv6.disable=1' });
  await run('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  for (const eni of [alone, withPrefixes]) await host.machine.attach(eni);
  await host.machine.reboot();
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

it(
  'comes up by itself: every IPv4 address answers by its own ENI',
  async () => {
    expect(await run('test ! -e /proc/sys/net/ipv6 && echo none')).toBe('none\n');
    await host.configured(3);
    expect(await findDeaf(ipv4Of(primary, alone, withPrefixes))).toEqual([]);
    expect(await run('systemctl show --value -p NRestarts enid')).toBe('0\n');
    expect(await run('enid plan --no-daemon')).toMatch(/Converged/);
  },
  machineMs,
);

it(
  'neither desires nor writes anything of IPv6, and says so once, in doctor',
  async () => {
    const files = await run('cat /run/systemd/network/70-* /run/systemd/network/70-*.d/*');
    expect(files).toMatch(/^IPv6AcceptRA=no$/m);
    expect(files).not.toMatch(/2001:db8|::\/0|_ipv6ra|IPv6AcceptRA=yes|^DHCP=yes/m);
    expect(await run('journalctl -b -u enid -o cat -p warning')).toBe('');
    expect(await run('journalctl -b -u systemd-udevd -o cat -p warning')).not.toMatch(/ipv6/i);
    const { code, stdout } = await host.machine.run('enid doctor');
    expect(stdout.match(/^.*IPv6.*$/gm)).toEqual([expect.stringMatching(/^info +kernel .*has no IPv6/)]);
    expect([code, stdout.match(/^error.*$/gm)]).toEqual([expect.any(Number), null]);
    expect((await host.machine.run('enid explain 2001:db8:0:2::20')).stdout).toMatch(/no IPv6/);
  },
  machineMs,
);

it(
  'an ENI that is plugged in, an address that is assigned, drift and a restart are as on any host',
  async () => {
    await host.machine.attach(sharing);
    await host.configured(4);
    await host.vpc.assign(alone.id, { ipv4: ['10.0.2.30'] });
    await host.until('the assigned address', 'ip -4 address | grep 10.0.2.30/32');
    expect(await findDeaf([...ipv4Of(primary, alone, withPrefixes, sharing), '10.0.2.30'])).toEqual([]);
    await run('ip rule del pref 20001');
    await host.until('the rule is back', 'ip rule | grep ^20001:');
    await run('systemctl restart systemd-networkd enid');
    await host.configured(4);
    expect(await run('journalctl -b -u enid -o cat -p warning')).toBe('');
  },
  machineMs,
);
