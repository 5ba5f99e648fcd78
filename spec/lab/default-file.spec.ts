/**
 * units/network/80-ec2.network alone, before enid or without it: the oracle is the real networkd's
 * lease.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installInto } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import type { EniSpec, SubnetSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { testMs, until } from './lab.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];
const ipv4Only: SubnetSpec = { id: 'subnet-00000000000000004', ipv4: '10.0.4.0/24', ipv6: null };
const withoutIpv6: EniSpec = {
  ...{ id: 'eni-00000000000000009', mac: '06:53:e1:00:00:09', linkName: 'ens13', deviceNumber: 8 },
  ...{ subnetId: ipv4Only.id, ipv4: ['10.0.4.90'] },
};

describe.each(releases)('with systemd-networkd %s', (release, findCommand) => {
  let vpc: Vpc;
  const check = (...argv: string[]) => vpc.guest.check(argv);

  beforeAll(async () => {
    const command = findCommand();
    const guest = command === null ? {} : { command };
    vpc = await Vpc.create({ name: `default-${release}`, subnets: [...subnets, ipv4Only], guest });
    await installInto(vpc.guest);
    // No router advertisement arrives.
    await check('nft', 'add table ip6 silent; add chain ip6 silent in { type filter hook input priority 0; }');
    await check('nft', 'add rule ip6 silent in icmpv6 type nd-router-advert drop');
    for (const eni of [primary, withoutIpv6]) await vpc.attach(eni);
    await vpc.guest.networkd.start();
  }, testMs);
  afterAll(() => vpc?.destroy());

  it(
    'leases IPv6 without a router advertisement, as the file of amazon-ec2-net-utils does',
    async () => {
      await until('the lease of IPv6', async () =>
        / 2001:db8:0:1::10\/128 /.test(await check('ip', '-6', '-o', 'address', 'show', 'dev', 'ens5')),
      );
      expect(await check('ip', '-6', 'route', 'show', 'default')).toBe('');
    },
    testMs,
  );

  it(
    'a subnet without IPv6 has its link configured all the same',
    async () => {
      await until('the link', async () =>
        /ens13 +ether +routable +configured/.test(await check('networkctl', 'list', '--no-pager')),
      );
    },
    testMs,
  );
});
