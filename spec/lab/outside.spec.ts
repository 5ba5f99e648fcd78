/**
 * `mtuOutside`: jumbo frames inside of the VPC, 1500 bytes beyond it. On the way to the far host a
 * link takes 1500 bytes and its "packet too big" is filtered, so TCP decides: a block of bytes
 * comes back, or the connection hangs.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, installInto, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from './lab.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

const sources = ['10.0.1.10', '10.0.2.20', '10.0.2.21', '10.0.1.30'];
const sources6 = ['2001:db8:0:1::10', '2001:db8:0:2::20', '2001:db8:0:1::30'];
const far = { 4: '198.51.100.10', 6: '2001:db8:ffff::10' } as const;
/** In the VPC's blocks, in a subnet without an ENI of this instance. */
const inside = { 4: '10.0.9.9', 6: '2001:db8:0:9::9' } as const;
/** Of the second block of the VPC. */
const later = '10.7.0.9';

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let vpc: Vpc;
  let enid: EnidProcess;

  const check = (...argv: string[]) => vpc.guest.check(argv);
  const ask = async (...words: string[]) => (await runEnid(vpc.guest, words)).stdout;
  const routes = (...words: string[]) => check('ip', ...words);

  async function configure(entry: string): Promise<void> {
    await vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entry);
    enid.signal('SIGHUP');
    await enid.converged();
  }

  /** Which of the sources get 20 000 bytes back. */
  async function pass(to: { readonly 4: string; readonly 6: string }, timeoutMs: number): Promise<string[]> {
    const all = [...sources, ...sources6];
    const answers = await vpc.guestProber.reach(
      all.map((source) => ({
        ...{ source, destination: source.includes(':') ? to[6] : to[4] },
        ...{ protocol: 'tcp' as const, sizeBytes: 20_000, timeoutMs },
      })),
    );
    return all.filter((_, index) => answers[index]?.isReached === true);
  }

  beforeAll(async () => {
    const command = findCommand();
    vpc = await Vpc.create({ name: `outside-${release}`, subnets, guest: command === null ? {} : { command } });
    await installInto(vpc.guest);
    for (const eni of [primary, alone, sharing]) await vpc.attach(eni);
    await vpc.guest.networkd.start();
    enid = EnidProcess.start(vpc.guest);
    await vpc.addInside([inside[4], inside[6], later]);
    await awaitReach(vpc);
    await enid.converged();
    await vpc.narrowSilently(1500);
  }, testMs);
  afterAll(() => vpc?.destroy());

  it(
    'connections to the far host hang without it, and those inside pass',
    async () => {
      expect(await pass(inside, 10_000)).toEqual([...sources, ...sources6]);
      expect(await pass(far, 2_000)).toEqual([]);
    },
    testMs,
  );

  it(
    'with it all pass, and by which MTU is seen in the kernel',
    async () => {
      await configure('  - { match: {}, mtuOutside: 1500 }\n');
      await until('the MTU of the defaults', async () => {
        const all = await routes('-4', 'route', 'show', 'default', 'table', 'all');
        const all6 = await routes('-6', 'route', 'show', 'default', 'table', 'all');
        const lines = `${all}${all6}`.split('\n').filter((line) => line.includes('default'));
        return lines.length >= 12 && lines.every((line) => line.includes(' mtu 1500'));
      });
      await enid.converged();
      expect(await pass(far, 10_000)).toEqual([...sources, ...sources6]);
      expect(await pass(inside, 10_000)).toEqual([...sources, ...sources6]);
      // By frames of 9001, not by smaller ones.
      for (const source of [...sources, ...sources6]) {
        const to = source.includes(':') ? inside[6] : inside[4];
        const size = source.includes(':') ? '8953' : '8973';
        await check('ping', '-c1', '-W2', '-Mdo', '-s', size, '-I', source, to);
      }
      // A program without an address of its own.
      expect(await check('ip', 'route', 'get', far[4])).toMatch(/dev ens5 /);
      await check('ping', '-c1', '-W2', '-Mdo', '-s', '8973', inside[4]);
      expect(await check('ip', 'route', 'get', inside[4])).toMatch(/dev ens5 /);
    },
    testMs,
  );

  it(
    'is seen in status and explain, and doctor finds nothing wrong with it',
    async () => {
      expect(await ask('status')).toMatch(/ENI .* MTU OUTSIDE .*\n.* 1500 /);
      expect(await ask('explain', '10.0.2.20', far[4])).toMatch(/default via 10\.0\.2\.1 .* mtu 1500/);
      expect(await ask('explain', '10.0.2.20', inside[4])).toMatch(/route 10\.0\.0\.0\/16 via 10\.0\.2\.1 /);
    },
    testMs,
  );

  it(
    'what another program takes away is put back',
    async () => {
      await check(
        'ip',
        'route',
        'change',
        'default',
        'via',
        '10.0.1.1',
        'dev',
        'ens5',
        'metric',
        '512',
        'proto',
        'dhcp',
      );
      await until('the MTU of main', async () =>
        / mtu 1500/.test(await routes('route', 'show', 'default', 'dev', 'ens5')),
      );
      await check('ip', 'route', 'del', '10.0.0.0/16', 'table', '10001');
      await until('the VPC', async () => (await routes('route', 'show', 'table', '10001')).includes('10.0.0.0/16'));
      await enid.converged();
    },
    testMs,
  );

  it(
    'a further block of the VPC counts from the read that shows it',
    async () => {
      const source = '10.0.2.20';
      const ping = ['ping', '-c1', '-W2', '-Mdo', '-s', '8973', '-I', source, later];
      expect((await vpc.guest.run(ping)).code).not.toBe(0);
      await vpc.metadata.setVpcCidrs(['10.0.0.0/16', '10.7.0.0/16', '2001:db8::/56']);
      await until('the new block', async () => (await vpc.guest.run(ping)).code === 0);
      await enid.converged();
    },
    testMs,
  );

  it(
    'a restart of networkd keeps it, and the end of the option takes it all away',
    async () => {
      await vpc.guest.networkd.restart();
      await awaitReach(vpc);
      await enid.converged();
      expect(await pass(far, 10_000)).toEqual([...sources, ...sources6]);
      await configure('');
      const left = async () => {
        const all = `${await routes('route', 'show', 'table', 'all')}${await routes('-6', 'route', 'show', 'table', 'all')}`;
        return all.split('\n').filter((line) => /mtu 1500|10\.[07]\.0\.0\/16|2001:db8::\/56/.test(line));
      };
      await until('the end of MTU and blocks', async () => (await left()).length === 0).catch(async (error) => {
        throw new Error(`${error}: ${(await left()).join('\n')}`);
      });
      await awaitReach(vpc);
      await enid.converged();
    },
    testMs,
  );

  it(
    'with manage: rules it concerns the table of the ENI alone; the routes of main stay another program’s',
    async () => {
      const entries = (keys: string) =>
        [1, 2].map((device) => `  - { match: { device: ${device} }, ${keys} }\n`).join('');
      // The other addresses are then another program's to put on the links.
      const present = ['10.0.1.10', '10.0.2.20', '10.0.1.30', '2001:db8:0:1::10'];
      await configure(entries('manage: rules'));
      await enid.converged();
      const ofMain = async () => {
        const text = `${await routes('route', 'show')}${await routes('-6', 'route', 'show')}`;
        return text
          .replace(/ expires \S+/g, '')
          .split('\n')
          .sort();
      };
      const before = await ofMain();
      expect(await pass(far, 2_000)).toEqual([]);
      await configure(entries('manage: rules, mtuOutside: 1500'));
      const ofTable = async () =>
        `${await routes('route', 'show', 'table', '10001')}${await routes('route', 'show', 'table', '10002')}`;
      await until('the MTU', async () => [...(await ofTable()).matchAll(/^default .* mtu 1500/gm)].length === 2);
      const passed = await pass(far, 10_000);
      expect(passed).toEqual(expect.arrayContaining(['10.0.2.20', '10.0.1.30']));
      // Main's default is another program's; networkd leases the ENIs' IPv6 again in its own time.
      for (const source of ['10.0.1.10', '2001:db8:0:1::10']) expect(passed).not.toContain(source);
      expect(await pass(inside, 10_000)).toEqual(expect.arrayContaining(present));
      await check('ping', '-c1', '-W2', '-Mdo', '-s', '8973', '-I', '10.0.2.20', inside[4]);
      const table6 = await routes('-6', 'route', 'show', 'table', '10001');
      expect(table6).toMatch(/^default via fe80::1 .* mtu 1500/m);
      expect(table6).toMatch(/^2001:db8::\/56 via fe80::1 (?!.*mtu)/m);
      expect(await ofMain()).toEqual(before);
      await configure(entries('manage: rules'));
      await until('its end', async () => !(await ofTable()).includes('mtu 1500'));
      expect(await pass(far, 2_000)).toEqual([]);
      await configure('');
    },
    testMs,
  );
});
