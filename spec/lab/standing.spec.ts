/**
 * The state of the ENIs' links, with both networkds: the order of addresses, the order of default
 * routes, and the link group.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, runEnid } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

describe.each([
  ['252', undefined],
  ['257', trixieNetworkd],
] as const)('networkd %s', (_version, networkd) => {
  let lab: Lab;
  const check = (...argv: string[]) => lab.vpc.guest.check(argv);

  beforeAll(async () => {
    lab = await openLab('standing', primary, undefined, networkd?.());
    for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
    await awaitReach(lab.vpc);
    await lab.enid.converged();
  }, testMs);
  afterAll(() => closeLab(lab));

  /** In the kernel's order, which `hostname -I` and ifconfig show. */
  const listAddresses = async () =>
    [...(await check('ip', '-4', '-o', 'address')).matchAll(/: (ens\d)\s+inet ([\d.]+)\//g)].map(
      ([, link, address]) => `${link} ${address}`,
    );
  const inOrder = [
    ...['ens5 10.0.1.10', 'ens5 10.0.1.11', 'ens6 10.0.2.20', 'ens6 10.0.2.21', 'ens6 10.0.2.22', 'ens6 10.0.2.23'],
    ...['ens7 10.0.1.30', 'ens7 10.0.1.31'],
  ];

  it('the leased address is first from the beginning', async () => {
    expect(await listAddresses()).toEqual(inOrder);
  });

  it(
    'and after networkd’s restart, a lost lease, and a repair; the addresses behind it lose nothing',
    async () => {
      await lab.vpc.guest.networkd.stop();
      await lab.vpc.guest.networkd.start();
      await until('the order after the restart', async () => `${await listAddresses()}` === `${inOrder}`);
      await awaitReach(lab.vpc);
      const lost = await watchLoss(
        lab.vpc,
        async () => {
          await check('ip', 'address', 'del', '10.0.2.20/24', 'dev', 'ens6');
          await until('the order after the repair', async () => `${await listAddresses()}` === `${inOrder}`);
        },
        { except: ['10.0.2.20'] },
      );
      expect([...lost]).toEqual([]);
    },
    testMs,
  );

  it(
    'when a link loses its carrier, the next ENI gets the host’s default route, and the link gets it back later',
    async () => {
      const first = async (family: string) =>
        /^default .*?dev (ens\d)/.exec(await check('ip', family, 'route', 'show', 'default'))?.[1];
      await until('the IPv6 default', async () => (await first('-6')) === 'ens5');
      expect(await first('-4')).toBe('ens5');
      await lab.vpc.setCarrier(primary.id, false);
      await until(
        'the next ENI’s default',
        async () => (await first('-4')) === 'ens6' && (await first('-6')) === 'ens6',
      );
      expect((await runEnid(lab.vpc.guest, ['status'])).stdout).toContain('the link has no carrier');
      // Traffic of other addresses continues, and a new connection finds a way out.
      expect(await lab.vpc.reaches('10.0.2.20')).toBe(true);
      await lab.vpc.setCarrier(primary.id, true);
      await until('its own default again', async () => (await first('-4')) === 'ens5');
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'a link group that another program changes is restored; one that was set before is left alone',
    async () => {
      const groupOf = async (link: string) => /group (\w+)/.exec(await check('ip', 'link', 'show', 'dev', link))?.[1];
      await check('ip', 'link', 'set', 'ens6', 'group', '7');
      await until('the group', async () => (await groupOf('ens6')) === '236');
      await lab.enid.stop();
      // As on a host on which enid starts for the first time.
      await check('rm', '-r', '/run/enid');
      await check('ip', 'link', 'set', 'ens6', 'group', '7');
      lab.enid = EnidProcess.start(lab.vpc.guest);
      const exception = /from 10\.0\.1\.0\/24 to 10\.0\.2\.0\/24 iif lo lookup 10000/;
      await until('rules that name its subnet', async () => exception.test(await check('ip', 'rule')));
      await lab.enid.converged();
      expect(await groupOf('ens6')).toBe('7');
      await awaitReach(lab.vpc);
      for (const [source, link] of [
        ['10.0.1.10', 'ens5'],
        ['10.0.1.30', 'ens7'],
      ] as const) {
        expect(await check('ip', 'route', 'get', '10.0.2.200', 'from', source)).toContain(`dev ${link}`);
      }
    },
    testMs,
  );
});
