/**
 * ENIs of two VPCs on one instance. Their subnets are the same, and two pairs of ENIs share an
 * address each: a leased one and a secondary one. No rule can distinguish these; everything else
 * works in every way.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, runEnid } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { OtherVpc } from '../../fixtures/vpc/other-vpc.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, strangers, strangeSubnets, subnets } from '../../fixtures/vpc-shapes.ts';
import { makeLabHost } from '../../fixtures/ways/host.ts';
import { awaitLeases, installEnid } from '../../fixtures/ways/instance.ts';
import { Matrix, type Selection } from '../../fixtures/ways/matrix.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
import { sleep, testMs, until } from './lab.ts';

const shared = ['10.0.1.10', '10.0.2.21'];
const sparse: Selection = { protocols: { out: ['udp'], in: ['tcp'] } };

describe.each([
  ['252', undefined],
  ['257', trixieNetworkd],
] as const)('with systemd-networkd %s', (release, findNetworkd) => {
  let vpc: Vpc;
  let other: OtherVpc;
  let enid: EnidProcess;

  beforeAll(async () => {
    const command = findNetworkd?.();
    vpc = await Vpc.create({ name: `two-vpcs-${release}`, subnets, guest: command === undefined ? {} : { command } });
    other = await OtherVpc.create(vpc, strangeSubnets);
    await installEnid(vpc.guest);
    await vpc.attach(primary);
    await vpc.guest.networkd.start();
    enid = EnidProcess.start(vpc.guest);
    const [first, second] = strangers;
    await other.attach(first);
    await vpc.attach(alone);
    await other.attach(second);
    await awaitLeases({ enis: [...vpc.enis, ...other.enis], guest: vpc.guest });
    await until('nothing is left to do', async () => (await enid.plan()).code === 0);
  }, testMs);
  afterAll(() => vpc?.destroy());

  it('an address of two ENIs stays with the first; the second is degraded and says what to do', async () => {
    const rules = await vpc.guest.check(['sh', '-c', 'ip rule; ip -6 rule']);
    expect(rules).not.toMatch(/10\.0\.1\.10 .*lookup 10002/);
    expect(rules).not.toMatch(/10\.0\.2\.21 .*lookup 10003/);
    const { enis } = JSON.parse((await runEnid(vpc.guest, ['status', '--json'])).stdout);
    const states = enis.map(({ link, state, reason }: Record<string, string>) => [link, state, reason]);
    const advice = (address: string, id: string) =>
      expect.stringMatching(new RegExp(`^local-ipv4s ${address}/32 is also assigned to ${id}: .* VRF \\(\`vrf:\`\\)$`));
    expect(states.sort()).toEqual([
      ['ens11', 'degraded', advice('10.0.1.10', primary.id)],
      ['ens12', 'degraded', advice('10.0.2.21', alone.id)],
      ['ens5', 'configured', null],
      ['ens6', 'configured', null],
    ]);
    const doctor = await runEnid(vpc.guest, ['doctor']);
    expect(doctor.stdout).toMatch(/10\.0\.1\.10\/32 is also assigned to .*VRF/);
  });

  it(
    'nothing is done repeatedly, and nothing is logged',
    async () => {
      const monitor = vpc.guest.spawn(['ip', '-ts', 'monitor', 'link', 'address', 'route', 'rule'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let events = '';
      monitor.stdout?.on('data', (chunk) => {
        events += String(chunk);
      });
      const before = enid.lines.length;
      // Three polls.
      await sleep(17_000);
      monitor.kill('SIGTERM');
      expect(enid.lines.slice(before)).toEqual([]);
      // What networkd does for leases and advertisements does not count.
      expect(events.split('\n').filter((line) => / proto (236|static) |lookup|group/.test(line))).toEqual([]);
      expect(events.match(/10\.0\.[12]\.\d+/g) ?? []).toEqual([]);
    },
    testMs,
  );

  it(
    'every way of all other addresses, in both VPCs, and of those that are shared by the ENI that has them',
    async () => {
      const host = makeLabHost(vpc);
      for (const [around, itsSubnets, taken] of [
        [vpc, subnets, []],
        [other, strangeSubnets, shared],
      ] as const) {
        const matrix = await Matrix.createOn(around, { host, subnets: itsSubnets });
        expect(await matrix.listen(5_000)).toEqual([]);
        const trials = await matrix.list({
          ...sparse,
          sources: ({ address }) => !taken.some((one) => one === address),
        });
        expect(trials.length).toBeGreaterThan(30);
        expect(formatLost(await matrix.run(trials))).toBe('');
      }
    },
    testMs,
  );
});
