/**
 * IPv6-only subnets with both networkds: there EC2 leases 169.254.x.y/32 by DHCPv4, through which
 * the metadata service answers if its IPv6 endpoint is disabled, as it is by default. The lease
 * stays, whatever enid and networkd do.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { labConfig } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, ipv6Only } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const releases: [string, () => readonly string[] | null][] = [
  ['252', () => null],
  ['257', trixieNetworkd],
];

const second = {
  ...ipv6Only,
  id: 'eni-00000000000000009',
  mac: '06:53:e1:00:00:09',
  linkName: 'ens13',
  deviceNumber: 8,
  ipv6: ['2001:db8:0:6::90'],
};

describe.each(releases)('with systemd-networkd %s', (_release, findCommand) => {
  let lab: Lab;

  const check = (line: string) => lab.vpc.guest.check(['sh', '-c', line]);
  const lease = async (link: string) =>
    /inet (?<lease>169\.254\.\S+)/.exec(await check(`ip -4 -o address show dev ${link}`))?.groups?.['lease'] ?? null;

  beforeAll(async () => {
    const config = labConfig.replace('imds: {', 'imds: { endpoints: ["http://169.254.169.254"],');
    lab = await openLab(`six-${_release}`, { ...ipv6Only, deviceNumber: 0 }, config, findCommand() ?? undefined);
    await awaitLeases(lab);
  }, testMs);
  afterAll(() => closeLab(lab));

  it(
    'finds the metadata by the lease of the primary, and does not wait for a table route of it',
    async () => {
      expect(await lease('ens9')).toBe('169.254.192.5/32');
      expect(await check('cat /run/systemd/network/70-ens9.network')).toContain('DHCP=yes');
      expect(
        await check('cat /run/systemd/network/70-ens9.network*/*.conf /run/systemd/network/70-ens9.network'),
      ).not.toContain('_dhcp4');
      expect(await check('ip rule')).not.toMatch(/169\.254/);
    },
    testMs,
  );

  it(
    'keeps the lease over an attached ENI, a reload, a renewal and a restart of networkd',
    async () => {
      const { vpc, enid } = lab;
      const lost: string[] = [];
      const monitor = vpc.guest.spawn(['ip', '-4', 'monitor', 'address', 'dev', 'ens9'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      monitor.stdout?.on('data', (chunk) =>
        lost.push(
          ...String(chunk)
            .split('\n')
            .filter((line) => /Deleted.*inet 169/.test(line)),
        ),
      );
      await vpc.attach(alone);
      await vpc.attach(second);
      await awaitReach(vpc);
      await enid.converged();
      await until('the lease of the second', async () => (await lease('ens13')) === '169.254.192.9/32');
      await check('networkctl reload; networkctl renew ens9');
      await enid.converged();
      expect(await lease('ens9')).toBe('169.254.192.5/32');
      expect(lost).toEqual([]);
      monitor.kill('SIGKILL');
      await vpc.guest.networkd.stop();
      await vpc.guest.networkd.start();
      await until('the lease after the restart', async () => (await lease('ens9')) === '169.254.192.5/32');
      await enid.converged();
      await awaitReach(vpc);
    },
    testMs,
  );

  it(
    'uses the ENI that has IPv4 if there is one',
    async () => {
      expect(await check('ip route get 198.51.100.10')).toMatch(/via 10\.0\.2\.1 dev ens6/);
      // No route was ever added to its IPv4 table: the kernel may not even have that table.
      expect(await check('ip route show table 10008 2>/dev/null || :')).toBe('');
    },
    testMs,
  );
});
