/**
 * A first boot with a dead metadata service and several ENIs: what network-online waits for, and which address each link gets.
 * Judged by systemd-networkd-wait-online, not by enid alone.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, ipv6Only, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { testMs, until } from '../lab/lab.ts';

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
});
