/**
 * Other programs that make rules, routes and links, the real ones: Docker with published ports,
 * podman, WireGuard as wg-quick sets it up. Their traffic goes on beside enid's, and enid's beside
 * theirs, as docs/containers.md tells.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readGuideBlock } from '../../fixtures/guide.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { PublishedPorts } from '../../fixtures/vpc/published.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { echoContainer, writeEcho } from './echo.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
let published: PublishedPorts;
const run = (command: string) => host.machine.check(command, machineMs);
const config = 'drivers: [virtio_net]\nimds: { interval: 5s, timeout: 3s }\n';
const own = [...(primary.ipv4 ?? []), ...(alone.ipv4 ?? [])];

const containerListens = (program: string) =>
  `bash -c "exec 3<>/dev/tcp/$(${program} inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' page)/80"`;

async function configure(text: string): Promise<void> {
  await host.machine.writeFile('/etc/enid/config.yaml', text);
  await run('systemctl reload enid');
}

/** Every answer has passed the source check of the ENI that it left by. */
async function expectPublished(port: number): Promise<void> {
  await host.until('the table', 'nft list map inet enid source4 && nft list map inet enid source6');
  expect(await published.listLost(port)).toEqual([]);
}

async function answersPing(address: string): Promise<boolean> {
  return (await host.vpc.far.run(['ping', '-c', '1', '-W', '3', address])).code === 0;
}

async function expectAllAnswer(): Promise<void> {
  for (const address of own) expect([address, await answersPing(address)]).toEqual([address, true]);
}

/** What the programs have in the kernel; counters left out. */
const readOthers = () =>
  run(`(iptables-save; ip6tables-save) | sed '/^#/d; s/\\[.*]//'
    ip -br link; ip rule; ip -6 rule; ip route; ip -6 route show table main | sed 's/ expires [0-9]*sec//'`);

beforeAll(async () => {
  host = await MachineHost.boot();
  await run('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  await host.machine.attach(alone);
  await host.machine.writeFile('/etc/enid/config.yaml', config);
  await host.machine.reboot();
  await host.configured(2);
  await writeEcho(host);
  published = await PublishedPorts.open(host.vpc, 15_000);
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

describe('Docker', () => {
  beforeAll(async () => {
    await host.machine.writeFile(
      '/etc/docker/daemon.json',
      // Until Docker 27, rules for IPv6 are among its experiments.
      JSON.stringify({ ipv6: true, 'fixed-cidr-v6': 'fd17::/64', ip6tables: true, experimental: true }),
    );
    await run('systemctl start docker && docker import /root/image.tar page');
    await run(
      `docker run -d --restart always --name page --publish 8080:80/tcp --publish 8080:80/udp ${echoContainer}`,
    );
    await host.until('the container', containerListens('docker'));
  }, machineMs);

  it(
    'a published port answers on every address of every ENI, by TCP and UDP, in both families, to everybody',
    async () => {
      expect(await run('iptables-save -t nat; ip6tables-save -t nat')).toMatch(/DNAT.*172\.17\.[\s\S]*DNAT.*fd17::/);
      await expectPublished(8080);
      await run('docker run --rm page /bin/busybox ping -c 1 -W 5 198.51.100.10');
      await expectAllAnswer();
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );

  it(
    'with `replies: off` it answers on the primary alone, and there not to the other ENI’s subnet',
    async () => {
      await configure(`${config}replies: off\n`);
      await host.until('the end of the table', '! nft list table inet enid');
      const lost = await published.listLost(8080);
      const isLost = (source: string, address: string) =>
        ['tcp', 'udp'].map((protocol) => lost.includes(`${protocol} ${source} ${address} 8080`));
      for (const address of alone.ipv4 ?? []) expect(isLost(farAddresses.ipv4, address)).toEqual([true, true]);
      for (const address of alone.ipv6 ?? []) expect(isLost(farAddresses.ipv6, address)).toEqual([true, true]);
      for (const address of primary.ipv4 ?? []) expect(isLost(farAddresses.ipv4, address)).toEqual([false, false]);
      expect(isLost('10.0.2.200', '10.0.1.10')).toEqual([true, true]);
      await configure(config);
      await expectPublished(8080);
    },
    machineMs,
  );

  it(
    'what Docker made stays byte for byte, and a connection goes on, while enid restarts and addresses come and go',
    async () => {
      const before = await readOthers();
      const endSession = published.openSession(8080, '10.0.2.20');
      await run('systemctl restart enid');
      await host.vpc.assign(alone.id, { ipv4: ['10.0.2.24'], ipv6: ['2001:db8:0:2::24'] });
      await host.until('it is there', 'nft list map inet enid source4 | grep -F "10.0.2.24 :"');
      await host.until('the other one', 'nft list map inet enid source6 | grep -F 2001:db8:0:2::24');
      await expectPublished(8080);
      await host.vpc.unassign(alone.id, { ipv4: ['10.0.2.24'], ipv6: ['2001:db8:0:2::24'] });
      await host.until('it is gone', '! ip address show dev ens6 | grep -E "10.0.2.24/|2001:db8:0:2::24/"');
      await host.configured(2);
      const { answers, longestMs } = await endSession();
      expect(answers).toBeGreaterThan(50);
      expect(longestMs).toBeLessThan(10_000);
      expect(await readOthers()).toBe(before);
      expect(await run('enid plan')).toMatch(/Converged/);
      await expectPublished(8080);
    },
    machineMs,
  );

  it(
    'an ENI that is attached later answers, and so does everything after a restart of Docker',
    async () => {
      await host.machine.attach(withPrefixes);
      await host.configured(3);
      await host.until('its address', 'nft list map inet enid source6 | grep -F 2001:db8:0:3::40');
      await expectPublished(8080);
      const table = await run('nft list table inet enid; ip rule; ip -6 rule');
      await run('systemctl restart docker');
      await host.until('the container', containerListens('docker'));
      await expectPublished(8080);
      expect(await run('nft list table inet enid; ip rule; ip -6 rule')).toBe(table);
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );

  it(
    'stops without a trace in what enid has',
    async () => {
      await run('docker rm -f page && systemctl stop docker.socket docker containerd && ip link del docker0');
      // Docker leaves its chains, and that nothing is forwarded but what they let through. The
      // table of enid goes with them, and is repaired.
      await run('nft flush ruleset');
      await host.until('the table', 'nft list table inet enid');
      await expectAllAnswer();
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );
});

it(
  'podman: a published port answers on every address of every ENI, also after a restart of enid, and goes with its container',
  async () => {
    await run(
      `podman import /root/image.tar page
       podman network create --disable-dns --ipv6 --subnet 10.89.7.0/24 --subnet fd18::/64 pages`,
    );
    expect(await run("podman info -f '{{.Host.NetworkBackend}}'")).toBe('netavark\n');
    await run(`podman run -d --name page --network pages --publish 8082:80/tcp --publish 8082:80/udp ${echoContainer}`);
    await host.until('the container', containerListens('podman'));
    await expectPublished(8082);
    await expectAllAnswer();
    const before = await readOthers();
    const endSession = published.openSession(8082, '10.0.3.40');
    await run('systemctl restart enid');
    await host.configured(3);
    expect(await run('enid plan')).toMatch(/Converged/);
    expect((await endSession()).longestMs).toBeLessThan(10_000);
    expect(await readOthers()).toBe(before);
    await expectPublished(8082);
    await run('podman rm -f -t 0 page');
    expect(await published.listLost(8082, ['10.0.1.10', '10.0.2.20'])).toHaveLength(16);
    expect(await run('enid plan')).toMatch(/Converged/);
  },
  machineMs,
);

/**
 * The other end of the tunnel is a host of the VPC with an ENI of its own: this machine's third, in
 * another namespace.
 */
const site = `ip netns add site
ip link set ens8 netns site
ip -n site link set lo up && ip -n site address add 10.0.3.40/24 dev ens8 && ip -n site link set ens8 up
ip -n site route add default via 10.0.3.1
umask 77; mkdir -p /etc/wireguard; cd /etc/wireguard
wg genkey > host.key; wg genkey > site.key
ip -n site link add wg0 type wireguard
ip netns exec site wg set wg0 listen-port 51820 private-key site.key peer "$(wg pubkey < host.key)" allowed-ips 10.99.0.1/32
ip -n site address add 10.99.0.2/24 dev wg0 && ip -n site link set wg0 up
ip netns exec site sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; iptables -t nat -A POSTROUTING -o ens8 -j MASQUERADE'`;
const tunnel = (allowed: string, more = '') => `cat > /etc/wireguard/wg0.conf <<EOF
[Interface]
Address = 10.99.0.1/24
ListenPort = 51820
${more}PrivateKey = $(cat /etc/wireguard/host.key)
[Peer]
PublicKey = $(wg pubkey < /etc/wireguard/site.key)
Endpoint = 10.0.3.40:51820
AllowedIPs = ${allowed}
EOF
wg-quick up wg0`;

describe('WireGuard', () => {
  beforeAll(async () => {
    await run(site);
  }, machineMs);

  it(
    'a tunnel that the other end begins at an address of a secondary ENI is answered by that ENI',
    async () => {
      await run(tunnel('10.99.0.2/32'));
      await run('ip netns exec site wg set wg0 peer "$(wg pubkey < /etc/wireguard/host.key)" endpoint 10.0.2.21:51820');
      const dropped = await host.vpc.countDropped(primary.id);
      await host.until('the tunnel', 'ip netns exec site ping -c 1 -W 2 10.99.0.1');
      expect(await host.vpc.countDropped(primary.id)).toBe(dropped);
      expect(await run('ip netns exec site wg show wg0 endpoints')).toContain('10.0.2.21:51820');
      await run('systemctl restart enid && ip netns exec site ping -c 1 -W 5 10.99.0.1');
      expect(await run('enid plan')).toMatch(/Converged/);
      await run('wg-quick down wg0');
    },
    machineMs,
  );

  it(
    'everything by the tunnel (AllowedIPs = 0.0.0.0/0): its rules stay, a secondary ENI answers by itself, enid reads on',
    async () => {
      await run(tunnel('0.0.0.0/0', readGuideBlock('containers.md', 'ini')));
      await run('ping -c 1 -W 5 198.51.100.10');
      expect(await run('ip route get 198.51.100.10')).toContain('dev wg0');
      for (const address of alone.ipv4 ?? []) expect([address, await answersPing(address)]).toEqual([address, true]);
      const rules = await run('ip rule');
      expect(rules).toMatch(/^32001:\tnot from all fwmark 0xca6c lookup 51820/m);
      await host.vpc.assign(alone.id, { ipv4: ['10.0.2.24'] });
      await host.until('an address that is assigned meanwhile', 'ip -4 address show dev ens6 | grep 10.0.2.24/32');
      expect(await answersPing('10.0.2.24')).toBe(true);
      await host.vpc.unassign(alone.id, { ipv4: ['10.0.2.24'] });
      await host.until('its end', '! ip -4 address show dev ens6 | grep 10.0.2.24/32');
      await run('systemctl restart enid');
      await host.configured(2);
      expect(await run('ip rule')).toBe(rules);
      expect(await answersPing('10.0.1.11')).toBe(false);
      await configure(`${config}interfaces: [{ match: { device: 0 }, rules: classic }]\n`);
      await host.until('rules of the primary', 'ip rule | grep "from 10.0.1.11 lookup 10000"');
      await expectAllAnswer();
      await configure(config);
      await run('wg-quick down wg0');
      expect(await run('ip rule')).not.toMatch(/51820/);
      await expectAllAnswer();
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );
});
