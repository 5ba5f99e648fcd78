/**
 * The profile for Kubernetes nodes (units/profiles/cni.yaml): enid manages the primary, and the CNI
 * plugin every other ENI except those that are allowed by name. The test does by hand what the
 * plugin does, as VPC CNI and Cilium in ENI mode do it.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const profile = join(import.meta.dirname, '../../units/profiles/cni.yaml');
/** On the plugin's ENI: one for each pod, like its other addresses. */
const pods = alone.ipv4?.slice(1) ?? [];
/** What VPC CNI creates for an ENI and for each of its pods. */
const plugin = `
ip link set ens6 up
ip address add 10.0.2.20/24 dev ens6 noprefixroute
ip route add 10.0.2.1 dev ens6 scope link table 2
ip route add default via 10.0.2.1 dev ens6 table 2
ip rule add pref 1024 fwmark 0x80/0x80 lookup main
${pods.map((pod) => `ip rule add pref 512 to ${pod} lookup main; ip rule add pref 1536 from ${pod} lookup 2`).join('\n')}
`;

let lab: Lab;

function check(...argv: string[]): Promise<string> {
  return lab.vpc.guest.check(argv);
}

/** Everything that belongs to the plugin: rules, its table, its link. */
async function readPlugin(): Promise<string> {
  const text = await check(
    'sh',
    '-c',
    'ip rule; ip route show table 2; ip -o address show dev ens6; ip link show ens6',
  );
  // Without the rules of the primary.
  return text.replace(/^\d+:\tfrom 10\.0\.1\..* proto 236 *\n|valid_lft.*|tentative /gm, '');
}

beforeAll(async () => {
  lab = await openLab('cni', primary);
  const { guest } = lab.vpc;
  await guest.writeFile('/etc/enid/config.d/50-cni.yaml', await readFile(profile, 'utf8'));
  // What cni-enis.service does at each boot: before it has run, networkd configures any ENI, as on
  // the first boot of an image.
  expect(await check('networkctl', 'status', 'ens5')).toMatch(/70-ens5\.network/);
  await guest.writeFile(
    '/run/cni-enis.sh',
    await readFile(join(import.meta.dirname, '../../units/profiles/cni-enis.sh'), 'utf8'),
  );
  await check('sh', '/run/cni-enis.sh');
  expect(await check('cat', '/run/systemd/network/80-ec2.network.d/primary.conf')).toContain(primary.mac);
  // The lab's own container has a link of the same kind as its ENIs.
  await guest.writeFile('/etc/enid/config.d/99-lab.yaml', 'interfaces: [{ match: { name: "ctr*" }, manage: none }]\n');
  await check('networkctl', 'reload');
  lab.enid.signal('SIGHUP');
  await lab.enid.converged();
  await lab.vpc.attach(alone);
  await check('sh', '-ec', plugin);
}, testMs);
afterAll(() => closeLab(lab));

it(
  'pods reach the far host by the ENI that has their address, and nothing of the plugin is changed',
  async () => {
    const { vpc } = lab;
    const before = await readPlugin();
    for (const pod of ['10.0.1.11', ...pods]) {
      await until(pod, () => vpc.reaches(pod, { from: 'container', timeoutMs: 500 }));
    }
    expect(await check('ip', '-o', 'address')).not.toMatch(/10\.0\.1\.11\/|10\.0\.2\.21\//);
    expect(await vpc.reaches('10.0.1.10')).toBe(true);
    await vpc.assign(alone.id, { ipv4: ['10.0.2.24'] });
    await vpc.assign(primary.id, { ipv4: ['10.0.1.12'] });
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    expect(await readPlugin()).toBe(before);
    expect(await check('ls', '/run/systemd/network')).not.toMatch(/70-ens6/);
    expect((await runEnid(vpc.guest, ['status'])).stdout).toMatch(/ens6 .* ignored/);
  },
  testMs,
);

it(
  'an ENI that is allowed by an entry is configured like any other; the plugin’s ENI stays the plugin’s',
  async () => {
    const { vpc } = lab;
    const allowed = `interfaces: [{ match: { eni: ${sharing.id} } }]\n`;
    await vpc.guest.writeFile('/etc/enid/config.d/60-own.yaml', allowed);
    const before = await readPlugin();
    await vpc.attach(sharing);
    await sleep(300);
    // networkd has no file for it except enid's.
    expect(await check('networkctl', 'status', 'ens7')).not.toMatch(/80-ec2/);
    lab.enid.signal('SIGHUP');
    for (const address of sharing.ipv4 ?? []) await until(address, () => vpc.reaches(address, { timeoutMs: 500 }));
    await lab.enid.converged();
    expect(await check('ls', '/run/systemd/network')).toMatch(/70-ens7/);
    expect((await readPlugin()).replace(/^.*(10\.0\.1\.).*\n/gm, '')).toBe(before.replace(/^.*(10\.0\.1\.).*\n/gm, ''));
    expect(await vpc.reaches('10.0.2.21', { from: 'container' })).toBe(true);
  },
  testMs,
);
