/**
 * `enid takeover` from ifupdown under a real systemd, with TCP sessions that must survive, and
 * back.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

const tree = process.env['ENID_MACHINE_TREE'] ?? '';

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'takeover', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree, { by: 'ifupdown' });
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

async function isManagedByIfupdown(): Promise<boolean> {
  const { stdout } = await machine.run(['sh', '-c', 'cat /proc/[0-9]*/comm | grep -c dhclient']);
  return stdout.trim() === '2';
}

it(
  'hands the links over and back, and no session breaks',
  async () => {
    await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
    expect(await isManagedByIfupdown()).toBe(true);
    const before = await machine.check(['cat', '/etc/network/interfaces']);
    // The secondary address cannot reach the far host yet: ifupdown has no rules for it.
    const session = await vpc.startStream('10.0.1.10', { protocol: 'tcp' });

    const shown = await machine.check(['enid', 'takeover', '--dry-run']);
    expect(shown).toMatch(/^The ENIs are configured by: ifupdown \(ens5, ens6\)$/m);
    expect(await machine.check(['cat', '/etc/network/interfaces'])).toBe(before);

    expect(await machine.check(['enid', 'takeover'], { timeoutMs: 120_000 })).toMatch(/^Done\./m);
    expect(await machine.check(['cat', '/etc/network/interfaces'])).toBe('auto lo\niface lo inet loopback\n');
    expect(await machine.check(['systemctl', 'is-enabled', 'systemd-networkd', 'enid'])).toBe('enabled\nenabled\n');
    expect(await isManagedByIfupdown()).toBe(false);
    await awaitReach(vpc);
    // No file of the previous manager is left that would take precedence over networkd's.
    const routes = await machine.check(['ip', 'route', 'show', 'table', 'main']);
    for (const line of routes.trim().split('\n')) expect(line).toMatch(/metric 51[23]/);

    const undone = await machine.check(['enid', 'takeover', '--undo'], { timeoutMs: 120_000 });
    expect(undone).toMatch(/^Restored\./m);
    expect(await machine.check(['cat', '/etc/network/interfaces'])).toBe(before);
    expect((await machine.run(['systemctl', 'is-enabled', 'systemd-networkd', 'enid'])).stdout).toBe(
      'disabled\ndisabled\n',
    );
    expect(await isManagedByIfupdown()).toBe(true);
    expect(await machine.run(['enid', 'takeover', '--undo'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no takeover'),
    });
    await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
    const { failure, lost, received } = await session.stop();
    expect({ failure, lost }).toEqual({ failure: null, lost: 0 });
    expect(received).toBeGreaterThan(0);
  },
  testMs,
);

it('rolls itself back if the metadata service is gone when it verifies', async () => {
  const before = await machine.check(['cat', '/etc/network/interfaces']);
  const session = await vpc.startStream('10.0.1.10', { protocol: 'tcp' });
  const takeover = machine.run(['enid', 'takeover'], { timeoutMs: 180_000 });
  await until(
    'it has begun',
    async () => (await machine.run(['test', '-e', '/var/lib/enid/takeover/record.json'])).code === 0,
  );
  await vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
  const { code, stdout, stderr } = await takeover;
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('rolled back') });
  expect(stdout).toMatch(/metadata service was not reached .*Rolling back:/);
  expect(await machine.check(['cat', '/etc/network/interfaces'])).toBe(before);
  await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
  expect(await session.stop()).toMatchObject({ failure: null, lost: 0 });
  await vpc.imds.setFaults([]);
}, 240_000);
