/**
 * What other units wait for: an ENI by enid-online@.service, and network-online.target, which
 * systemd-networkd-wait-online judges.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { echoPort, farAddresses } from '../../fixtures/vpc/addresses.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { allVisible } from '../../fixtures/vpc/propagation.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, sleep, testMs, until } from '../lab/lab.ts';
import { readExposure } from './exposure.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes them on. */
const trees = { 252: process.env['ENID_MACHINE_TREE'] ?? '', 257: process.env['ENID_MACHINE_TREE_257'] ?? '' };
const baseConfig = 'drivers: [veth]\nimds: { interval: 5s, timeout: 1s }\n';

/** Needs a secondary address of the ENI with its first packet: Linux repeats one after 1 s. */
const [, source] = alone.ipv4 ?? [];
const echo = `const socket = require('net').connect({ host: '${farAddresses.ipv4}', port: ${echoPort}, localAddress: '${source}' });
socket.setTimeout(800, () => process.exit(1));
socket.on('error', () => process.exit(1)).on('data', () => process.exit(0)).write('word');`;
const consumer = (unit: string) => `[Unit]
Requires=${unit}
After=${unit}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/node /etc/echo.js
`;

describe.each([252, 257] as const)('systemd %s', (version) => {
  let vpc: Vpc;
  let machine: Machine;
  const shell = (text: string) => machine.check(['sh', '-c', text]);
  const stateOf = (unit: string) => machine.show('ActiveState', unit);

  beforeAll(async () => {
    if (trees[version] === '') throw new Error(`no tree of systemd ${version}: run \`npm run test:service\``);
    vpc = await Vpc.create({ name: `online-${version}`, subnets });
    await vpc.attach(primary);
    machine = await Machine.boot(vpc, trees[version]);
    await awaitReach(vpc);
  }, testMs);
  afterAll(async () => {
    await machine?.stop();
    await vpc?.destroy();
  }, testMs);

  describe('enid-online@.service', () => {
    it(
      'a service that requires it starts when the addresses of the ENI work, and not before',
      async () => {
        await machine.writeFile('/etc/echo.js', echo);
        await machine.writeFile('/etc/systemd/system/by-link.service', consumer('enid-online@ens6.service'));
        await machine.writeFile('/etc/systemd/system/by-id.service', consumer(`enid-online@${alone.id}.service`));
        // Units written for amazon-ec2-net-utils stay as they are.
        await machine.writeFile('/etc/systemd/system/of-peer.service', consumer('policy-routes@ens6.service'));
        await shell('ln -s /usr/lib/systemd/system/enid-online@.service /etc/systemd/system/policy-routes@.service');
        const units = ['by-link.service', 'by-id.service', 'of-peer.service'];
        await machine.check(['systemctl', 'daemon-reload']);
        await machine.check(['systemctl', 'start', '--no-block', ...units]);
        await vpc.attach(alone, { metadata: 'manual' });
        // The link is there with its lease; of its other addresses nothing is known.
        await until('the lease', async () => (await shell('ip -o address show dev ens6')).includes('10.0.2.20/'));
        await sleep(2_000);
        expect(await Promise.all(units.map(stateOf))).toEqual(['inactive', 'inactive', 'inactive']);
        expect(await stateOf('enid-online@ens6.service')).toBe('activating');
        await vpc.metadata.show(alone.id, allVisible);
        await until(
          'they are decided',
          async () => !(await Promise.all(units.map(stateOf))).some((state) => /^(inactive|activating)$/.test(state)),
          60_000,
        );
        expect(await Promise.all(units.map(stateOf))).toEqual(['active', 'active', 'active']);
      },
      testMs,
    );

    it(
      'one whose ENI is not for enid to configure keeps the service from its start, and says why',
      async () => {
        const entry = 'interfaces: [{ match: { device: 1 }, manage: none }]\n';
        await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}${entry}`);
        await machine.check(['systemctl', 'reload', 'enid']);
        await machine.check(['systemctl', 'stop', 'by-link.service']);
        // Each start asks again.
        expect(await machine.run(['systemctl', 'start', 'by-link.service'])).toMatchObject({ code: 1 });
        expect(await machine.show('ExecMainStatus', 'enid-online@ens6.service')).toBe('2');
        await machine.check(['journalctl', '--sync']);
        const journal = await machine.check(['journalctl', '-u', 'enid-online@ens6.service', '-o', 'cat']);
        expect(journal).toContain('ens6: ignored: manage: none in the configuration: enid does not configure it');
        await machine.writeFile('/etc/enid/config.yaml', baseConfig);
        await machine.check(['systemctl', 'reload', 'enid']);
        await machine.check(['systemctl', 'start', 'by-link.service']);
      },
      testMs,
    );

    it('holds no process, and has little exposure', async () => {
      expect(await stateOf('enid-online@ens6.service')).toBe('inactive');
      expect((await readExposure(machine, 'enid-online@ens6.service')).level).toBeLessThanOrEqual(1.5);
      const warnings = await machine.check(['journalctl', '-b', '-o', 'cat', '_PID=1']);
      expect(warnings).not.toMatch(/enid-online@\.service:\d+:/);
    });
  });

  describe('network-online.target', () => {
    const wait = 'systemd-networkd-wait-online.service';

    /** Whether the target is reached while one ENI gets no lease, and whether it is with all. */
    async function judge(entries: string, dead: EniSpec): Promise<{ one: string; all: string; required: string[] }> {
      await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}${entries}`);
      await machine.check(['systemctl', 'reload', 'enid']);
      await vpc.setService(dead.id, false);
      // The files are brought up to date when networkd stops, and read when it starts.
      await machine.check(['systemctl', 'stop', 'systemd-networkd.socket', 'systemd-networkd']);
      await until('the files', async () => (await machine.run(['enid', 'plan'])).code !== 2);
      // Neither may keep what was leased before.
      await machine.check(['systemctl', 'stop', 'enid']);
      await shell(`ip address flush dev ${dead.linkName} scope global`);
      await machine.check(['systemctl', 'start', 'systemd-networkd']);
      const start = async () => {
        await machine.run(['systemctl', 'stop', 'network-online.target', wait]);
        await machine.run(['systemctl', 'reset-failed', wait]);
        await machine.run(['systemctl', 'start', 'network-online.target']);
        return await stateOf(wait);
      };
      const list = async () => await shell('networkctl list --no-pager');
      const [living = ''] = ['ens5', 'ens6'].filter((link) => link !== dead.linkName);
      await until('one has its lease', async () => new RegExp(`${living} .* configured`).test(await list()));
      expect(await list()).toMatch(new RegExp(`${dead.linkName} .* configuring`));
      const one = await start();
      await vpc.setService(dead.id, true);
      await until('both have', async () => [...(await list()).matchAll(/ens[56] .* configured/g)].length === 2, 60_000);
      const all = await start();
      await machine.check(['systemctl', 'start', 'enid']);
      const required = await Promise.all(
        ['ens5', 'ens6'].map(async (link) => {
          const text = await shell(`networkctl status ${link} --no-pager`);
          return /Required For Online: (?<word>\w+)/.exec(text)?.groups?.['word'] ?? 'not told';
        }),
      );
      return { one, all, required };
    }

    beforeAll(async () => {
      if (vpc.enis.length === 1) await vpc.attach(alone);
      await awaitReach(vpc);
      // Of an ENI with addresses that need no lease, 257 says that it is configured.
      for (const { id, ipv4 = [], ipv6 = [] } of [primary, alone])
        await vpc.unassign(id, { ipv4: ipv4.slice(1), ipv6 });
      await until('one address each', async () => {
        const text = await shell('ip -br address show dev ens5 && ip -br address show dev ens6');
        return !/\/32|2001:/.test(text);
      });
      const program = '/lib/systemd/systemd-networkd-wait-online';
      const impatient = `[Service]\nExecStart=\nExecStart=${program} --timeout=5\n`;
      await machine.check(['systemctl', 'unmask', wait]);
      await machine.writeFile(`/etc/systemd/system/${wait}.d/impatient.conf`, impatient);
      await shell(`systemctl -q enable ${wait} && systemctl daemon-reload`);
    }, testMs);

    it(
      'waits for the primary, and not for an ENI without a lease',
      async () => {
        expect(await judge('', alone)).toEqual({ one: 'active', all: 'active', required: ['yes', 'no'] });
      },
      testMs,
    );

    it(
      'requiredForOnline: true has it wait for that ENI, too',
      async () => {
        const entries = 'interfaces: [{ match: {}, requiredForOnline: true }]\n';
        expect(await judge(entries, alone)).toEqual({ one: 'failed', all: 'active', required: ['yes', 'yes'] });
      },
      testMs,
    );

    it(
      'requiredForOnline: false has it not wait for the primary',
      async () => {
        const entries =
          'interfaces: [{ match: { device: 0 }, requiredForOnline: false }, { match: {}, requiredForOnline: true }]\n';
        expect(await judge(entries, primary)).toEqual({ one: 'active', all: 'active', required: ['no', 'yes'] });
      },
      testMs,
    );
  });
});
