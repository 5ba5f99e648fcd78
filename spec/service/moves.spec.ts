/**
 * What a disk brings into another machine, and a machine into another type: an image of a running
 * instance, a volume that was moved, a cloned VM, links with other names, a sleep. The oracle is
 * the far host and networkd's own report of its files.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes them on. */
const trees = { 252: process.env['ENID_MACHINE_TREE'] ?? '', 257: process.env['ENID_MACHINE_TREE_257'] ?? '' };

/** Another instance's ENIs, in the slots of the first one's. */
const others: readonly EniSpec[] = [
  {
    ...primary,
    id: 'eni-0000000000000000a',
    mac: '06:53:e1:00:00:0a',
    ipv4: ['10.0.1.77'],
    ipv6: ['2001:db8:0:1::77'],
  },
  { ...alone, id: 'eni-0000000000000000b', mac: '06:53:e1:00:00:0b', ipv4: ['10.0.2.88'], ipv6: ['2001:db8:0:2::88'] },
];
/** The same ENIs on an instance type that has them at other places of the PCI bus. */
const renamed: readonly EniSpec[] = [
  { ...primary, linkName: 'enp39s0' },
  { ...alone, linkName: 'enp40s0' },
];
const instance = 'i-0a1b2c3d4e5f60001';
const otherInstance = 'i-0a1b2c3d4e5f60002';

describe.each([252, 257] as const)('systemd %s', (version) => {
  let disk: string;
  let vpc: Vpc | undefined;
  let machine: Machine | undefined;

  const running = (): { vpc: Vpc; machine: Machine } => {
    if (vpc === undefined || machine === undefined) throw new Error('no machine runs');
    return { vpc, machine };
  };
  const shell = (text: string) => running().machine.check(['sh', '-c', text]);
  /** The files in force of those in /run, by link. */
  const listFiles = () => shell('ls /run/systemd/network');
  const readFile = async (link: string) =>
    /Network File: (?<path>\S+)/.exec(await shell(`networkctl status ${link} --no-pager`))?.groups?.['path'];
  const doctor = async () => await running().machine.run(['enid', 'doctor'], { timeoutMs: 60_000 });

  async function boot(enis: readonly EniSpec[], instanceId: string, from?: string): Promise<void> {
    vpc = await Vpc.create({ name: `moves-${version}`, subnets, instanceId });
    for (const eni of enis) await vpc.attach(eni);
    machine = await Machine.boot(vpc, trees[version], { disk: from });
  }

  async function configured(count: number): Promise<void> {
    const { machine } = running();
    const isDone = async () => {
      const { enis } = JSON.parse(await machine.check(['enid', 'status', '--json'])) as { enis: { state: string }[] };
      return enis.length === count && enis.every(({ state }) => state === 'configured');
    };
    await until(`${count} ENIs are configured`, isDone, 60_000).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${(await machine.run(['enid', 'status'])).stdout}`);
    });
  }

  async function end(): Promise<void> {
    await machine?.stop();
    await vpc?.destroy();
    machine = undefined;
    vpc = undefined;
  }

  /** The id that the firmware reports; a container has no firmware. */
  const tellInstance = (id: string) => writeFile(join(disk, 'etc/asset-tag'), `${id}\n`);

  /** Nothing of the first machine is left, and files kept from now on are this machine's. */
  async function expectOwn(): Promise<void> {
    const { vpc, machine } = running();
    await awaitReach(vpc);
    await configured(vpc.enis.length);
    const macs = vpc.enis.map(({ mac }) => mac);
    for (const { linkName } of vpc.enis) {
      expect(await readFile(linkName)).toBe(`/run/systemd/network/70-${linkName}.network`);
    }
    const names = vpc.enis.flatMap(({ linkName }) => [`70-${linkName}.network`, `70-${linkName}.network.d`]);
    expect((await listFiles()).trim().split('\n').sort()).toEqual(names.sort());
    await machine.check(['systemctl', 'restart', 'enid']);
    await configured(vpc.enis.length);
    const kept = await shell('cd /var/lib/enid/network && grep -h ^MACAddress= *.network');
    expect(kept.trim().split('\n').sort()).toEqual(macs.map((mac) => `MACAddress=${mac}`).sort());
    const { stdout } = await doctor();
    expect(stdout).not.toMatch(/link has no network file|--http-endpoint|^error/m);
    expect(await machine.run(['enid', 'plan'])).toMatchObject({ code: 0 });
  }

  beforeAll(async () => {
    if (trees[version] === '') throw new Error(`no tree of systemd ${version}: run \`npm run test:service\``);
    disk = await mkdtemp(join(tmpdir(), 'enid-disk-'));
    await boot([primary, alone], instance);
    await shell(
      `sed -i s,/sys/class/dmi/id/board_asset_tag,/etc/asset-tag, /usr/libexec/enid/kept-files; echo ${instance} > /etc/asset-tag`,
    );
    await configured(2);
    await running().machine.check(['systemctl', 'restart', 'enid']);
    await configured(2);
    expect(await shell('ls /var/lib/enid/network')).toBe('70-ens5.network\n70-ens6.network\n');
    await running().machine.bake(disk);
    await end();
  }, 2 * testMs);
  afterEach(end, testMs);
  afterAll(async () => {
    await rm(disk, { recursive: true, force: true });
  });

  it(
    'the same instance: networkd starts with what was kept',
    async () => {
      await tellInstance(instance);
      await boot([primary, alone], instance, disk);
      expect(await shell('journalctl -u systemd-networkd -o cat')).not.toMatch(/80-ec2/);
      await expectOwn();
      // One lease each: it was requested with the file that stays.
      for (const { id } of running().vpc.enis) expect(countAcks(running().vpc, id)).toBe(1);
    },
    2 * testMs,
  );

  it(
    'an instance type that renames the links: what was kept serves the new names, and is written again under them',
    async () => {
      await tellInstance(instance);
      await boot(renamed, instance, disk);
      await expectOwn();
    },
    2 * testMs,
  );

  it.each([
    ['an image of it, or its volume in another instance', otherInstance],
    ['a clone whose firmware has no id', ''],
  ])(
    '%s: starts as new, with links of the same names',
    async (_name, told) => {
      await tellInstance(told);
      await boot(others, otherInstance, disk);
      await expectOwn();
    },
    2 * testMs,
  );

  it(
    "an image with another machine's MAC in /etc: doctor names the file, and what it advises brings the primary up",
    async () => {
      await tellInstance(otherInstance);
      const directory = join(disk, 'etc/systemd/network/80-ec2.network.d');
      const path = '/etc/systemd/network/80-ec2.network.d/primary.conf';
      await mkdir(directory, { recursive: true });
      try {
        await writeFile(join(directory, 'primary.conf'), `[Match]\nMACAddress=${primary.mac}\n`);
        await boot(others, otherInstance, disk);
        const { vpc, machine } = running();
        const { code, stdout } = await doctor();
        expect(code).toBe(3);
        expect(stdout).toContain("the primary's link has no network file: ens5");
        expect(stdout).toContain(`${path} matches ${primary.mac}`);
        expect(stdout).not.toContain('--http-endpoint');
        expect((await machine.run(['enid', 'status'])).stdout).toMatch(/ens5 .*waiting/);
        await shell(`rm ${path}; networkctl reload`);
        await awaitReach(vpc);
        await configured(2);
      } finally {
        await rm(directory, { recursive: true });
      }
    },
    2 * testMs,
  );

  it(
    'a name in /etc that another type does not have: doctor names the file, too',
    async () => {
      await tellInstance(instance);
      const directory = join(disk, 'etc/systemd/network/80-ec2.network.d');
      await mkdir(directory, { recursive: true });
      // Without the kept files: they are older than the override.
      try {
        await writeFile(join(directory, 'primary.conf'), '[Match]\nName=\nName=ens5 ens6\n');
        await boot(
          others.map((eni, index) => ({ ...eni, linkName: `enp${39 + index}s0` })),
          instance,
          disk,
        );
        const { code, stdout } = await doctor();
        expect(code).toBe(3);
        expect(stdout).toContain("the primary's link has no network file: enp39s0");
        expect(stdout).toContain('/etc/systemd/network/80-ec2.network.d/primary.conf matches ens5');
        expect(stdout).not.toContain('--http-endpoint');
      } finally {
        await rm(directory, { recursive: true });
      }
    },
    2 * testMs,
  );

  it(
    'a sleep: changes that EC2 made meanwhile take effect afterwards, with a token that is no longer valid',
    async () => {
      await tellInstance(instance);
      await boot([primary, alone], instance, disk);
      await configured(2);
      const { vpc, machine } = running();
      await machine.freeze(true);
      try {
        await vpc.assign(alone.id, { ipv4: ['10.0.2.77'], ipv6: ['2001:db8:0:2::77'] });
        await vpc.unassign(alone.id, { ipv4: ['10.0.2.21'] });
        for (const { id } of vpc.enis) await vpc.setCarrier(id, false);
        // Every token expires: the next request with one is answered 401.
        await vpc.imds.setFaults([{ path: 'meta-data/', effect: { kind: 'expire-tokens' }, times: 1 }]);
        for (const { id } of vpc.enis) await vpc.setCarrier(id, true);
      } finally {
        await machine.freeze(false);
      }
      await awaitReach(vpc, 60_000);
      await until('the address is gone', async () => !(await shell('ip address')).includes('10.0.2.21/'));
      await configured(2);
      const { stdout } = await doctor();
      expect(stdout).not.toMatch(/link has no network file|--http-endpoint|^error/m);
      expect(await machine.run(['enid', 'plan'])).toMatchObject({ code: 0 });
    },
    2 * testMs,
  );
});

/** Leases given to an ENI, as dnsmasq reports them. */
function countAcks(vpc: Vpc, id: string): number {
  return [...vpc.serviceLog(id).matchAll(/DHCPACK/g)].length;
}
