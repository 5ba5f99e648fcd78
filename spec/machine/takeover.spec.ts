/**
 * `enid takeover` on running machines, from each manager of the network, under a TCP session that
 * has to survive.
 */

import { afterEach, describe, expect, it } from '@jest/globals';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
const run = (command: string) => host.machine.check(command);

afterEach(async () => {
  await host?.destroy();
}, machineMs);

/** What the kernel has, without what counts down. */
async function readNetwork(): Promise<string> {
  const text = await run('ip -o -d address show dev ens5; ip rule; ip -6 rule; ip route; ip -6 route');
  return (
    text
      // After a boot an address may be enid's (protocol 236) that networkd has made from the file
      // before, and the reverse.
      .replace(/(valid_lft|preferred_lft|expires|hoplimit|pref|nhid) \S+|\bmetric 0\b|\bnodad\b|\bproto 0xec\b/g, '')
      .replace(/^\d+: /gm, '')
      .split('\n')
      .map((line) => line.replace(/ +/g, ' ').trim())
      .sort()
      .join('\n')
  );
}

const ifupdown = `printf 'auto lo\\niface lo inet loopback\\nauto ens5\\niface ens5 inet dhcp\\niface ens5 inet6 auto\\n' > /etc/network/interfaces
systemctl -q enable networking && systemctl start networking`;
const netplan = `printf 'network:\\n  version: 2\\n  ethernets:\\n    all-en:\\n      match: { name: "en*" }\\n      dhcp4: true\\n      dhcp6: true\\n' > /etc/netplan/50-cloud-init.yaml
chmod 600 /etc/netplan/50-cloud-init.yaml && mkdir -p /etc/cloud/cloud.cfg.d && netplan apply`;
const dhcpcd = `printf '[Service]\\nType=forking\\nExecStart=/usr/sbin/dhcpcd -q\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/dhcpcd.service
systemctl -q enable dhcpcd && systemctl start dhcpcd`;
const cloudInit = `printf '[Match]\\nName=ens5\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/10-cloud-init-ens5.network
mkdir -p /etc/cloud/cloud.cfg.d && systemctl -q enable systemd-networkd && systemctl start systemd-networkd`;

describe('from', () => {
  it.each([
    ['ifupdown', ifupdown],
    ['NetworkManager', 'systemctl -q enable NetworkManager && systemctl start NetworkManager && nm-online -q'],
    ['dhcpcd', dhcpcd],
    ['netplan', netplan],
    ['cloud-init', cloudInit],
  ])(
    '%s: at the installation; back by --undo; again, and as after a boot; the session goes on',
    async (name, setUp) => {
      host = await MachineHost.boot();
      await run(
        'systemctl stop systemd-resolved; echo "nameserver 169.254.169.253" > /tmp/r; mv /tmp/r /etc/resolv.conf',
      );
      await run(setUp);
      await host.until('it has the address', 'ip -4 -br address show dev ens5 | grep 10.0.1.10');
      await host.until('it has a way out', 'ping -c 1 -W 1 198.51.100.10');
      await host.startSession();

      const startMs = performance.now();
      const said = await host.install();
      expect(said).toMatch(/^link \/etc\/resolv\.conf/m);
      expect(said).toMatch(/^Done\./m);
      const installSeconds = Math.round((performance.now() - startMs) / 1000);
      expect(await run('systemctl is-active systemd-networkd enid')).toBe('active\nactive\n');
      expect(await run('readlink -f /etc/resolv.conf')).toBe('/run/systemd/resolve/resolv.conf\n');
      await host.configured(1);
      // For the next boot.
      await host.until('its files are kept', 'ls /var/lib/enid/network/* | grep 70-ens5.network');
      const gaps = [(await host.readSession()).longestGapSeconds];

      await run('enid takeover --undo');
      await host.until('the one before has the address', 'ip -4 -br address show dev ens5 | grep 10.0.1.10');
      expect(await run('systemctl is-enabled enid; cat /etc/resolv.conf; true')).toMatch(/disabled|masked/);
      await run('[ ! -e /var/lib/enid/takeover ]');
      gaps.push((await host.readSession()).longestGapSeconds);

      expect(await run('enid takeover --dry-run')).toMatch(
        new RegExp(`configured by: ${name === 'cloud-init' ? '' : name}`),
      );
      expect(await run('enid takeover')).toMatch(/^Done\./m);
      expect(await run('enid takeover')).toMatch(/already/);
      await host.configured(1);
      gaps.push((await host.readSession()).longestGapSeconds);
      console.log(
        `${name}: installed in ${installSeconds} s; longest gap of the session then, at undo, takeover: ${gaps.join(', ')} s`,
      );

      const taken = await readNetwork();
      await host.machine.reboot();
      await host.configured(1);
      await run('systemctl start network-online.target');
      expect(await readNetwork()).toBe(taken);

      const purged = await run('apt-get purge -y enid');
      expect(purged).toMatch(/before enid is in \/var\/backups\/enid/);
      expect(purged).toMatch(/81-ec2-all\.network stays/);
      await run('[ -n "$(ls -A /var/backups/enid/files)" ] && [ ! -e /var/lib/enid ] && ping -c 1 -W 2 198.51.100.10');
    },
    machineMs,
  );
});

it(
  'goes back by itself where the metadata service is not reached afterwards, and the session goes on',
  async () => {
    host = await MachineHost.boot();
    await host.install();
    await run(ifupdown);
    await host.startSession();
    const before = await run('cat /etc/network/interfaces');
    // Whoever started it is gone by then, and nobody reads what it says.
    await run("systemd-run --unit=takeover bash -o pipefail -c 'enid takeover | head -n 1'");
    await host.until('it has begun', '[ -e /var/lib/enid/takeover/record.json ]');
    await host.vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
    await host.until('it has gone back', 'systemctl is-failed takeover', 240);
    expect(await run('cat /etc/network/interfaces')).toBe(before);
    expect(await run('systemctl is-active systemd-networkd enid; true')).toBe('inactive\ninactive\n');
    expect(await run('journalctl -u takeover -o cat')).toMatch(/the takeover failed and was rolled back/);
    await host.readSession();
  },
  machineMs,
);

it(
  'is refused where an address is static: the ENI stays with its manager, over a boot, too, until a person decides',
  async () => {
    host = await MachineHost.boot();
    const stanza = 'iface ens5 inet static\\n address 10.0.1.10/24\\n gateway 10.0.1.1\\n';
    await run(`printf 'auto lo\\niface lo inet loopback\\nauto ens5\\n${stanza}' > /etc/network/interfaces
systemctl -q enable networking systemd-networkd && systemctl start networking systemd-networkd`);
    await host.until('it has a way out', 'ping -c 1 -W 1 198.51.100.10');
    const said = await host.install();
    expect(said).toMatch(/expected dhcp or auto/);
    expect(said).not.toMatch(/^Done\./m);
    expect(await run('systemctl is-enabled enid; systemctl is-active enid; true')).toBe('disabled\ninactive\n');

    await host.machine.reboot();
    await host.until('it has a way out', 'ping -c 1 -W 1 198.51.100.10');
    await run('networkctl --no-pager list ens5 | grep unmanaged');
    expect(await run('ip -4 -o address show dev ens5')).toMatch(/10\.0\.1\.10\/24.* valid_lft forever/);
    await host.startSession();

    expect(await run('enid takeover --force')).toMatch(/^Done\./m);
    await host.configured(1);
    await run('[ ! -L /etc/systemd/network/80-ec2.network ]');
    expect(await run('enid takeover --undo')).toMatch(/Restored/);
    await host.until('the one before has the address', "ip -4 -o address show dev ens5 | grep '10.0.1.10/24.*forever'");
    await run('[ -L /etc/systemd/network/80-ec2.network ]');
    await host.readSession();
    await run('apt-get remove -y enid && [ ! -L /etc/systemd/network/80-ec2.network ]');
  },
  machineMs,
);

it(
  'from amazon-ec2-net-utils: apt replaces it, and its secondary addresses stay',
  async () => {
    host = await MachineHost.boot();
    await run('systemctl -q enable systemd-networkd && systemctl start systemd-networkd');
    // Its file for the link is its 80-ec2.network, for ENA's driver, under another name.
    const driver = '/etc/systemd/network/70-ens5.network.d/driver.conf';
    await host.machine.writeFile(driver, '[Match]\nDriver=virtio_net\n');
    await run('apt-get install -y /opt/amazon-ec2-net-utils*.deb');
    await run('networkctl reload; networkctl reconfigure ens5; systemctl start policy-routes@ens5.service');
    await host.until('it has the addresses', 'ip -4 -br address show dev ens5 | grep 10.0.1.10 | grep 10.0.1.11');
    await run(`rm ${driver}`);
    await host.startSession();
    const said = await host.install();
    expect(said).toMatch(/Removing amazon-ec2-net-utils/);
    await host.configured(1);
    const addresses = await run('ip -4 -br address show dev ens5');
    for (const address of ['10.0.1.10/24', '10.0.1.11/32']) expect(addresses).toContain(address);
    console.log(`amazon-ec2-net-utils: longest gap of the session: ${(await host.readSession()).longestGapSeconds} s`);
  },
  machineMs,
);
