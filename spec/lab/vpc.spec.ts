/** The simulated VPC itself: whatever the other lab tests rely on is true. */

import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { imdsAddresses, resolverAddresses } from '../../fixtures/vpc/addresses.ts';
import { Guard } from '../../fixtures/vpc/guard.ts';
import { Namespace } from '../../fixtures/vpc/namespace.ts';
import { listMissing } from '../../fixtures/vpc/requirements.ts';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';

jest.setTimeout(60_000);

const subnets = [
  { id: 'subnet-a', ipv4: '10.0.1.0/24', ipv6: '2001:db8:0:1::/64' },
  { id: 'subnet-b', ipv4: '10.0.2.0/24', ipv6: null },
  { id: 'subnet-c', ipv4: null, ipv6: '2001:db8:0:3::/64' },
];
const primary = {
  id: 'eni-primary',
  mac: '02:00:00:00:01:05',
  linkName: 'ens5',
  subnetId: 'subnet-a',
  deviceNumber: 0,
  ipv4: ['10.0.1.5'],
  ipv6: ['2001:db8:0:1::5'],
};
const secondary = {
  id: 'eni-secondary',
  mac: '02:00:00:00:01:06',
  linkName: 'ens6',
  subnetId: 'subnet-a',
  deviceNumber: 1,
  ipv4: ['10.0.1.6'],
};

function networkFile(mac: string, metric: number): string {
  return `[Match]
MACAddress=${mac}

[Network]
DHCP=yes
IPv6AcceptRA=yes
IPv6DuplicateAddressDetection=0

[DHCPv4]
RouteMetric=${metric}
UseHostname=no

[DHCPv6]
UseHostname=no

[IPv6AcceptRA]
RouteMetric=${metric}
`;
}

/** Network state of the machine itself, which no test may change. */
async function readMachine(): Promise<string> {
  const commands = [
    'ip -br link',
    'ip -br addr',
    'ip rule',
    'ip -6 rule',
    'ip route',
    'ip -6 route',
    'nft list ruleset',
  ];
  const outputs = await Promise.all(commands.map((command) => runChecked(command.split(' '))));
  const uname = await runChecked(['uname', '-n']);
  return [...outputs, uname, await runChecked(['cat', '/proc/sys/net/ipv4/ip_forward'])].join('\n');
}

/** Reads metadata from within the guest. */
async function readMetadata(vpc: Vpc, host: string, paths: readonly string[]): Promise<unknown> {
  const script = `
    const api = 'http://${host}/latest/';
    const ttl = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await (await fetch(api + 'api/token', { method: 'PUT', headers: ttl })).text();
    const read = async (path) =>
      await (await fetch(api + 'meta-data/' + path, { headers: { 'X-aws-ec2-metadata-token': token } })).text();
    console.log(JSON.stringify(await Promise.all(${JSON.stringify(paths)}.map(read))));
  `;
  return JSON.parse(await vpc.guest.check([process.execPath, '--input-type=module', '-e', script]));
}

/**
 * Every process: its ID, network namespace and command line. Those that end meanwhile are left out.
 */
function listProcesses(): { processId: string; namespace: string; command: string }[] {
  return readdirSync('/proc').flatMap((processId) => {
    if (!/^\d+$/.test(processId)) return [];
    try {
      const namespace = readlinkSync(`/proc/${processId}/ns/net`);
      return [{ processId, namespace, command: readFileSync(`/proc/${processId}/cmdline`, 'utf8') }];
    } catch {
      return [];
    }
  });
}

describe('a VPC with the real networkd', () => {
  let vpc: Vpc;
  let machine: string;
  beforeAll(async () => {
    machine = await readMachine();
    vpc = await Vpc.create({ name: 'spec', subnets });
    await vpc.guest.writeFile('/run/systemd/network/70-ens5.network', networkFile(primary.mac, 512));
    await vpc.guest.networkd.start();
    await vpc.attach(primary);
  });
  afterAll(async () => {
    await vpc?.destroy();
    expect(await readMachine()).toBe(machine);
  });

  it('has all the programs that it asks for', async () => {
    expect(await listMissing()).toEqual([]);
  });

  it('gives the primary an IPv4 lease and the way to the far host', async () => {
    expect(await vpc.reaches('10.0.1.5', { timeoutMs: 5000 })).toBe(true);
    const addresses = await vpc.guest.check(['ip', '-4', '-o', 'addr', 'show', 'dev', 'ens5']);
    expect(addresses).toContain('inet 10.0.1.5/24 metric 512 brd 10.0.1.255 scope global dynamic ens5');
    expect(await vpc.guest.check(['ip', 'route', 'show', 'default'])).toBe(
      'default via 10.0.1.1 dev ens5 proto dhcp src 10.0.1.5 metric 512 \n',
    );
    const link = await vpc.guest.check(['cat', '/sys/class/net/ens5/mtu', '/sys/class/net/ens5/address']);
    expect(link).toBe(`9001\n${primary.mac}\n`);
  });

  it('gives one IPv6 address by DHCPv6, no other, and the default route by router advertisement', async () => {
    expect(await vpc.reaches('2001:db8:0:1::5', { timeoutMs: 8000 })).toBe(true);
    const addresses = await vpc.guest.check(['ip', '-6', '-o', 'addr', 'show', 'dev', 'ens5', 'scope', 'global']);
    expect(addresses.match(/inet6 \S+/g)).toEqual(['inet6 2001:db8:0:1::5/128']);
    expect(await vpc.guest.check(['ip', '-6', 'route', 'show', 'default'])).toMatch(
      /^default via fe80::1 dev ens5 proto ra metric 512 .*\n$/,
    );
  });

  it('answers the metadata service in both families', async () => {
    await vpc.imds.resetRequests();
    for (const host of [imdsAddresses.ipv4, `[${imdsAddresses.ipv6}]`]) {
      expect(await readMetadata(vpc, host, ['mac'])).toEqual([primary.mac]);
    }
    expect(await vpc.imds.requests()).toHaveLength(4);
  });

  it('drops a packet whose source belongs to another ENI, or to none', async () => {
    await vpc.attach(secondary);
    await vpc.guest.namespace.ip(['addr add 10.0.1.6/32 dev ens5', 'addr add 10.0.1.99/32 dev ens5']);
    const before = await vpc.countDropped(primary.id);
    // The address is on the link, and by main it leaves through the primary's port.
    expect(await vpc.reaches('10.0.1.6', { timeoutMs: 300 })).toBe(false);
    expect(await vpc.reaches('10.0.1.99', { timeoutMs: 300 })).toBe(false);
    expect(await vpc.countDropped(primary.id)).toBeGreaterThanOrEqual(before + 2);
    await vpc.guest.namespace.ip(['addr del 10.0.1.6/32 dev ens5', 'addr del 10.0.1.99/32 dev ens5']);
  });

  it('has two ENIs in one subnet, each with its own way out', async () => {
    await vpc.guest.namespace.ip([
      'link set ens6 up',
      'addr add 10.0.1.6/24 dev ens6 noprefixroute',
      'route add 10.0.1.0/24 dev ens6 table 10001',
      'route add default via 10.0.1.1 dev ens6 table 10001',
      'rule add from 10.0.1.6 lookup 10001',
    ]);
    await vpc.addNeighbour('subnet-a', '10.0.1.200');
    expect(await vpc.reaches('10.0.1.6')).toBe(true);
    expect(await vpc.reaches('10.0.1.5')).toBe(true);
    expect(await vpc.reaches('10.0.1.6', { destination: '10.0.1.200' })).toBe(true);
    expect(await vpc.reaches('10.0.1.5', { destination: '10.0.1.200' })).toBe(true);
    expect(await vpc.countDropped(secondary.id)).toBe(0);
  });

  it('assigns and unassigns addresses and prefixes while it runs', async () => {
    const sources = { ipv4: ['10.0.1.7'], ipv4Prefixes: ['10.0.1.16/28'], ipv6Prefixes: ['2001:db8:0:1:1::/80'] };
    await vpc.assign(secondary.id, sources);
    await vpc.guest.namespace.ip([
      'addr add 10.0.1.7/32 dev ens6',
      'rule add from 10.0.1.7 lookup 10001',
      'rule add from 10.0.1.16/28 lookup 10001',
      'route add ::/0 via fe80::1 dev ens6 table 10001',
    ]);
    await vpc.guest.check(['ip', '-6', 'rule', 'add', 'from', '2001:db8:0:1:1::/80', 'lookup', '10001']);
    const reached = await vpc.reachesAll();
    expect(reached.map(({ source, isReached }) => `${source} ${isReached}`)).toEqual([
      '10.0.1.5 true',
      '2001:db8:0:1::5 true',
      '10.0.1.6 true',
      '10.0.1.7 true',
      '10.0.1.31 true',
      '2001:db8:0:1:1:ffff:ffff:ffff true',
    ]);
    await vpc.unassign(secondary.id, sources);
    expect(await vpc.reaches('10.0.1.7', { timeoutMs: 200 })).toBe(false);
    expect(await vpc.reaches('10.0.1.31', { timeoutMs: 200, from: 'container' })).toBe(false);
    expect(await vpc.reaches('10.0.1.6')).toBe(true);
  });

  it('loses no probe while nothing happens, and counts those that are lost', async () => {
    const calm = await vpc.startStream('10.0.1.5');
    const tcp = await vpc.startStream('10.0.1.6', { protocol: 'tcp' });
    await sleep(500);
    expect(await calm.stop()).toMatchObject({ lost: 0, failure: null });
    expect(await tcp.stop()).toMatchObject({ lost: 0, failure: null });
    const broken = await vpc.startStream('10.0.1.6');
    await sleep(100);
    await vpc.guest.namespace.ip(['link set ens6 down']);
    await sleep(200);
    const report = await broken.stop();
    expect(report.lost).toBeGreaterThan(10);
    expect(report.received).toBeGreaterThan(5);
    expect(report.longestGapMs).toBeGreaterThan(150);
  });

  it('detaches: the link is gone, the others do not notice', async () => {
    const stream = await vpc.startStream('10.0.1.5');
    await vpc.detach(secondary.id);
    expect((await vpc.guest.run(['ip', 'link', 'show', 'ens6'])).code).toBe(1);
    await vpc.attach(secondary);
    await vpc.detach(secondary.id);
    expect(await stream.stop()).toMatchObject({ lost: 0 });
    expect(vpc.enis.map(({ id }) => id)).toEqual([primary.id]);
  });

  it('serves an IPv6-only subnet with a link-local IPv4 lease, and leaves an EFA-only ENI alone', async () => {
    const mac = '02:00:00:00:03:07';
    await vpc.guest.writeFile('/run/systemd/network/70-ens7.network', networkFile(mac, 600));
    await vpc.guest.check(['networkctl', 'reload']);
    const ipv6 = ['2001:db8:0:3::7'];
    await vpc.attach({ id: 'eni-6', mac, linkName: 'ens7', subnetId: 'subnet-c', deviceNumber: 2, ipv6 });
    await vpc.attach({
      id: 'eni-efa',
      mac: '02:00:00:00:02:08',
      linkName: 'ens8',
      subnetId: 'subnet-b',
      isEfaOnly: true,
      deviceNumber: 1,
      networkCard: 1,
    });
    await expectEventually(async () => {
      const addresses = await vpc.guest.check(['ip', '-6', '-o', 'addr', 'show', 'dev', 'ens7', 'scope', 'global']);
      expect(addresses.match(/inet6 \S+/g)).toEqual(['inet6 2001:db8:0:3::7/128']);
    });
    await expectEventually(async () => {
      const addresses = await vpc.guest.check(['ip', '-4', '-o', 'addr', 'show', 'dev', 'ens7']);
      expect(addresses).toContain('inet 169.254.195.7/32 ');
    });
    expect(await vpc.reaches('169.254.195.7', { destination: resolverAddresses.linkLocal })).toBe(true);
    expect(vpc.serviceLog('eni-efa')).toBe('');
    await vpc.detach('eni-6');
    await vpc.detach('eni-efa');
  });

  it('lets the metadata of a new ENI come late and in steps', async () => {
    const macs = 'network/interfaces/macs/';
    const readMacs = () => readMetadata(vpc, imdsAddresses.ipv4, [macs, `${macs}${secondary.mac}/device-number`]);
    await vpc.attach(secondary, { metadata: { listedAfterMs: 2_000, deviceNumberAfterMs: 6_000 } });
    expect(await readMacs()).toEqual([`${primary.mac}/`, '']);
    const listed = `${primary.mac}/\n${secondary.mac}/`;
    await expectEventually(async () => expect(await readMacs()).toEqual([listed, '0']));
    await expectEventually(async () => expect(await readMacs()).toEqual([listed, '1']));
    await vpc.metadata.show(secondary.id, { isListed: false });
    expect(await readMacs()).toEqual([`${primary.mac}/`, '']);
    await vpc.detach(secondary.id);
  });

  it('has neighbours, a resolver and other hosts, that echo over UDP and TCP and open connections themselves', async () => {
    const neighbours = await vpc.addNeighbours(201);
    expect(neighbours).toContainEqual({ subnetId: 'subnet-b', address: '10.0.2.201' });
    expect(neighbours).toContainEqual({ subnetId: 'subnet-c', address: '2001:db8:0:3::c9' });
    await vpc.addHosts(['10.201.0.9']);
    const { ipv4, ipv6, linkLocal } = resolverAddresses;
    const ways = [
      ...['10.0.1.201', '10.0.2.201', ipv4, linkLocal, '10.201.0.9'].map((far) => ({ own: '10.0.1.5', far })),
      ...['2001:db8:0:1::c9', '2001:db8:0:3::c9', ipv6].map((far) => ({ own: '2001:db8:0:1::5', far })),
    ].flatMap((way) => (['udp', 'tcp'] as const).map((protocol) => ({ ...way, protocol, timeoutMs: 1_000 })));
    expect(await vpc.guestProber.listen(['10.0.1.5', '2001:db8:0:1::5', '10.0.1.99'])).toEqual(['10.0.1.99']);
    const out = await vpc.guestProber.reach(
      ways.map(({ own, far, ...rest }) => ({ ...rest, source: own, destination: far })),
    );
    const into = await vpc.farProber.reach(
      ways.map(({ own, far, ...rest }) => ({ ...rest, source: far, destination: own })),
    );
    expect(ways.filter((_, index) => out[index]?.isReached !== true || into[index]?.isReached !== true)).toEqual([]);
    // RoutesToDNS=: networkd adds a host route for each server of the lease.
    expect(await vpc.guest.check(['ip', 'route', 'show', ipv4])).toMatch(
      /^10\.0\.0\.2 via 10\.0\.1\.1 dev ens5 proto dhcp /,
    );
  });

  it('drops packets from another MAC than the ENI’s', async () => {
    await vpc.guest.namespace.ip([
      'link add mv0 link ens5 type macvlan mode bridge',
      'link set mv0 up',
      'route add 198.51.100.10/32 via 10.0.1.1 dev mv0 onlink',
    ]);
    const before = await vpc.countDropped(primary.id);
    expect(await vpc.reaches('10.0.1.5', { timeoutMs: 300 })).toBe(false);
    expect(await vpc.countDropped(primary.id)).toBeGreaterThan(before);
    await vpc.guest.namespace.ip(['link del mv0']);
    expect(await vpc.reaches('10.0.1.5')).toBe(true);
  });

  it('has a narrow path behind the router on demand', async () => {
    const far = '2001:db8:ffff::10';
    const readPath = () => vpc.guest.check(['ip', '-6', 'route', 'get', far, 'from', '2001:db8:0:1::5']);
    await vpc.setPathMtu(1_400);
    const size = ['-M', 'do', '-s', '1390'];
    await vpc.guest.run(['ping', '-6', '-c', '1', '-W', '1', ...size, '-I', '2001:db8:0:1::5', far]);
    expect(await readPath()).toContain(' mtu 1400 ');
    await vpc.setPathMtu(1_500);
    await vpc.guest.check(['ip', '-6', 'route', 'flush', 'cache']);
  });

  it('leases routes by option 121, and then no other (RFC 3442)', async () => {
    const mac = '02:00:00:00:02:09';
    await vpc.guest.writeFile('/run/systemd/network/70-ens9.network', networkFile(mac, 700));
    await vpc.guest.check(['networkctl', 'reload']);
    const eni = { id: 'eni-121', mac, linkName: 'ens9', subnetId: 'subnet-b', deviceNumber: 3, ipv4: ['10.0.2.9'] };
    const route = { to: '10.121.0.0/16', via: '10.0.2.1' };
    const readRoutes = () => vpc.guest.check(['ip', 'route', 'show', 'dev', 'ens9']);
    await vpc.attach({ ...eni, classlessRoutes: [route] });
    await expectEventually(async () => expect(await readRoutes()).toMatch(/^10\.121\.0\.0\/16 via 10\.0\.2\.1 /m));
    expect(await readRoutes()).not.toMatch(/^default/m);
    await vpc.detach(eni.id);
    await vpc.attach({ ...eni, classlessRoutes: [route, { to: '0.0.0.0/0', via: '10.0.2.1' }] });
    await expectEventually(async () => expect(await readRoutes()).toMatch(/^default via 10\.0\.2\.1 /m));
    await vpc.detach(eni.id);
  });

  it('restarts and crashes networkd', async () => {
    const { networkd } = vpc.guest;
    const first = networkd.processId;
    await networkd.restart();
    expect(networkd.processId).not.toBe(first);
    await networkd.kill();
    expect(networkd.isRunning).toBe(false);
    await networkd.start();
    expect(await vpc.reaches('10.0.1.5', { timeoutMs: 3000 })).toBe(true);
    expect((await vpc.guest.check(['busctl', 'list', '--acquired'])).includes('org.freedesktop.network1')).toBe(true);
  });
});

describe('clean-up', () => {
  const maker = `
    import { Vpc } from ${JSON.stringify(new URL('../../fixtures/vpc/vpc.ts', import.meta.url).href)};
    const vpc = await Vpc.create({ name: 'killed', subnets: ${JSON.stringify(subnets)} });
    await vpc.guest.networkd.start();
    await vpc.attach(${JSON.stringify(primary)});
    // A program that has no waiting parent, in its own session.
    vpc.guest.spawn(['setsid', '-f', 'sleep', '1000']);
    await vpc.container();
    console.log('made');
    await new Promise((resolve) => setTimeout(resolve, 60000));
  `;

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'leaves no process and no namespace after %s of the maker',
    async (signal) => {
      const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
      const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', maker], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const label = `enid-killed-${child.pid}`;
      const holders = listProcesses().filter(({ command }) => command.includes(label));
      const namespaces = new Set(holders.map(({ namespace }) => namespace));
      // Held open: the kernel reuses the number of a namespace that has vanished.
      const held = holders.map(({ processId }) => openSync(`/proc/${processId}/ns/net`, 'r'));
      // Guest, VPC, far host and container; not those of another VPC that runs at the same time.
      expect(namespaces.size).toBe(4);
      const listOurs = () => listProcesses().filter(({ namespace }) => namespaces.has(namespace));
      expect(listOurs().length).toBeGreaterThan(10);
      child.kill(signal);
      await expectEventually(async () => expect(listOurs()).toEqual([]), 3000);
      held.forEach(closeSync);
    },
  );

  it('kills nothing in a namespace that reuses the number of a vanished one', async () => {
    const [guard, other] = [new Guard(), new Guard()];
    try {
      const { pid } = await Namespace.hold(guard, { label: 'enid-vanished' });
      const vanished = listProcesses().find(({ processId }) => processId === String(pid))?.namespace;
      process.kill(pid, 'SIGKILL');
      // The kernel destroys the namespace, and frees its number, after its last process has ended.
      await sleep(300);
      const next: Namespace[] = [];
      for (let count = 0; count < 8; count++) next.push(await Namespace.hold(other, { label: 'enid-next' }));
      await guard.release();
      expect(vanished).toMatch(/^net:/);
      expect((await Promise.all(next.map((one) => one.run(['true'])))).map(({ code }) => code)).toEqual(
        next.map(() => 0),
      );
    } finally {
      await other.release();
    }
  });
});

/** Retries until it passes; after the time limit, fails with the last error. */
async function expectEventually(assertion: () => Promise<void>, timeoutMs = 8000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(20);
    }
  }
}
