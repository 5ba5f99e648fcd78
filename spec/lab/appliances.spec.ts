/** Hosts that carry others' traffic, as docs/appliances.md tells: a NAT instance, an overlay over the address of an ENI. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, echoWord, type Lab, openLab, testMs, until } from './lab.ts';

let lab: Lab;

function shell(text: string): Promise<string> {
  return lab.vpc.guest.check(['sh', '-ec', text]);
}

/** Restarted and told to read everything anew: nothing of it may change what is carried. */
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
    const inner = await lab.vpc.plugInner(alone.id, { address: '10.0.9.9', gateway: '10.0.9.1' });
    await shell(`
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<'EOF'
table ip nat {
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 10.0.9.0/24 oifname "ens5" masquerade; }
}
EOF`);
    await lab.vpc.guest.writeFile(
      '/etc/enid/config.yaml',
      `${labConfig}  - match: { name: ens6 }\n    routes: [{ to: 10.0.9.0/24 }]\n`,
    );
    lab.enid.signal('SIGHUP');
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
  'VXLAN over the address of a secondary ENI leaves by that ENI, and goes on over a restart',
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
  'the metadata service and the VPC’s DNS are reached by the ENI of choice, and enid reads on',
  async () => {
    const entry = '  - match: { name: ens7 }\n    select: [{ to: 169.254.169.254/32 }, { to: 169.254.169.253/32 }]\n';
    await lab.vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entry);
    lab.enid.signal('SIGHUP');
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
