/**
 * A first boot with a dead metadata service and several ENIs: what network-online waits for, which
 * address each link gets, and what happens when the service is back. The oracle is
 * systemd-networkd-wait-online and the far host, not only enid.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, ipv6Only, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';
import { watchLoss } from '../lab/watch-loss.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes them on. */
const trees = { 252: process.env['ENID_MACHINE_TREE'] ?? '', 257: process.env['ENID_MACHINE_TREE_257'] ?? '' };
const waitOnline = ['/lib/systemd/systemd-networkd-wait-online', '--timeout=20'];

/** What EC2 leases to each ENI: the only addresses that a host without metadata can have. */
const leased = [primary, alone, sharing, ipv6Only].flatMap(({ ipv4 = [], ipv6 = [] }) => [
  ...ipv4.slice(0, 1),
  ...ipv6.slice(0, 1),
]);
let vpc: Vpc;
let machine: Machine;

const shell = (text: string) => machine.check(['sh', '-c', text]);
const listAddresses = async (link: string) =>
  [...(await shell(`ip -4 -o address show dev ${link}`)).matchAll(/inet (?<address>\S+)/g)].map(
    ({ groups }) => groups?.['address'],
  );

describe.each([252, 257] as const)('a first boot without metadata, systemd %s', (version) => {
  beforeAll(async () => {
    const tree = trees[version];
    if (tree === '') throw new Error(`no tree of systemd ${version}: run \`npm run test:service\``);
    vpc = await Vpc.create({ name: `dead-metadata-${version}`, subnets });
    for (const eni of [primary, alone, sharing, ipv6Only]) await vpc.attach(eni);
    await vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
    machine = await Machine.boot(vpc, tree);
  }, testMs);
  afterAll(async () => {
    await machine?.stop();
    await vpc?.destroy();
  }, testMs);

  it(
    'does not hold back network-online.target: the daemon is up within its patience, and every link has its lease',
    async () => {
      expect((await machine.run(['systemctl', 'is-system-running'])).stdout).toBe('running\n');
      expect(await machine.show('ActiveState')).toBe('active');
      const startMs = await shell(
        'echo $(( ($(systemctl show -P ActiveEnterTimestampMonotonic enid) - $(systemctl show -P ExecMainStartTimestampMonotonic enid)) / 1000 ))',
      );
      expect(Number(startMs)).toBeLessThan(10_000);
      // What network-online.target waits for on a host: here it is masked, and run by hand.
      expect(await machine.run(waitOnline, { timeoutMs: 30_000 })).toMatchObject({ code: 0 });
      // Each link has the address that EC2 leases, and no other; secondary addresses are not known
      // yet.
      await until('the leases', async () => (await listAddresses('ens9')).length > 0);
      expect(await listAddresses('ens5')).toEqual(['10.0.1.10/24']);
      expect(await listAddresses('ens6')).toEqual(['10.0.2.20/24']);
      expect(await listAddresses('ens7')).toEqual(['10.0.1.30/24']);
      expect(await listAddresses('ens9')).toEqual(['169.254.192.5/32']);
      expect(await shell('ls /run/systemd/network')).not.toMatch(/70-/);
    },
    testMs,
  );

  it(
    'sends packets of every leased address by its own ENI, and says what it waits for',
    async () => {
      for (const source of leased) await until(`${source} is reached`, () => vpc.reaches(source));
      expect(await shell('journalctl -u enid -o cat')).toMatch(/metadata/);
      expect(await machine.check(['enid', 'status'])).toMatch(
        /the metadata service has not answered yet; meanwhile 10\.0\.2\.20, 2001:db8:0:2::20 leave by ens6 \(provisional rules, table 140\d\d\)/,
      );
      const doctor = await machine.run(['enid', 'doctor'], { timeoutMs: 60_000 });
      expect(doctor.code).toBe(3);
      expect(doctor.stdout).toMatch(/the metadata service answers through no ENI/);
    },
    testMs,
  );

  it(
    'configures everything when the service is back, without losing an IPv4 packet or a connection',
    async () => {
      const except = vpc.enis.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6]).filter((one) => !leased.includes(one));
      const lost = await watchLoss(
        vpc,
        async () => {
          await vpc.imds.setFaults([]);
          await awaitReach(vpc, 30_000);
        },
        { except },
      );
      const isIpv6 = ([stream]: readonly [string, number]) => stream.includes(':');
      expect([...lost].filter((one) => !isIpv6(one))).toEqual([]);
      // None in the runs that docs/proof/measured.md tells of; one or two in some before, of which
      // the cause is not proven.
      for (const [, count] of [...lost].filter(isIpv6)) expect(count).toBeLessThan(3);
      await until('all is configured', async () => {
        const { enis } = JSON.parse(await machine.check(['enid', 'status', '--json'])) as { enis: { state: string }[] };
        return enis.length === 4 && enis.every(({ state }) => state === 'configured');
      });
      expect(await listAddresses('ens9')).toEqual(['169.254.192.5/32']);
      // Nothing is left of the objects made without metadata.
      await until(
        'the provisional rules are gone',
        async () => !/^239[56]0:/m.test(await shell('ip rule; ip -6 rule')),
      );
      expect(await shell('ip route show table all; ip -6 route show table all')).not.toMatch(/table 140\d\d/);
      expect(await machine.run(['enid', 'plan'])).toMatchObject({ code: 0 });
    },
    testMs,
  );
});
