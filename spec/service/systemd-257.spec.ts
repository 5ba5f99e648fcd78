/**
 * The same unit on Debian 13's systemd 257, which knows Type=notify-reload and restarts in steps.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';
import { readDocumentedExposure, readExposure } from './exposure.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE_257'] ?? '';
const baseConfig = 'drivers: [veth]\nimds: { interval: 5s, timeout: 1s }\ninterfaces:\n';

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE_257 is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'service257', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree);
  await awaitReach(vpc);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

const rules = () => machine.check(['ip', 'rule']);
const classic = /^10001:\tfrom 10\.0\.2\.23 lookup 10001/m;

it('starts with the system, with the type that this systemd knows, and without a warning about its unit', async () => {
  expect(await machine.check(['systemctl', '--version'])).toMatch(/^systemd 257/);
  expect((await machine.run(['systemctl', 'is-system-running'])).stdout).toBe('running\n');
  expect([await machine.show('Type'), await machine.show('ActiveState')]).toEqual(['notify-reload', 'active']);
  expect(await machine.check(['journalctl', '-b', '-o', 'cat', '_PID=1'])).not.toMatch(/enid(-restore)?\.service:\d+:/);
});

it(
  'a reload is over when the pass is done, and systemd knows of one by SIGHUP, too',
  async () => {
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n    rules: classic\n`);
    await machine.check(['systemctl', 'reload', 'enid']);
    expect(await rules()).toMatch(classic);
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n`);
    await machine.check(['systemctl', 'reload', 'enid']);
    expect(await rules()).not.toMatch(classic);
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n    rules: classic\n`);
    await machine.check(['systemctl', 'kill', '--signal=HUP', '--kill-whom=main', 'enid']);
    await until('the rules', async () => classic.test(await rules()));
    await until('it is active again', async () => (await machine.show('SubState')) === 'running');
  },
  testMs,
);

it(
  'a refused configuration fails the reload, and the daemon keeps the previous one',
  async () => {
    const mainPid = await machine.show('MainPID');
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n    rules: clasic\n`);
    const { code } = await machine.run(['systemctl', 'reload', 'enid']);
    expect(code).not.toBe(0);
    await machine.check(['journalctl', '--sync']);
    const journal = await machine.check(['journalctl', '-u', 'enid', '-n', '20', '-o', 'cat']);
    expect(journal).toMatch(/\/etc\/enid\/config\.yaml:5: interfaces\[0\]\.rules: .*clasic/);
    expect(await rules()).toMatch(classic);
    expect([await machine.show('ActiveState'), await machine.show('MainPID')]).toEqual(['active', mainPid]);
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n`);
    await machine.check(['systemctl', 'reload', 'enid']);
    expect(await rules()).not.toMatch(classic);
  },
  testMs,
);

it('has an exposure of at most 1.5 with this systemd, too, explained in docs/security.md', async () => {
  const { level, settings } = await readExposure(machine);
  expect(level).toBeLessThanOrEqual(1.5);
  expect(settings).toEqual(readDocumentedExposure());
  expect((await readExposure(machine, 'enid-restore.service')).level).toBeLessThanOrEqual(2.5);
});
