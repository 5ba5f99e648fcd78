/**
 * Containers behind NAT: nf_nat ends connections that are masqueraded to an address when the
 * address is removed, and networkd 252 drops a DHCPv6 address when it reconfigures a link. Settings
 * of a running link that do not need networkd are changed without it.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, labConfig } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import type { Container } from '../../fixtures/vpc/container.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { primary } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

const inner = { 4: '172.30.0.2', 6: 'fd30::2' } as const;
const nat = `
table inet nat {
  chain postrouting { type nat hook postrouting priority srcnat; oifname "ens*" ip saddr ${inner[4]} masquerade; oifname "ens*" ip6 saddr ${inner[6]} masquerade; }
}
`;

const farOf = { 4: farAddresses.ipv4, 6: farAddresses.ipv6 } as const;
const port = 9_000;
const revert =
  'busctl call org.freedesktop.network1 /org/freedesktop/network1 org.freedesktop.network1.Manager RevertLinkDNS i';
/** Sends every 5 ms on each connection. */
const sender = `for (const host of process.argv.slice(1)) require('net').createServer((socket) => {
  socket.on('error', () => undefined);
  const timer = setInterval(() => socket.write('x'), 5);
  socket.on('close', () => clearInterval(timer));
}).listen(${port}, host)`;
/**
 * At the end of its standard input, reports why the connection ended, and whether anything was
 * received in the last second.
 */
const receiver = `const [host, port] = process.argv.slice(1);
let failure = null;
let last = 0;
const socket = require('net').connect(Number(port), host);
socket.on('error', ({ message }) => { failure = message; });
socket.on('close', () => { failure ??= 'closed'; });
socket.on('data', () => { last = performance.now(); });
process.stdin.resume().on('end', () => {
  console.log(JSON.stringify({ failure, isFlowing: last > performance.now() - 1000 }));
  process.exit();
});`;

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let lab: Lab;
  let container: Container;

  const check = (...argv: string[]) => lab.vpc.guest.check(argv);
  const readMtu = async () => / mtu (\d+) /.exec(await check('ip', 'link', 'show', 'dev', 'ens5'))?.[1];

  /** What resolved uses of the link. */
  async function readDns(): Promise<string[]> {
    const index = (await check('cat', '/sys/class/net/ens5/ifindex')).trim();
    const lines = (await check('cat', `/run/systemd/netif/links/${index}`)).split('\n');
    const found = lines.filter((line) => /^(DNS|DOMAINS|ROUTE_DOMAINS|DNS_DEFAULT_ROUTE)=/.test(line));
    expect(found).toHaveLength(4);
    return found;
  }

  async function configure(keys: string): Promise<void> {
    const entry = keys === '' ? '' : `  - { match: { name: ens5 }, ${keys} }\n`;
    await lab.vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entry);
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
  }

  /**
   * A connection of the container on which only the far host continues to send, so that packets of
   * the container cannot be what revives it.
   */
  function receive(family: 4 | 6): () => Promise<{ readonly failure: string | null; readonly isFlowing: boolean }> {
    const child = container.namespace.spawn([process.execPath, '-e', receiver, farOf[family], String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const answer = new Promise<string>((resolve) => child.stdout?.once('data', (data) => resolve(String(data))));
    return async () => {
      child.stdin?.end();
      return JSON.parse(await answer);
    };
  }

  beforeAll(async () => {
    lab = await openLab(`masquerade-${release}`, primary, undefined, findCommand() ?? undefined);
    await awaitLeases(lab);
    container = await lab.vpc.container();
    await container.hold(Object.values(inner));
    await lab.vpc.guest.check(['nft', '-f', '-'], { input: nat });
    lab.vpc.far.spawn([process.execPath, '-e', sender, ...Object.values(farOf)]);
    await until('the sender', async () => {
      const answers = await Promise.all(
        Object.values(farOf).map((host) => lab.vpc.far.run(['bash', '-c', `exec 3<>/dev/tcp/${host}/${port}`])),
      );
      return answers.every(({ code }) => code === 0);
    });
  }, testMs);
  afterAll(() => closeLab(lab));

  it.each<[string, string, () => Promise<boolean>]>([
    ['mtu', 'mtu: 1400', async () => (await readMtu()) === '1400'],
    ['dns', 'dns: false', async () => (await readDns()).every((line) => /=(no)?$/.test(line))],
    [
      'both',
      'mtu: 1300, dns: false',
      async () => (await readMtu()) === '1300' && !(await readDns()).includes('DNS_DEFAULT_ROUTE=yes'),
    ],
  ])(
    '%s takes effect and goes back, and what is masqueraded goes on',
    async (_name, keys, isInEffect) => {
      const dns = await readDns();
      const stops = ([4, 6] as const).map(receive);
      await sleep(1_000);
      await configure(keys);
      await until(keys, isInEffect);
      await sleep(1_000);
      expect(await isInEffect()).toBe(true);
      await configure('');
      await until(`the end of ${keys}`, async () => !(await isInEffect()));
      // DHCPv6 and the router advertisement deliver theirs a moment later if networkd was reloaded.
      await until('the DNS of before', async () => String(await readDns()) === String(dns));
      await sleep(2_500);
      const unharmed = { failure: null, isFlowing: true };
      expect(await Promise.all(stops.map((stop) => stop()))).toEqual([unharmed, unharmed]);
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'an MTU survives a restart of enid and of networkd, and is reverted',
    async () => {
      const isSet = (mtu: string) => async () => (await readMtu()) === mtu;
      await configure('mtu: 1400');
      await until('mtu: 1400', isSet('1400'));
      await lab.enid.stop();
      lab.enid = EnidProcess.start(lab.vpc.guest);
      await lab.enid.converged();
      expect(await readMtu()).toBe('1400');
      await configure('');
      await until('mtu: 9001', isSet('9001'));
      await configure('mtu: 1300');
      await lab.vpc.guest.networkd.restart();
      await awaitLeases(lab);
      await until('mtu: 1300', isSet('1300'));
      await sleep(1_000);
      expect(await readMtu()).toBe('1300');
      expect(await lab.vpc.guest.readFile('/run/systemd/network/70-ens5.network')).toContain('MTUBytes=1300\n');
      await configure('');
      await until('mtu: 9001', isSet('9001'));
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'dns: false survives actions of others and restarts of enid and networkd, and is reverted',
    async () => {
      const before = await readDns();
      const isOff = async () => (await readDns()).every((line) => /=(no)?$/.test(line));
      await configure('dns: false');
      await until('dns: false', isOff);
      if (release === '252') {
        await check('sh', '-c', `${revert} "$(cat /sys/class/net/ens5/ifindex)"`);
        await sleep(100);
        await until('the repair', isOff);
      }
      await lab.enid.stop();
      lab.enid = EnidProcess.start(lab.vpc.guest);
      await lab.enid.converged();
      expect(await isOff()).toBe(true);
      await configure('');
      await until('the DNS of the lease', async () => String(await readDns()) === String(before));
      await configure('dns: false');
      await lab.vpc.guest.networkd.restart();
      await awaitLeases(lab);
      await until('dns: false', isOff);
      expect(await lab.vpc.guest.readFile('/run/systemd/network/70-ens5.network')).toContain('DNSDefaultRoute=no\n');
      await configure('');
      await until('the DNS of the lease', async () => String(await readDns()) === String(before));
      await awaitReach(lab.vpc);
    },
    testMs,
  );
});
