/**
 * A reload of enid changes settings of a running link, with both networkds: a probe every 5 ms and
 * a TCP stream on every address of every ENI show what is lost.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, installInto, labConfig } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, testMs, until } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

/**
 * Probes of 5 ms. Without enid it is a second, until the router is asked (measured on 252,
 * docs/proof/measured.md).
 */
const mostDropped = 40;

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let vpc: Vpc;
  let enid: EnidProcess;

  const check = (...argv: string[]) => vpc.guest.check(argv);

  async function configure(keys: string): Promise<void> {
    const entry = keys === '' ? '' : `  - { match: { name: ens6 }, ${keys} }\n`;
    await vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entry);
    enid.signal('SIGHUP');
    await enid.converged();
  }

  beforeAll(async () => {
    const command = findCommand();
    vpc = await Vpc.create({ name: `settings-${release}`, subnets, guest: command === null ? {} : { command } });
    await installInto(vpc.guest);
    await vpc.attach(primary);
    await vpc.guest.networkd.start();
    enid = EnidProcess.start(vpc.guest);
    await awaitReach(vpc);
    for (const eni of [alone, sharing]) await vpc.attach(eni);
    await awaitReach(vpc);
    await awaitLeases({ vpc, enid });
  }, testMs);
  afterAll(() => vpc?.destroy());

  it.each<[string, string, () => Promise<boolean>]>([
    ['mtu', 'mtu: 1400', async () => (await check('ip', 'link', 'show', 'dev', 'ens6')).includes(' mtu 1400 ')],
    ['dns', 'dns: false', async () => !(await check('networkctl', 'status', 'ens6')).includes('10.0.0.2')],
    [
      'metric',
      'metric: 700',
      async () => {
        const routes = await check('sh', '-c', 'ip route show dev ens6; ip -6 route show default dev ens6');
        return /default .* metric 700/.test(routes) && !/metric 513/.test(routes);
      },
    ],
    [
      'defaultRoute',
      'defaultRoute: false',
      async () => (await check('sh', '-c', 'ip route show default dev ens6; ip -6 route show default dev ens6')) === '',
    ],
    ['table', 'table: 77', async () => (await check('ip', 'route', 'show', 'table', '77')).includes('default ')],
  ])(
    '%s takes effect and goes back, and no packet is lost on what stays',
    async (_name, keys, isInEffect) => {
      const lost = await watchLoss(vpc, async () => {
        await configure(keys);
        await until(keys, isInEffect);
        await configure('');
        await until(`the end of ${keys}`, async () => !(await isInEffect()));
        await enid.converged();
      });
      // 252 drops the advertised router of a link that it reconfigures; enid restores it at once.
      const isDropped = (name: string) => release === '252' && name.startsWith('2001:db8:0:2::');
      expect([...lost].filter(([name]) => !isDropped(name))).toEqual([]);
      for (const [name, count] of lost)
        expect({ name, isShort: count <= mostDropped }).toEqual({ name, isShort: true });
      await awaitReach(vpc);
    },
    testMs,
  );

  it(
    'rules: none sends traffic of the ENI’s addresses by main, and no packet of another ENI is lost',
    async () => {
      const except = [...(alone.ipv4 ?? []), ...(alone.ipv6 ?? [])];
      const hasRules = async () => (await check('sh', '-c', 'ip rule; ip -6 rule')).includes('10001');
      const lost = await watchLoss(
        vpc,
        async () => {
          await configure('rules: none');
          await until('no rule', async () => !(await hasRules()));
          expect(await check('ip', 'route', 'get', '198.51.100.10', 'from', '10.0.2.20')).toContain(' dev ens5 ');
          await configure('');
          await until('the rules', hasRules);
          await enid.converged();
        },
        { except },
      );
      expect([...lost]).toEqual([]);
      await awaitReach(vpc);
    },
    testMs,
  );
});
