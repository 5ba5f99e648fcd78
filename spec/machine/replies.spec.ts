/**
 * Replies of translated connections, beside what other programs put into the kernel: kube-proxy's
 * rules for NodePorts, a NAT instance's port forwards, marks of others on the same packets, and
 * firewalld itself with Docker. What is asked, and what answers, is outside: each answer has passed
 * the source check of the ENI that it left by.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { PublishedPorts } from '../../fixtures/vpc/published.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { echoContainer, echoPath, writeEcho } from './echo.ts';
import { MachineHost, machineMs } from './host.ts';

let host: MachineHost;
let published: PublishedPorts;
const run = (command: string) => host.machine.check(command, machineMs);
const config = 'drivers: [virtio_net]\nimds: { interval: 5s, timeout: 3s }\n';
const enis = [primary, alone, withPrefixes];
const protocols = ['tcp', 'udp'] as const;
const families = [
  { restore: 'iptables-restore', pod: '10.244.0.5', target: '10.244.0.5:80', pods: '10.244.0.0/24' },
  { restore: 'ip6tables-restore', pod: 'fd44::5', target: '[fd44::5]:80', pods: 'fd44::/64' },
] as const;
type Family = (typeof families)[number];

/** A host behind a link that is no ENI: a pod, or what a NAT instance forwards to. */
const pod = `
ip netns add pod
ip link add pod0 type veth peer name eth0 netns pod
ip address add 10.244.0.1/24 dev pod0 && ip address add fd44::1/64 dev pod0 nodad && ip link set pod0 up
ip -n pod link set lo up && ip -n pod link set eth0 up
ip -n pod address add 10.244.0.5/24 dev eth0 && ip -n pod address add fd44::5/64 dev eth0 nodad
ip -n pod route add default via 10.244.0.1 && ip -n pod -6 route add default via fd44::1
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
systemd-run -q --collect --unit=pod ip netns exec pod perl ${echoPath}`;

/** As kube-proxy in mode iptables: NodePort 30080 has the policy Cluster, 30081 Local. */
function kubeProxy({ pod: address, target, pods }: Family): string {
  const services = protocols.flatMap((protocol) => {
    const [id, own] = [protocol.toUpperCase(), `-p ${protocol} -m ${protocol}`];
    return [
      `-A KUBE-NODEPORTS ${own} --dport 30080 -j KUBE-EXT-CLUSTER${id}`,
      `-A KUBE-NODEPORTS ${own} --dport 30081 -j KUBE-EXT-LOCAL${id}`,
      `-A KUBE-EXT-CLUSTER${id} -j KUBE-MARK-MASQ`,
      `-A KUBE-EXT-CLUSTER${id} -j KUBE-SVC-${id}`,
      `-A KUBE-EXT-LOCAL${id} -s ${pods} -j KUBE-SVC-${id}`,
      `-A KUBE-EXT-LOCAL${id} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
      `-A KUBE-EXT-LOCAL${id} -m addrtype --src-type LOCAL -j KUBE-SVC-${id}`,
      `-A KUBE-EXT-LOCAL${id} -j KUBE-SVL-${id}`,
      `-A KUBE-SVC-${id} -j KUBE-SEP-${id}`,
      `-A KUBE-SVL-${id} -j KUBE-SEP-${id}`,
      `-A KUBE-SEP-${id} -s ${address} -j KUBE-MARK-MASQ`,
      `-A KUBE-SEP-${id} ${own} -j DNAT --to-destination ${target}`,
    ];
  });
  const chains = protocols.flatMap((protocol) =>
    ['EXT-CLUSTER', 'EXT-LOCAL', 'SVC-', 'SVL-', 'SEP-'].map((name) => `KUBE-${name}${protocol.toUpperCase()}`),
  );
  return `*nat
${['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', ...chains].map((name) => `:${name} - [0:0]`).join('\n')}
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
${services.join('\n')}
COMMIT
`;
}

async function restore(text: (family: Family) => string): Promise<void> {
  for (const family of families) {
    await host.machine.writeFile('/root/rules', text(family));
    await run(`${family.restore} --noflush /root/rules`);
  }
}

async function configure(text: string): Promise<void> {
  await host.machine.writeFile('/etc/enid/config.yaml', text);
  await run('systemctl reload enid');
}

const hasTable = 'nft list map inet enid source4 && nft list map inet enid source6';

/** Of the primary and the others, those that answer the far host at all. */
function listHeard(lost: readonly string[], port: number): string[] {
  const addresses = enis.flatMap(({ ipv4 = [], ipv6 = [] }) => [...ipv4, ...ipv6]);
  const far = (address: string) => (address.includes(':') ? farAddresses.ipv6 : farAddresses.ipv4);
  return addresses.filter((address) =>
    protocols.some((protocol) => !lost.includes(`${protocol} ${far(address)} ${address} ${port}`)),
  );
}

beforeAll(async () => {
  host = await MachineHost.boot();
  await run('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  for (const eni of [alone, withPrefixes]) await host.machine.attach(eni);
  await host.machine.writeFile('/etc/enid/config.yaml', config);
  await host.machine.reboot();
  await host.configured(3);
  await writeEcho(host);
  published = await PublishedPorts.open(host.vpc, 15_000);
  await run(pod);
  for (const address of ['10.244.0.5', 'fd44::5'])
    await host.until('the pod', `bash -c "exec 3<>/dev/tcp/${address}/80"`);
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

describe('rules of kube-proxy, by hand', () => {
  beforeAll(async () => {
    await configure(`${config}replies: off\n`);
    await restore(kubeProxy);
    await host.until('no table', '! nft list table inet enid');
  }, machineMs);

  it.each([
    ['Cluster (masqueraded)', 30080],
    ['Local (the source kept)', 30081],
  ])(
    'a NodePort of externalTrafficPolicy %s: `replies: off`, the primary alone answers the far host',
    async (_, port) => {
      const heard = [...(primary.ipv4 ?? []), ...(primary.ipv6 ?? [])];
      expect(listHeard(await published.listLost(port), port)).toEqual(heard);
    },
    machineMs,
  );

  it(
    'by default both answer on every address of every ENI, to everybody',
    async () => {
      await configure(config);
      await host.until('the table', hasTable);
      await host.configured(3);
      expect(await published.listLost(30080)).toEqual([]);
      expect(await published.listLost(30081)).toEqual([]);
      // Cluster is masqueraded, Local is not: the kernel remembers to whom the pod answers.
      const sources = async (port: number) =>
        await run(`grep 'dport=${port} ' /proc/net/nf_conntrack | grep -o 'src=10.244.0.5 dst=[0-9.]*' | sort -u`);
      expect((await sources(30080)).trim()).toBe('src=10.244.0.5 dst=10.244.0.1');
      expect(await sources(30081)).toContain(`dst=${farAddresses.ipv4}\n`);
    },
    machineMs,
  );
});

it(
  'marks of other programs on the same packets stay, set before enid’s or after them',
  async () => {
    // The VPC CNI's, Cilium's and Tailscale's bits; the last ones are set again behind enid's.
    await restore(
      ({ pod: address }) => `*mangle
:KEPT - [0:0]
-A PREROUTING -i pod0 -j MARK --set-xmark 0x80/0x80
-A PREROUTING -i pod0 -j MARK --set-xmark 0x200/0xf00
-A PREROUTING -i pod0 -j MARK --set-xmark 0x80000/0xff0000
-A POSTROUTING -s ${address} -m conntrack --ctdir REPLY -m mark --mark 0x40280/0xff0f80 -j KEPT
-A POSTROUTING -s ${address} -m conntrack --ctdir REPLY -m mark ! --mark 0x40280/0xff0f80 -j DROP
-A KEPT -m mark ! --mark 0x1000/0x1000 -j DROP
-A KEPT -j ACCEPT
COMMIT
`,
    );
    await run(`nft -f - <<'EOF'
table inet later {
  chain prerouting {
    type filter hook prerouting priority -80
    iifname "pod0" meta mark set meta mark & 0xff00ffff | 0x00040000
  }
}
EOF`);
    expect(await published.listLost(30080)).toEqual([]);
    expect(await published.listLost(30081)).toEqual([]);
    const kept = await run('(iptables-save -c -t mangle; ip6tables-save -c -t mangle) | grep -- "-A KEPT -j ACCEPT"');
    expect(kept.trim().split('\n')).toEqual([expect.stringMatching(/^\[\d{3,}:/), expect.stringMatching(/^\[\d{3,}:/)]);
    await run('nft delete table inet later; iptables -t mangle -F; ip6tables -t mangle -F');
  },
  machineMs,
);

describe('a NAT instance’s port forward, without masquerade', () => {
  const forward = (port: number, target: string, destination = '') =>
    protocols
      .map((name) => `-A PREROUTING ${destination} -p ${name} --dport ${port} -j DNAT --to ${target}\n`)
      .join('');

  it(
    'on the primary’s address, to a host behind another link',
    async () => {
      await run(`iptables-restore --noflush <<'EOF'
*nat
${forward(9000, '10.244.0.5:80', '-d 10.0.1.10')}COMMIT
EOF`);
      expect(await published.listLost(9000, ['10.0.1.10'])).toEqual([]);
      await configure(`${config}replies: off\n`);
      await host.until('no table', '! nft list table inet enid');
      // Main leads to the other subnets by their ENIs.
      expect(await published.listLost(9000, ['10.0.1.10'])).toEqual(
        ['10.0.2.200', '10.0.3.200'].flatMap((from) => protocols.map((name) => `${name} ${from} 10.0.1.10 9000`)),
      );
      await configure(config);
      await host.until('the table', hasTable);
    },
    machineMs,
  );

  it(
    'on every ENI’s address, to a host of the VPC behind a secondary ENI',
    async () => {
      const inner = await host.vpc.plugInner(alone.id, { address: '10.0.9.9', gateway: '10.0.9.1' });
      const script = `require('net').createServer((socket) => socket.pipe(socket)).listen(80, '0.0.0.0');
const udp = require('dgram').createSocket('udp4').bind(80, '0.0.0.0');
udp.on('message', (text, { port, address }) => udp.send(text, port, address));`;
      inner.spawn([process.execPath, '-e', script]);
      await run(`iptables-restore --noflush <<'EOF'
*nat
${forward(9001, '10.0.9.9:80', '-m addrtype --dst-type LOCAL')}COMMIT
EOF`);
      const inward = `${config}interfaces: [{ match: { name: ens6 }, routes: [{ to: 10.0.9.0/24 }] }]\n`;
      await configure(inward);
      await host.until('the way to it', 'ip route | grep "10.0.9.0/24 via 10.0.2.1 dev ens6"');
      await host.until('its answer', 'bash -c "exec 3<>/dev/tcp/10.0.9.9/80"');
      // The source check of `alone` is off, as a NAT instance needs it: the others' are the judges.
      const addresses = [...(primary.ipv4 ?? []), ...(withPrefixes.ipv4 ?? [])];
      expect(await published.listLost(9001, addresses)).toEqual([]);
      await configure(`${inward}replies: off\n`);
      await host.until('no table', '! nft list table inet enid');
      expect(listHeard(await published.listLost(9001, addresses), 9001)).not.toContain('10.0.3.40');
      await configure(config);
      await host.until('the table', hasTable);
    },
    machineMs,
  );
});

describe('firewalld with its default zone, and Docker', () => {
  beforeAll(async () => {
    await run('nft flush ruleset; systemctl start firewalld');
    await host.machine.writeFile(
      '/etc/docker/daemon.json',
      JSON.stringify({ ipv6: true, 'fixed-cidr-v6': 'fd17::/64', ip6tables: true, experimental: true }),
    );
    await run('systemctl start docker && docker import /root/image.tar page');
    await run(`docker run -d --name page --publish 8080:80/tcp --publish 8080:80/udp ${echoContainer}`);
    for (const protocol of protocols)
      await run(`firewall-cmd -q --add-forward-port=port=8090:proto=${protocol}:toport=80:toaddr=10.244.0.5`);
    await host.until('the table', hasTable);
  }, machineMs);

  it(
    'IPv4: published ports and forward-ports answer on every address of every ENI',
    async () => {
      expect(await run('firewall-cmd --get-default-zone')).toBe('public\n');
      const ipv4 = enis.flatMap((eni) => eni.ipv4 ?? []);
      expect(await published.listLost(8080, ipv4)).toEqual([]);
      expect(await published.listLost(8090, ipv4)).toEqual([]);
    },
    machineMs,
  );

  it(
    'IPv6: its strict filter drops what comes to secondary ENIs; doctor says what to set, and then all answer',
    async () => {
      const heard = async () => listHeard(await published.listLost(8080), 8080).filter((one) => one.includes(':'));
      const setFilter = async (setting: string, file = '/etc/firewalld/firewalld.conf') => {
        await run(`sed -i 's/^IPv6_rpfilter=.*/${setting}/' ${file} && systemctl restart firewalld`);
        // TCP and UDP, each with its rule in `filter` last.
        await host.until('Docker’s rules', '[ "$(ip6tables-save | grep -c -- "--dport 80 -j ACCEPT")" = 2 ]');
      };
      expect(await heard()).toEqual(primary.ipv6);
      // firewalld asks after the translation: what is for the host itself passes by the rules for
      // its source.
      const ping = ['ping', '-c', '1', '-W', '5', '2001:db8:0:2::20'];
      expect((await host.vpc.far.run(ping)).code).toBe(0);
      const doctor = (await host.machine.run('enid doctor')).stdout;
      expect(doctor).toMatch(/warning +replies +firewalld drops IPv6 packets/);
      const [major = 0, minor = 0] = (await run('firewall-cmd --version')).split('.').map(Number);
      if (major < 2 || (major === 2 && minor < 2)) {
        // Not known to it, so strict.
        await setFilter('IPv6_rpfilter=loose');
        expect(await heard()).toEqual(primary.ipv6);
      }
      const [, setting, file] = /(IPv6_rpfilter=\w+)\b.* in (\S+firewalld\.conf)/.exec(doctor) ?? [];
      await setFilter(setting ?? '', file);
      expect(await published.listLost(8080)).toEqual([]);
      expect((await host.vpc.far.run(ping)).code).toBe(0);
      expect((await host.machine.run('enid doctor')).stdout).toMatch(/ok +replies /);
      expect(await run('enid plan')).toMatch(/Converged/);
    },
    machineMs,
  );
});
