/**
 * Other programs that make rules, routes and links, the real ones: Docker with published ports,
 * podman, WireGuard as wg-quick sets it up. Their traffic goes on beside enid's, and enid's beside
 * theirs, as docs/containers.md tells.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readGuideBlock } from '../../fixtures/guide.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
const run = (command: string) => host.machine.check(command, machineMs);
const config = 'drivers: [virtio_net]\nimds: { interval: 5s, timeout: 3s }\n';
const own = [...(primary.ipv4 ?? []), ...(alone.ipv4 ?? [])];

/** Those of the addresses whose port does not answer the far host with a page of the container. */
async function findDeaf(addresses: readonly string[], port: number): Promise<string[]> {
  const deaf: string[] = [];
  for (const address of addresses) {
    const ask = `exec 3<>/dev/tcp/${address}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q 'of the container' <&3`;
    const { code } = await host.vpc.far.run(['timeout', '5', 'bash', '-c', ask]);
    if (code !== 0) deaf.push(address);
  }
  return deaf;
}

async function answersPing(address: string): Promise<boolean> {
  return (await host.vpc.far.run(['ping', '-c', '1', '-W', '3', address])).code === 0;
}

async function expectAllAnswer(): Promise<void> {
  for (const address of own) expect([address, await answersPing(address)]).toEqual([address, true]);
}

/** What the programs have in the kernel; counters left out. */
const readOthers = () => run("iptables-save | grep -v '^[#:]'; ip -br link; ip rule; ip route");

beforeAll(async () => {
  host = await MachineHost.boot();
  await run('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  await host.machine.attach(alone);
  await host.machine.writeFile('/etc/enid/config.yaml', config);
  await host.machine.reboot();
  await host.configured(2);
  await run(
    `mkdir -p /root/image/bin /root/image/www && cp /bin/busybox /root/image/bin/ && echo 'of the container' > /root/image/www/index.html
     tar -C /root/image -cf /root/image.tar .`,
  );
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

describe('Docker', () => {
  beforeAll(async () => {
    await run('systemctl start docker && docker import /root/image.tar page');
    await run('docker run -d --name page --publish 8080:80 page /bin/busybox httpd -f -p 80 -h /www');
  }, machineMs);

  it(
    'a published port answers on every address of the primary, and a container reaches the world',
    async () => {
      expect(await findDeaf(primary.ipv4 ?? [], 8080)).toEqual([]);
      await run('docker run --rm page /bin/busybox ping -c 1 -W 5 198.51.100.10');
      await expectAllAnswer();
    },
    machineMs,
  );

  it(
    'answers on the other ENI once what came in by it is marked, as the guide tells',
    async () => {
      expect(await findDeaf(alone.ipv4 ?? [], 8080)).toEqual(alone.ipv4);
      await host.machine.writeFile('/root/marks.nft', readGuideBlock('containers.md', 'nft'));
      await host.machine.writeFile('/etc/enid/config.yaml', config + readGuideBlock('containers.md', 'yaml'));
      await run('nft -f /root/marks.nft && systemctl reload enid');
      await host.until('the rule', 'ip rule | grep "fwmark 0x6"');
      expect(await findDeaf(own, 8080)).toEqual([]);
      await expectAllAnswer();
    },
    machineMs,
  );

  it(
    'what Docker made stays as it is, while enid restarts and addresses come and go',
    async () => {
      const before = await readOthers();
      await run('systemctl restart enid');
      await host.vpc.assign(alone.id, { ipv4: ['10.0.2.24'] });
      await host.until('it is there', 'ip -4 address show dev ens6 | grep 10.0.2.24/32');
      expect(await findDeaf(['10.0.2.24'], 8080)).toEqual([]);
      await host.vpc.unassign(alone.id, { ipv4: ['10.0.2.24'] });
      await host.until('it is gone', '! ip -4 address show dev ens6 | grep 10.0.2.24/32');
      await host.configured(2);
      expect(await readOthers()).toBe(before);
      expect(await run('enid plan')).toMatch(/Converged/);
      expect(await findDeaf(own, 8080)).toEqual([]);
    },
    machineMs,
  );

  it(
    'stops without a trace in what enid has',
    async () => {
      await run('docker rm -f page && systemctl stop docker.socket docker containerd && ip link del docker0');
      // Docker leaves its chains, and that nothing is forwarded but what they let through.
      await run('nft flush ruleset');
      await host.machine.writeFile('/etc/enid/config.yaml', config);
      await run('systemctl reload enid');
      await expectAllAnswer();
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );
});

it(
  'podman: a published port answers on the primary, and goes with its container',
  async () => {
    await run('podman import /root/image.tar page');
    await run('podman run -d --name page --publish 8082:80 page /bin/busybox httpd -f -p 80 -h /www');
    expect(await findDeaf(primary.ipv4 ?? [], 8082)).toEqual([]);
    await expectAllAnswer();
    await run('systemctl restart enid');
    await host.configured(2);
    expect(await run('enid plan')).toMatch(/Converged/);
    expect(await findDeaf(primary.ipv4 ?? [], 8082)).toEqual([]);
    await run('podman rm -f -t 0 page');
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
    await host.machine.attach(withPrefixes);
    await host.configured(3);
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
      await host.machine.writeFile(
        '/etc/enid/config.yaml',
        `${config}interfaces: [{ match: { device: 0 }, rules: standard }]\n`,
      );
      await run('systemctl reload enid');
      await host.until('rules of the primary', 'ip rule | grep "lookup 10000"');
      await expectAllAnswer();
      await host.machine.writeFile('/etc/enid/config.yaml', config);
      await run('systemctl reload enid && wg-quick down wg0');
      expect(await run('ip rule')).not.toMatch(/51820/);
      await expectAllAnswer();
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );
});
