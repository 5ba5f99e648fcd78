/**
 * What the network itself withdraws is no drift: a router advertisement with lifetime 0, a router
 * that was replaced by another, a lease without a default route, another gateway at a renewal. What
 * another program removes is restored as before.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

/** enid waits two seconds before it treats a route that networkd has dropped as withdrawn. */
const judgedMs = 4_000;

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let lab: Lab;

  const check = (line: string) => lab.vpc.guest.check(['sh', '-c', line]);
  /** Default routes by ens6 of main and of its table, as `TABLE via GATEWAY`. */
  async function listDefaults(family: 4 | 6): Promise<string[]> {
    const read = async (table: string): Promise<string[]> => {
      const text = await check(`ip -${family} route show default table ${table}`);
      const several = [...text.matchAll(/nexthop via (\S+) dev ens6/g)];
      const single = [...text.matchAll(/^default via (\S+) dev ens6/gm)];
      return [...single, ...several].map(([, gateway]) => `${table} via ${gateway}`);
    };
    return [...(await read('main')), ...(await read('10001'))];
  }
  const holds = (family: 4 | 6, wanted: readonly string[]) => async () =>
    JSON.stringify([...new Set(await listDefaults(family))]) === JSON.stringify(wanted);
  const advertise = (routerLifetimeSeconds: number) =>
    lab.vpc.advertise(alone.id, { routerLifetimeSeconds, routes: [] });
  /** Makes dnsmasq lease with these options, and networkd request a lease again. */
  async function lease(verb: 'reconfigure' | 'renew', ...options: string[]): Promise<void> {
    await lab.vpc.setService(alone.id, false);
    await lab.vpc.setService(
      alone.id,
      true,
      options.map((option) => `--dhcp-option=${option}`),
    );
    await check(`networkctl ${verb} ens6`);
  }
  const sixBefore = ['main via fe80::1', '10001 via fe80::1'];
  const fourBefore = ['main via 10.0.2.1', '10001 via 10.0.2.1'];

  beforeAll(async () => {
    lab = await openLab(`withdraw-${release}`, primary, undefined, findCommand() ?? undefined);
    await lab.vpc.attach(alone);
    await awaitReach(lab.vpc);
    await awaitLeases(lab);
  }, testMs);
  afterAll(() => closeLab(lab));

  it(
    'routes of an advertisement or a lease that another program removes are restored, and stay',
    async () => {
      await check('ip -6 route del default via fe80::1 dev ens6; ip -6 route del default dev ens6 table 10001');
      await check('ip route del default dev ens6; ip route del default dev ens6 table 10001');
      await until('the routers', holds(6, sixBefore));
      await until('the gateways', holds(4, fourBefore));
      await sleep(judgedMs);
      expect(await listDefaults(6)).toEqual(sixBefore);
      expect(await listDefaults(4)).toEqual(fourBefore);
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'a router that advertises lifetime 0 is ignored until it advertises itself again',
    async () => {
      await advertise(1800);
      await until(
        'networkd’s own routes',
        async () => !(await check('ip -6 route show default')).includes('proto 236'),
      );
      await lab.vpc.setService(alone.id, false);
      // It did not see who added the routes.
      await lab.enid.stop();
      lab.enid = EnidProcess.start(lab.vpc.guest);
      await lab.enid.converged();
      await advertise(0);
      await until('no default', holds(6, []), 10_000);
      await sleep(judgedMs);
      expect(await listDefaults(6)).toEqual([]);
      expect(await check('ip -6 route show default dev ens5')).toContain('via fe80::1');
      await advertise(1800);
      await until('the router', holds(6, sixBefore));
      await lab.vpc.setService(alone.id, true);
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'networkd drops the router for a moment when it reconfigures the link: the way stays',
    async () => {
      await check('networkctl reconfigure ens6');
      const end = performance.now() + judgedMs;
      await sleep(300);
      while (performance.now() < end) {
        expect(await listDefaults(6)).toEqual(expect.arrayContaining(sixBefore));
        await sleep(100);
      }
      await lab.enid.converged();
    },
    testMs,
  );

  it(
    'another router takes over: its table and main follow, and the former one may come back beside it',
    async () => {
      await lab.vpc.setService(alone.id, false);
      await lab.vpc.replaceRouter(alone.id, 'fe80::1', 'fe80::2');
      await advertise(1800);
      const after = ['main via fe80::2', '10001 via fe80::2'];
      await until('the other router', holds(6, after), 10_000);
      // By then the neighbour entry of the former router is known to be dead.
      await sleep(9_000);
      expect(await listDefaults(6)).toEqual(after);
      await awaitReach(lab.vpc);
      await lab.vpc.replaceRouter(alone.id, 'fe80::2', 'fe80::1');
      await advertise(1800);
      await until('the former router', async () => (await listDefaults(6)).includes('main via fe80::1'), 10_000);
      await awaitReach(lab.vpc);
      await lab.vpc.setService(alone.id, true);
      await lab.enid.converged();
    },
    testMs,
  );

  it(
    'a lease whose classless routes have no default adds none to main; the ENI’s own table has one',
    async () => {
      await lease('renew', '121,10.9.0.0/16,10.0.2.1');
      await until('the classless route', async () => (await check('ip route show 10.9.0.0/16')).includes('dev ens6'));
      await until('no default in main', holds(4, ['10001 via 10.0.2.1']), 10_000);
      await sleep(judgedMs);
      expect(await listDefaults(4)).toEqual(['10001 via 10.0.2.1']);
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'a renewal has another gateway: main and the ENI’s own table follow',
    async () => {
      await lease('renew', '121,10.9.0.0/16,10.0.2.1,0.0.0.0/0,10.0.2.7');
      await until('the gateway', holds(4, ['main via 10.0.2.7', '10001 via 10.0.2.7']), 10_000);
      // With KeepConfiguration=dhcp networkd ignores the first lease with another router, and
      // accepts the next one.
      await lease('renew', 'option:router,10.0.2.9');
      await sleep(1_000);
      await check('networkctl renew ens6');
      await until('the next gateway', holds(4, ['main via 10.0.2.9', '10001 via 10.0.2.9']), 10_000);
      await lease('renew');
      await sleep(1_000);
      await check('networkctl renew ens6');
      await until('the first gateway', holds(4, fourBefore), 10_000);
      await lab.enid.converged();
      await awaitReach(lab.vpc);
    },
    testMs,
  );
});
