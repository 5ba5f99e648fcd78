/**
 * A local network interface of an Outposts server: the metadata lists an address of the VPC for it,
 * and the network on the premises, where the link is, leases another one.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, installInto, runEnid } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { completeEni } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

const premises = { id: 'subnet-00000000000000077', ipv4: '192.168.77.0/24', ipv6: null };
const outpost = { id: 'subnet-00000000000000008', ipv4: '10.0.8.0/24', ipv6: null };
const local = { ...alone, subnetId: premises.id, ipv4: ['192.168.77.50'], ipv6: [] };

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let vpc: Vpc;
  let enid: EnidProcess;

  const check = (line: string) => vpc.guest.check(['sh', '-c', line]);

  beforeAll(async () => {
    const command = findCommand();
    vpc = await Vpc.create({
      name: `local-${release}`,
      subnets: [...subnets, premises],
      guest: command === null ? {} : { command },
    });
    await installInto(vpc.guest);
    await vpc.attach(primary);
    vpc.metadata.addSubnets('vpc-0123456789abcdef0', [outpost]);
    await vpc.guest.networkd.start();
    enid = EnidProcess.start(vpc.guest);
    await awaitReach(vpc);
    await vpc.attach(local, { metadata: 'manual' });
    await vpc.metadata.put(completeEni({ ...local, subnetId: outpost.id, ipv4: ['10.0.8.30'] }), {
      isListed: true,
      hasDeviceNumber: true,
      hasNetworkCard: true,
      hasIpv6: true,
    });
  }, testMs);
  afterAll(async () => {
    await vpc?.destroy();
  });

  it(
    'the leased address leaves by it, like the addresses of an ENI; its state says what it is',
    async () => {
      await awaitReach(vpc);
      await enid.converged();
      const { stdout } = await runEnid(vpc.guest, ['status']);
      expect(stdout).toMatch(/ens6 .*configured .*192\.168\.77\.50/);
      expect(stdout).toContain('local network interface (Outposts): 192.168.77.50 is leased by the network on the');
      expect(await check('ip rule')).toMatch(/from 192\.168\.77\.0\/24 iif lo lookup 10001/);
      expect(await check('ip rule; ip route show table all; ip address')).not.toMatch(/10\.0\.8\.(0\/24 dev ens6|30)/);
      const doctor = await runEnid(vpc.guest, ['doctor']);
      expect(doctor.stdout).toMatch(/^ok +enis +ens6: configured: local network interface/m);
    },
    testMs,
  );

  it(
    'stays so while networkd restarts and reports no lease: nothing is lost',
    async () => {
      // What IPv6 of the primary loses at a restart is measured elsewhere (docs/proof/measured.md).
      const lost = await watchLoss(
        vpc,
        async () => {
          await vpc.guest.networkd.restart();
          await enid.converged();
        },
        { except: primary.ipv6 ?? [] },
      );
      expect([...lost]).toEqual([]);
      await until('it is told', async () =>
        (await runEnid(vpc.guest, ['status'])).stdout.includes('local network interface'),
      );
    },
    testMs,
  );
});
