/**
 * A takeover by one version's package is undone by another's: by an older one after a downgrade,
 * and by this one after an upgrade. Sessions through the primary address survive all of it.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

const commandMs = 180_000;
let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  vpc = await Vpc.create({ name: 'upgrade', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  const packages = process.env['ENID_UPGRADE_PACKAGES'] ?? '';
  machine = await Machine.boot(vpc, process.env['ENID_MACHINE_TREE'] ?? '', { by: 'ifupdown', packages });
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

/** What ifupdown has, and what is switched on. */
const readHost = () =>
  machine.check([
    'sh',
    '-c',
    `cat /etc/network/interfaces; find /etc/network /etc/systemd/network -type f | sort
    systemctl is-enabled networking systemd-networkd; cat /proc/[0-9]*/comm | grep -c dhclient; true`,
  ]);

async function install(version: 'this' | 'other'): Promise<string> {
  const command = `apt-get install -y --no-install-recommends --allow-downgrades /packages/${version}/*.deb`;
  return await machine.check(['sh', '-c', command], { timeoutMs: commandMs });
}
const runTakeover = (...options: string[]) => machine.check(['enid', 'takeover', ...options], { timeoutMs: commandMs });

it.each([
  ['this', 'other', () => install('this')],
  // Which the round before has left installed.
  ['other', 'this', () => runTakeover()],
] as const)(
  'taken by %s, undone by %s',
  async (_taking, undoing, take) => {
    await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
    const before = await readHost();
    const session = await vpc.startStream('10.0.1.10', { protocol: 'tcp' });
    expect(await take()).toMatch(/^Done\./m);
    await awaitReach(vpc);
    await install(undoing);
    await awaitReach(vpc);
    // The exit code, as the texts differ.
    await runTakeover('--undo');
    expect(await readHost()).toBe(before);
    await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
    expect(await session.stop()).toMatchObject({ failure: null, lost: 0 });
  },
  4 * testMs,
);
