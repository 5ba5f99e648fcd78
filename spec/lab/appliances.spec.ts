/**
 * Hosts that forward traffic of others, as in docs/appliances.md: a NAT instance, an overlay over
 * the address of an ENI.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import type { Namespace } from '../../fixtures/vpc/namespace.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, echoWord, type Lab, openLab, testMs, until } from './lab.ts';

let lab: Lab;
/** What is behind the host is reached by its ENI. */
const inward = '  - match: { name: ens6 }\n    routes: [{ to: 10.0.9.0/24 }]\n';
/** Behind the host, with all its traffic through it. */
let inner: Namespace;

function shell(text: string): Promise<string> {
  return lab.vpc.guest.check(['sh', '-ec', text]);
}

/** Adds entries behind the lab's own and makes them take effect. */
async function configure(entries: string): Promise<void> {
  await lab.vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entries);
  lab.enid.signal('SIGHUP');
  await lab.enid.converged();
}

/**
 * Restarts enid and makes it read everything again: nothing of that may change what is forwarded.
 */
async function disturb(): Promise<void> {
  lab.enid.signal('SIGHUP');
  await lab.enid.converged();
  await lab.enid.stop();
  lab.enid = EnidProcess.start(lab.vpc.guest);
  await lab.enid.converged();
}

beforeAll(async () => {
  lab = await openLab('appliances', primary);
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'a NAT instance: forwarded traffic follows main, its answers find the inner host by the ENI that it came from',
  async () => {
    inner = await lab.vpc.plugInner(alone.id, { address: '10.0.9.9', gateway: '10.0.9.1' });
    await shell(`
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<'EOF'
table ip nat {
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 10.0.9.0/24 oifname "ens5" masquerade; }
}
EOF`);
    await configure(inward);
    await until('the route', async () => /^10\.0\.9\.0\/24 via 10\.0\.2\.1 dev ens6/m.test(await shell('ip route')));
    const getsOut = async () =>
      (await inner.run(['timeout', '3', 'bash', '-c', echoWord(farAddresses.ipv4, 7)])).code === 0;
    await until('the far host', getsOut);
    await awaitReach(lab.vpc);
    await disturb();
    expect(await getsOut()).toBe(true);
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'VXLAN over the address of a secondary ENI leaves by that ENI, and continues over a restart',
  async () => {
    const overlay = (local: string, remote: string) => [
      `link add vx0 type vxlan id 42 local ${local} remote ${remote} dstport 4789`,
      'link set vx0 up',
    ];
    await lab.vpc.guest.namespace.ip([...overlay('10.0.1.30', farAddresses.ipv4), 'addr add 192.168.50.1/24 dev vx0']);
    await lab.vpc.far.ip([...overlay(farAddresses.ipv4, '10.0.1.30'), 'addr add 192.168.50.2/24 dev vx0']);
    const isUp = async () => (await lab.vpc.guest.run(['ping', '-c', '1', '-W', '1', '192.168.50.2'])).code === 0;
    await until('the overlay', isUp);
    const dropped = await lab.vpc.countDropped(primary.id);
    await disturb();
    expect(await isUp()).toBe(true);
    expect(await lab.vpc.countDropped(primary.id)).toBe(dropped);
    expect(await shell('ip -o address show dev vx0')).toContain('192.168.50.1/24');
  },
  testMs,
);

it(
  'the metadata service and the VPC’s DNS are reached by the chosen ENI, and enid keeps reading',
  async () => {
    const entry = '  - match: { name: ens7 }\n    select: [{ to: 169.254.169.254/32 }, { to: 169.254.169.253/32 }]\n';
    await configure(entry);
    const way = (address: string) => shell(`ip route get ${address}`);
    await until('the metadata service', async () => (await way('169.254.169.254')).includes(' dev ens7 '));
    await until('DNS', async () => (await way('169.254.169.253')).includes(' dev ens7 '));
    expect(await way(farAddresses.ipv4)).toContain(' dev ens5 ');
    await lab.vpc.assign(sharing.id, { ipv4: ['10.0.1.39'] });
    await awaitReach(lab.vpc);
    await lab.enid.converged();
  },
  testMs,
);

it(
  'an in-line next hop without translation: forwarded packets follow main whatever their source, the host’s own leave by its ENI',
  async () => {
    // The inner host of the NAT instance continues to send; only its address is no longer
    // translated.
    await shell('nft delete table ip nat');
    await configure(inward);
    const dropped = await lab.vpc.countDropped(primary.id);
    await until('a forwarded packet at the primary', async () => {
      await inner.run(['timeout', '1', 'bash', '-c', echoWord(farAddresses.ipv4, 7)]);
      // The check of the primary is on here: EC2 counts packets that leave by it with the inner
      // source.
      return (await lab.vpc.countDropped(primary.id)) > dropped;
    });
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'a concentrator: addresses that carry public ones are routed into a tunnel and are on no link; chosen ones stay local',
  async () => {
    await configure(
      `  - match: { device: 1 }\n    addresses: { secondary: route-only, exclude: [10.0.2.22/31] }\n    sources: [10.0.2.22/32]\n`,
    );
    await until('the addresses are off', async () => !/10\.0\.2\.2[123]\//.test(await shell('ip -o address')));
    // `sources` puts the excluded address back behind the host, but not the other one of the block.
    for (const site of ['10.0.2.21', '10.0.2.22', '2001:db8:0:2::21']) {
      await until(site, () => lab.vpc.reaches(site, { from: 'container', timeoutMs: 500 }));
    }
    for (const own of ['10.0.2.20', '2001:db8:0:2::20']) expect([own, await lab.vpc.reaches(own)]).toEqual([own, true]);
    const rules = await shell('ip rule');
    expect(rules).toMatch(/from 10\.0\.2\.20\/31 lookup 10001/);
    expect(rules).not.toMatch(/10\.0\.2\.(23|20\/30|22\/31)/);
    await disturb();
    expect(await lab.vpc.reaches('10.0.2.22', { from: 'container' })).toBe(true);
    await configure('');
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'many Elastic IPs on one ENI: each private address works, and status and explain name the public one that it carries',
  async () => {
    const ipv4 = Array.from({ length: 30 }, (_, index) => `10.0.3.${100 + index}`);
    const publicIpv4 = Object.fromEntries(ipv4.map((address, index) => [`203.0.113.${index + 1}`, [address]]));
    await lab.vpc.attach({ ...withPrefixes, ipv4, publicIpv4 });
    await awaitReach(lab.vpc);
    await lab.enid.converged();
    const status = await runEnid(lab.vpc.guest, ['status', '--json']);
    const shown = JSON.parse(status.stdout).enis.find(({ link }: { link: string }) => link === withPrefixes.linkName);
    expect(shown.publicAddresses).toEqual(publicIpv4);
    expect((await runEnid(lab.vpc.guest, ['explain', '10.0.3.129'])).stdout).toMatch(
      /carries the public address 203\.0\.113\.30$/m,
    );
    expect((await runEnid(lab.vpc.guest, ['explain', '203.0.113.17'])).stdout).toMatch(
      /public address of 10\.0\.3\.116/,
    );
  },
  testMs,
);
