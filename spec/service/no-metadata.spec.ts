/**
 * A first boot with a dead metadata service and several ENIs: what network-online waits for, which address each link gets, and
 * what happens when the service is back. Judged by systemd-networkd-wait-online and the far host, not by enid alone.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, ipv6Only, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';
import { watchLoss } from '../lab/watch-loss.ts';

const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const waitOnline = ['/lib/systemd/systemd-networkd-wait-online', '--timeout=20'];

let vpc: Vpc;
let machine: Machine;

const shell = (text: string) => machine.check(['sh', '-c', text]);
const listAddresses = async (link: string) =>
  [...(await shell(`ip -4 -o address show dev ${link}`)).matchAll(/inet (?<address>\S+)/g)].map(
    ({ groups }) => groups?.['address'],
  );

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'dead-metadata', subnets });
  for (const eni of [primary, alone, sharing, ipv6Only]) await vpc.attach(eni);
  await vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
  machine = await Machine.boot(vpc, tree);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

describe('a first boot without metadata', () => {
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
      // Each link has the address that EC2 leases, and no other one; secondary addresses are not known yet.
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
    'reaches out by the primary, whose address is the first lease, and says what it waits for',
    async () => {
      expect(await vpc.reaches('10.0.1.10')).toBe(true);
      expect(await shell('journalctl -u enid -o cat')).toMatch(/metadata/);
      const doctor = await machine.run(['enid', 'doctor'], { timeoutMs: 30_000 });
      expect(doctor.code).toBe(3);
      expect(doctor.stdout).toMatch(/the metadata service answers through no ENI/);
    },
    testMs,
  );

  it(
    'configures all when the service is back, without losing a packet of what worked before',
    async () => {
      const lost = await watchLoss(
        vpc,
        async () => {
          await vpc.imds.setFaults([]);
          await awaitReach(vpc, 60_000);
        },
        { except: vpc.enis.flatMap(({ ipv4, ipv6 }) => [...ipv4, ...ipv6]).filter((source) => source !== '10.0.1.10') },
      );
      expect([...lost]).toEqual([]);
      await until('all is configured', async () => {
        const { enis } = JSON.parse(await machine.check(['enid', 'status', '--json'])) as { enis: { state: string }[] };
        return enis.length === 4 && enis.every(({ state }) => state === 'configured');
      });
      expect(await listAddresses('ens9')).toEqual(['169.254.192.5/32']);
    },
    testMs,
  );
});
