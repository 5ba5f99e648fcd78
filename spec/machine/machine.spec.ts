/**
 * A machine that boots with enid: installed by apt, cards plugged in and out over PCI, upgraded,
 * removed.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alone, efaOnly, primary } from '../../fixtures/vpc-shapes.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
const run = (command: string) => host.machine.check(command);
const row = (link: string) => run(`enid status | grep -w ${link}`);

beforeAll(async () => {
  host = await MachineHost.boot();
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

describe('installed where the next boot is to be its first', () => {
  it(
    'says what keeps it back, and comes up with the next boot, before network-online.target, without a failed unit',
    async () => {
      await run('systemctl -q enable systemd-networkd systemd-resolved');
      expect(await host.install()).toMatch(/enid: the metadata service does not answer/);
      expect(await run('systemctl is-enabled enid')).toBe('enabled\n');
      await host.machine.reboot();
      await host.configured(1);
      expect(
        await run(
          'systemctl start network-online.target; systemctl is-system-running; systemctl is-active enid network-online.target',
        ),
      ).toBe('running\nactive\nactive\n');
      expect(await run('networkctl --no-legend list ens5')).toMatch(/ens5 +ether +routable +configured/);
      const status = await run('networkctl status ens5');
      for (const text of ['/run/systemd/network/70-ens5.network', 'device-number-0.0', primary.id, 'ec2.internal'])
        expect(status).toContain(text);
      expect(status).toMatch(/10\.0\.1\.10 \(DHCPv?4 via 10\.0\.1\.1\)/);
      expect(await run('resolvectl dns ens5')).toContain('10.0.0.2');
    },
    machineMs,
  );

  it(
    'boots the second time with one lease for good, and no reload at all',
    async () => {
      await host.machine.reboot();
      await host.configured(1);
      console.log(await run('systemd-analyze time; networkctl; networkctl status ens5; resolvectl'));
      await run('journalctl --sync');
      const journal = await run('journalctl -b -o cat -u systemd-networkd -u enid');
      expect(journal).toMatch(/ens5: Configuring with \/run\/systemd\/network\/70-ens5.network/);
      expect(journal.match(/DHCPv4 address 10\.0\.1\.10/g)).toHaveLength(1);
      expect(journal).not.toMatch(/Reconfiguring|networkctl reload/);
    },
    machineMs,
  );

  it(
    'is not held up by a dead metadata service, and catches up when it is back',
    async () => {
      await host.vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
      await host.machine.reboot();
      expect(await run('systemctl start network-online.target; systemctl is-active network-online.target enid')).toBe(
        'active\nactive\n',
      );
      console.log(await run('systemd-analyze time; systemd-analyze blame | grep -e enid -e online'));
      expect(await run('ip -4 -br address show dev ens5')).toContain('10.0.1.10/24');
      await host.vpc.imds.setFaults([]);
      await host.configured(1);
    },
    machineMs,
  );
});

describe('cards', () => {
  it(
    'plugged in: named by udev, leased, routed; every address reaches out',
    async () => {
      await run(
        'sed "s/\\"ena\\"/\\"virtio_net\\"/" /usr/lib/udev/rules.d/90-enid-ena.rules > /etc/udev/rules.d/90-enid-ena.rules',
      );
      await run('udevadm control --reload');
      await host.machine.attach(alone);
      await host.configured(2);
      for (const source of [...(alone.ipv4 ?? []), '10.0.1.10', '10.0.1.11'])
        await run(`ping -c 3 -W 2 -I ${source} 198.51.100.10`);
      for (const source of alone.ipv6 ?? []) await run(`ping -c 3 -W 2 -I ${source} 2001:db8:ffff::10`);
      expect(await run('ip -o link show device-number-1.0')).toContain('ens6');
      expect(await run('networkctl status ens6')).toMatch(/Required For Online: no/);
      // The rule of the package says ENA; with this card's driver in its place it counts for the
      // new card, and for no other.
      const settings = 'cat /proc/sys/net/ipv4/neigh/$link/retrans_time_ms /proc/sys/net/ipv6/conf/$link/accept_dad';
      expect(await run(`link=ens6; ${settings}`)).toBe('500\n0\n');
      expect(await run(`link=ens5; ${settings}`)).not.toMatch(/^500$/m);
      await run('rm /etc/udev/rules.d/90-enid-ena.rules');
    },
    machineMs,
  );

  it(
    'without an address (EFA): waited for by nobody',
    async () => {
      await host.machine.attach(efaOnly);
      await host.until('it is there', 'enid status | grep -w ens10 | grep configured');
      expect(await run('networkctl status ens10')).toMatch(/Required For Online: no/);
      expect(
        await run(
          'systemctl is-active systemd-networkd-wait-online; /usr/lib/systemd/systemd-networkd-wait-online --timeout=20 && echo online',
        ),
      ).toMatch(/online$/m);
    },
    machineMs,
  );

  it(
    'that are there at a first boot, where no files are kept: the same, and no unit fails',
    async () => {
      await run('systemctl -q disable enid-restore');
      await host.machine.reboot();
      expect(
        await run(
          'systemctl start network-online.target; systemctl is-system-running --wait; systemctl is-active systemd-networkd-wait-online network-online.target',
        ),
      ).toBe('running\nactive\nactive\n');
      await host.until('all are there', '[ "$(enid status | grep -wE "ens(5|6|10)" | grep -c configured)" = 3 ]');
      await run('systemctl -q enable enid-restore');
      await host.machine.detach(efaOnly);
    },
    machineMs,
  );

  it(
    "an administrator's file in /etc/systemd/network wins, and enid takes the link back when it goes",
    async () => {
      await host.machine.writeFile(
        '/etc/systemd/network/10-mine.network',
        '[Match]\nName=ens6\n[Network]\nDHCP=ipv4\n',
      );
      await run('networkctl reload');
      await host.until('it is seen', 'enid status | grep -w ens6 | grep overridden');
      await run('rm /etc/systemd/network/10-mine.network; networkctl reload');
      await host.configured(2);
    },
    machineMs,
  );

  it(
    'a link that is enslaved to a VRF is left to whoever did it, where networkd leaves it there',
    async () => {
      await run('ip link add blue type vrf table 4242 && ip link set blue up && ip link set ens6 master blue');
      const [, networkdVersion] = /^systemd (\d+)/.exec(await run('systemctl --version')) ?? [];
      if (Number(networkdVersion) >= 257) {
        // Its routes in main fail with a source that is the VRF's now, and it makes the link again
        // as its file says: without one.
        await host.until('networkd has taken it out', '! ip link show ens6 | grep "master blue"');
      } else {
        await host.until('it is seen', 'enid status | grep -A1 -w ens6 | grep blue');
        expect(await run('ip rule')).not.toMatch(/lookup 10001/);
        await run('ip link set ens6 nomaster');
      }
      await run('ip link del blue');
      await host.configured(2);
      await host.until('its rules are there', 'ip rule | grep "lookup 10001"');
    },
    machineMs,
  );

  it(
    'a rename is followed',
    async () => {
      await run('ip link set ens6 down && ip link set ens6 name wan0 && ip link set wan0 up');
      await host.until('it has a file under the new name', 'enid status | grep -w wan0 | grep configured', 120);
      // udev has kept the name from its slot as an alternative one.
      await run(
        'ip link set wan0 down; ip link property del dev wan0 altname ens6; ip link set wan0 name ens6 && ip link set ens6 up',
      );
      await host.configured(2);
    },
    machineMs,
  );

  it(
    'a reload makes its pass, and the journal tells by ENI',
    async () => {
      await run('systemctl reload enid');
      expect(await run(`journalctl -b -o cat ENI=${alone.id}`)).toMatch(/70-ens6\.network/);
    },
    machineMs,
  );

  it(
    'plugged out: nothing of it stays',
    async () => {
      await host.machine.detach(alone);
      await host.until('it is gone', '! enid status | grep ens6');
      expect(await run('ip rule; ip route show table all; ls /run/systemd/network')).not.toMatch(/10001|ens6/);
    },
    machineMs,
  );
});

it(
  'a name from a .link file counts like any other',
  async () => {
    const file = '/etc/systemd/network/10-wan.link';
    await host.machine.writeFile(file, `[Match]\nMACAddress=${alone.mac}\n[Link]\nName=wan0\n`);
    // By itself udev looks for changed files every three seconds at most.
    await run('udevadm control --reload');
    await host.machine.attach(alone);
    await host.until('it has a file under that name', 'enid status | grep -w wan0 | grep configured');
    expect(await run('networkctl status wan0')).toContain('/run/systemd/network/70-wan0.network');
    for (const source of alone.ipv4 ?? []) await run(`ping -c 3 -W 2 -I ${source} 198.51.100.10`);
    await host.machine.detach(alone);
    await run(`rm ${file}`);
    await host.configured(1);
  },
  machineMs,
);

describe('the package', () => {
  it(
    'is upgraded under a session that goes on',
    async () => {
      await host.startSession();
      const before = await run('systemctl show -p MainPID enid');
      await host.install(2);
      await host.configured(1);
      expect(await run('systemctl show -p MainPID enid')).not.toBe(before);
      expect(await row('ens5')).toMatch(/configured/);
      expect((await host.readSession()).answers).toBeGreaterThan(0);
    },
    machineMs,
  );

  it(
    'is removed under it; the next boot is plain DHCP, by which the primary has the way out',
    async () => {
      await host.machine.attach(alone);
      await host.configured(2);
      await run('apt-get remove -y enid');
      expect((await host.readSession()).answers).toBeGreaterThan(0);
      await host.machine.reboot();
      await host.until(
        'the leases are there',
        'ip -4 -br address show | grep -c -e 10.0.1.10/24 -e 10.0.2.20/24 | grep 2',
      );
      expect(await run('networkctl status ens5')).toContain('/etc/systemd/network/79-ec2-primary.network');
      expect(await run('networkctl status ens6')).toContain('/etc/systemd/network/81-ec2-all.network');
      await host.until('both have a default route', 'ip route show default | grep -c . | grep 2');
      expect(await run('ip route get 198.51.100.10')).toMatch(/dev ens5 src 10\.0\.1\.10/);
      await host.until('IPv6 has its route', 'ip -6 route get 2001:db8:ffff::10 | grep "dev ens5"');
      await run('ping -c 3 -W 2 198.51.100.10');
    },
    machineMs,
  );

  it(
    'is installed again, which is no upgrade, and takes the ENIs over under a session that goes on',
    async () => {
      await host.startSession();
      expect(await host.install(2)).toMatch(/^Done\./m);
      await host.configured(2);
      console.log(`installed again: longest gap of the session: ${(await host.readSession()).longestGapSeconds} s`);
      expect(await run('systemctl is-enabled enid; ls /etc/systemd/network')).toBe(
        'enabled\n80-ec2.network.d\n81-ec2-all.network.d\n',
      );
      await run('apt-get remove -y enid');
    },
    machineMs,
  );

  it(
    'is purged: no file, user or group of it stays',
    async () => {
      await run('apt-get purge -y enid');
      const left = await run(
        "find / -xdev -name '*enid*' ! -path '/root/*' ! -path '/packages/*' ! -path '/var/backups/*'; ls -d /run/enid 2> /dev/null; getent passwd enid; getent group enid; true",
      );
      expect(left).toBe('');
    },
    machineMs,
  );
});
