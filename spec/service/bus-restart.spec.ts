/**
 * The bus restarts on a running host, by an upgrade or by mistake. networkd never connects again
 * (252 to 262): enid reports it with the fix, removes nothing, and configures a new ENI from what
 * the kernel shows.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { measureLoss } from '../../fixtures/loss.ts';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

const { ENID_MACHINE_TREE_BROKER, ENID_MACHINE_TREE_257 } = process.env;
const advice = 'systemctl restart systemd-networkd';

describe.each([
  ['dbus-broker and systemd 252', ENID_MACHINE_TREE_BROKER, 'systemctl --root=$1 --quiet enable dbus-broker.service'],
  ['dbus-daemon and systemd 257', ENID_MACHINE_TREE_257, ''],
])('%s', (name, tree = '', prepare) => {
  let vpc: Vpc;
  let machine: Machine;

  const readStatus = async () => (await machine.run(['enid', 'status'])).stdout;
  const journal = async () => {
    await machine.check(['journalctl', '--sync']);
    return await machine.check(['journalctl', '-b', '-o', 'cat', '-u', 'enid', '-p', 'warning']);
  };

  beforeAll(async () => {
    if (tree === '') throw new Error('ENID_MACHINE_TREE_BROKER is not set: run `npm run test:service`');
    vpc = await Vpc.create({ name: `busrestart${name.slice(-3)}`, subnets });
    for (const eni of [primary, alone]) await vpc.attach(eni);
    machine = await Machine.boot(vpc, tree, { prepare });
    await awaitReach(vpc);
    await until('all is configured', async () => /ens6 .* configured/.test(await readStatus()));
  }, testMs);
  afterAll(async () => {
    await machine?.stop();
    await vpc?.destroy();
  }, testMs);

  it(
    'loses no packet; status, doctor and the journal say what to do, and do not say that leases end',
    async () => {
      const mainPid = await machine.show('MainPID');
      const loss = await measureLoss(vpc, async () => {
        await machine.check(['systemctl', 'restart', 'dbus.service']);
        await until('its word', async () => (await readStatus()).includes(advice));
      });
      expect([...loss.notes, ...loss.broken]).toEqual([]);
      expect([await machine.show('MainPID'), await machine.show('ActiveState', 'systemd-networkd.service')]).toEqual([
        mainPid,
        'active',
      ]);
      const doctor = await machine.run(['enid', 'doctor']);
      expect([doctor.code, doctor.stdout]).toEqual([
        3,
        expect.stringMatching(/^error +networkd .*left the system bus.*\n.*→ systemctl restart systemd-networkd$/m),
      ]);
      const said = (await journal()).split('\n').filter((line) => line.includes(advice));
      expect(said).toHaveLength(1);
      expect(`${await readStatus()}${await journal()}`).not.toMatch(/leases are not renewed|does not run/);
    },
    testMs,
  );

  it(
    'every address of an ENI that is plugged in meanwhile answers, and what is removed is put back',
    async () => {
      const loss = await measureLoss(vpc, async () => {
        await vpc.attach(sharing);
        await awaitReach(vpc);
      });
      expect([...loss.notes, ...loss.broken]).toEqual([]);
      await machine.check(['ip', 'rule', 'del', 'pref', '20001']);
      await until('the rule is back', async () => (await machine.check(['ip', 'rule'])).includes('20001:'));
    },
    testMs,
  );

  it(
    'is over after a restart of networkd',
    async () => {
      await machine.check(['systemctl', 'restart', 'systemd-networkd']);
      const named = [primary, alone, sharing].map(({ linkName }) => new RegExp(`${linkName} .* configured`));
      await until('all is configured', async () => {
        const text = await readStatus();
        return named.every((pattern) => pattern.test(text)) && !text.includes(advice);
      });
      await awaitReach(vpc);
      for (const { linkName } of [primary, alone, sharing])
        expect(await machine.check(['networkctl', 'status', linkName])).toContain(`70-${linkName}.network`);
    },
    testMs,
  );
});
