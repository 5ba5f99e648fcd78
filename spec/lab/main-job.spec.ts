/**
 * The main job on the real kernel, networkd, D-Bus and DHCP: every shape, in both families, through
 * every change.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, program, runEnid } from '../../fixtures/enid-process.ts';
import { readKernel } from '../../fixtures/guest-state.ts';
import { alone, efaOnly, ipv6Only, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

/** The next poll is too late for any test: all reactions follow from the kernel's events alone. */
const hourly = labConfig.replace('interval: 5s', 'interval: 1h');

async function configure({ vpc, enid }: Lab, config: string): Promise<void> {
  await vpc.guest.writeFile('/etc/enid/config.yaml', config);
  enid.signal('SIGHUP');
  await enid.converged();
}

describe('the main job', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab('main', primary, hourly);
  }, testMs);
  afterAll(() => closeLab(lab));

  it(
    'configures each shape that is attached; every source leaves by its own ENI',
    async () => {
      const { vpc } = lab;
      for (const eni of [alone, sharing, withPrefixes, ipv6Only, efaOnly]) {
        await vpc.attach(eni);
        await awaitReach(vpc);
      }
      await lab.enid.converged();
      const { stdout } = await runEnid(vpc.guest, ['status']);
      expect(stdout).toMatch(/eni-00000000000000006\s+ens10\s+5\.0\s+configured/);
      await configure(lab, labConfig);
    },
    testMs,
  );

  it('leaves the primary without rules, and nothing addresses the EFA-only ENI', async () => {
    const { vpc } = lab;
    const rules = await vpc.guest.check(['ip', 'rule']);
    expect(rules).not.toMatch(/from 10\.0\.1\.1[01] /);
    expect(await vpc.guest.check(['ip', '-o', 'address', 'show', 'dev', 'ens10'])).toBe('');
    const main = await vpc.guest.check(['ip', 'route', 'show', 'default']);
    expect(main).toMatch(/default via 10\.0\.1\.1 dev ens5 .*metric 512/);
  });

  it('makes two rules for an ENI alone in its subnet, whatever the number of its addresses', async () => {
    const rules = await lab.vpc.guest.check(['ip', 'rule']);
    expect(rules.match(/10\.0\.2\./g)).toHaveLength(2);
  });

  it('sets MTU, altnames and the lease DNS', async () => {
    const { vpc } = lab;
    const link = await vpc.guest.check(['ip', 'link', 'show', 'dev', alone.linkName]);
    expect(link).toMatch(/mtu 9001/);
    expect(link).toMatch(/altname device-number-1\.0/);
    expect(link).toMatch(/altname eni-00000000000000002/);
    const index = (await vpc.guest.check(['cat', `/sys/class/net/${alone.linkName}/ifindex`])).trim();
    const leased = await vpc.guest.check(['cat', `/run/systemd/netif/links/${index}`]);
    expect(leased).toMatch(/^DNS=10\.0\.0\.2( |$)/m);
    expect(leased).toMatch(/^DOMAINS=ec2\.internal$/m);
  });

  it(
    'gives every route of a lease the metric of its ENI, also after a restart of networkd',
    async () => {
      const { vpc, enid } = lab;
      const metrics: Record<string, string> = { ens5: '512', ens6: '513', ens7: '514' };
      const wrong = async () =>
        (await vpc.guest.check(['ip', 'route'])).split('\n').filter((line) => {
          const metric = metrics[/ dev (\S+)/.exec(line)?.[1] ?? ''];
          return metric !== undefined && / metric (\d+)/.exec(line)?.[1] !== metric;
        });
      expect(await wrong()).toEqual([]);
      await vpc.guest.networkd.restart();
      await awaitReach(vpc);
      await enid.converged();
      expect(await wrong()).toEqual([]);
    },
    testMs,
  );

  it(
    'follows addresses and prefixes that are assigned and unassigned, without a reload',
    async () => {
      const { vpc, enid } = lab;
      const reloads = () => vpc.guest.networkd.log.match(/[Rr]eload/g)?.length ?? 0;
      const before = reloads();
      const added = {
        ipv4: ['10.0.2.24'],
        ipv6: ['2001:db8:0:2::24'],
        ipv4Prefixes: ['10.0.2.96/28'],
        ipv6Prefixes: ['2001:db8:0:2:1::/80'],
      };
      await vpc.assign(alone.id, added);
      await vpc.assign(sharing.id, { ipv4: ['10.0.1.32', '10.0.1.33'] });
      const sources = await awaitReach(vpc);
      expect(sources).toEqual(expect.arrayContaining(['10.0.2.24', '2001:db8:0:2::24', '10.0.1.32']));
      await vpc.unassign(alone.id, added);
      await vpc.unassign(sharing.id, { ipv4: ['10.0.1.32', '10.0.1.33'] });
      await until(
        'the unassigned are gone',
        async () => !/10\.0\.2\.(24|96)|10\.0\.1\.3[23]/.test(await readKernel(vpc)),
      );
      await awaitReach(vpc);
      await enid.converged();
      expect(reloads()).toBe(before);
    },
    testMs,
  );

  it(
    'leaves the choice of a source to the first address of the ENI, whatever is assigned after it',
    async () => {
      const { vpc, enid } = lab;
      const chosen = async (far: string, link: string) =>
        / src (\S+)/.exec(await vpc.guest.check(['ip', 'route', 'get', far, 'oif', link]))?.[1];
      const expectFirst = async () => {
        expect(await chosen('2001:db8:ffff::10', 'ens6')).toBe('2001:db8:0:2::20');
        expect(await chosen('198.51.100.10', 'ens6')).toBe('10.0.2.20');
      };
      const added = { ipv4: ['10.0.2.19'], ipv6: ['2001:db8:0:2::1f', '2001:db8:0:2::24'] };
      await vpc.assign(alone.id, added);
      await awaitReach(vpc);
      await expectFirst();
      // An address that another program makes an ordinary source is corrected; networkd does so
      // from the file.
      await vpc.guest.check([
        'ip',
        'address',
        'change',
        '2001:db8:0:2::24/128',
        'dev',
        'ens6',
        'preferred_lft',
        'forever',
      ]);
      await until('the first again', async () => (await chosen('2001:db8:ffff::10', 'ens6')) === '2001:db8:0:2::20');
      await vpc.guest.networkd.restart();
      await awaitReach(vpc);
      await enid.converged();
      await expectFirst();
      await vpc.unassign(alone.id, added);
      await until('their end', async () => !/10\.0\.2\.19|2::24/.test(await readKernel(vpc)));
      await enid.converged();
    },
    testMs,
  );

  it(
    'survives its own restart and kill -9 without touching anything',
    async () => {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const before = await readKernel(lab.vpc);
        await lab.enid.stop(signal);
        await awaitReach(lab.vpc);
        lab.enid = EnidProcess.start(lab.vpc.guest);
        await lab.enid.converged();
        expect(await readKernel(lab.vpc)).toBe(before);
        expect(lab.enid.lines).toEqual([expect.stringMatching(/^info enid \S+ started: /)]);
      }
    },
    testMs,
  );

  it(
    'survives a restart of networkd',
    async () => {
      await lab.vpc.guest.networkd.restart();
      await awaitReach(lab.vpc);
      await lab.enid.converged();
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'waits for metadata that propagates late',
    async () => {
      const { vpc } = lab;
      await vpc.detach(sharing.id);
      await until('its rules are gone', async () => !/10\.0\.1\.3/.test(await readKernel(vpc)));
      await vpc.attach(sharing, {
        metadata: { listedAfterMs: 1_000, deviceNumberAfterMs: 2_000, ipv6AfterMs: 3_000 },
      });
      // An ENI that was attached before keeps its previous metadata until the service contradicts
      // it twice: early values may not be final.
      await sleep(3_500);
      await awaitReach(vpc);
      await lab.enid.converged();
    },
    testMs,
  );

  it(
    'clears what a detached ENI had, and nothing else',
    async () => {
      const { vpc, enid } = lab;
      await configure(lab, hourly);
      await vpc.detach(alone.id);
      const left = async () =>
        (await readKernel(vpc))
          .split('\n')
          .filter((line) => !line.includes('ctr0') && /10\.0\.2\.|db8:0:2:|10001/.test(line));
      await until('nothing of it is left', async () => (await left()).length === 0).catch(() => undefined);
      expect(await left()).toEqual([]);
      const files = await vpc.guest.check(['ls', '-R', '/run/systemd/network']);
      expect(files).not.toMatch(/70-ens6/);
      await awaitReach(vpc);
      await enid.converged();
    },
    testMs,
  );

  it('takes SIGHUP as a full pass and SIGTERM as the end, with exit code 0', async () => {
    const before = await readKernel(lab.vpc);
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    expect(await lab.enid.stop('SIGTERM')).toBe(0);
    expect(await readKernel(lab.vpc)).toBe(before);
  });

  it(
    'run --once exits when everything is configured',
    async () => {
      await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '20003']);
      expect((await runEnid(lab.vpc.guest, ['plan', '--no-daemon'])).code).toBe(2);
      const once = EnidProcess.start(lab.vpc.guest, ['--once']);
      expect(await once.exited()).toBe(0);
      expect((await runEnid(lab.vpc.guest, ['plan', '--no-daemon'])).code).toBe(0);
    },
    testMs,
  );

  it(
    'run --once writes files that networkd can read, whatever the umask of root’s shell',
    async () => {
      const { guest } = lab.vpc;
      const [folder = ''] = (await guest.check(['sh', '-c', 'ls -d /run/systemd/network/70-*.network.d'])).split('\n');
      const modes = async () => (await guest.check(['stat', '-c', '%a', folder, '/run/enid'])).trim();
      expect(await modes()).toBe('755\n755');
      await guest.check(['rm', '-r', folder, '/run/enid']);
      const run = `umask 077; exec ${process.execPath} ${program} run --once`;
      expect((await guest.run(['sh', '-c', run], { timeoutMs: testMs })).code).toBe(0);
      expect(await modes()).toBe('755\n755');
    },
    testMs,
  );
});
