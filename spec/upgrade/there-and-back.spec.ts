/**
 * `npm run test:upgrade -- COMMIT`: another version's program → this one → that one again, under
 * traffic, with configuration, ledger and metadata as they left them. Not in `npm test`: it builds
 * that commit from the repository's history.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, runEnid } from '../../fixtures/enid-process.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from '../lab/lab.ts';
import { watchLoss } from '../lab/watch-loss.ts';

const other = process.env['ENID_OTHER_PROGRAM'] ?? '';
let lab: Lab;

beforeAll(async () => {
  expect(other).not.toBe('');
  lab = await openLab('there-and-back', primary);
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
}, testMs);
afterAll(() => closeLab(lab));

/** In the place of the program that `EnidProcess` starts. */
const startOther = (vpc: Vpc) =>
  EnidProcess.start(vpc.guest, [], {}, ['sh', '-c', 'node=$1; shift 2; exec "$node" "$0" "$@"', other]);
const otherPlans = async (vpc: Vpc) =>
  (await vpc.guest.run([process.execPath, other, 'plan', '--no-daemon'])).code === 0;
const readLedger = async (vpc: Vpc) => JSON.parse(await vpc.guest.check(['cat', '/run/enid/ledger.json']));

it(
  'loses no probe there and back, and what was known stays known',
  async () => {
    const { vpc } = lab;
    const there = await watchLoss(vpc, async () => {
      await lab.enid.stop();
      lab.enid = startOther(vpc);
      await until('the other version has nothing to do', () => otherPlans(vpc));
      await sleep(1000);
    });
    expect([...there]).toEqual([]);
    // Assigned under that version, withdrawn under this one, and the other way round.
    await vpc.assign(alone.id, { ipv4: ['10.0.2.77'] });
    await awaitReach(vpc);
    const known = Object.keys((await readLedger(vpc)).entries);
    const back = await watchLoss(vpc, async () => {
      await lab.enid.stop();
      lab.enid = EnidProcess.start(vpc.guest);
      await lab.enid.converged();
    });
    expect([...back]).toEqual([]);
    const now = (await readLedger(vpc)).entries;
    const addresses = known.filter((key) => key.startsWith('address '));
    expect(addresses.length).toBeGreaterThan(5);
    expect(addresses.filter((key) => now[key] === undefined)).toEqual([]);
    const holds = async (address: string) => (await vpc.guest.check(['ip', '-o', 'address'])).includes(`${address}/`);
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.77'] });
    await until('10.0.2.77 is gone', async () => !(await holds('10.0.2.77')));
    await vpc.assign(alone.id, { ipv4: ['10.0.2.78'] });
    await awaitReach(vpc);
    // A configuration of both versions stays in force.
    await vpc.guest.writeFile(
      '/etc/enid/config.d/own.yaml',
      'interfaces: [{ match: { device: 1 }, rules: classic }]\n',
    );
    expect((await runEnid(vpc.guest, ['reload'])).code).toBe(0);
    await lab.enid.stop();
    lab.enid = startOther(vpc);
    await until('classic rules', async () =>
      (await vpc.guest.check(['ip', 'rule'])).includes('from 10.0.2.78 lookup 10001'),
    );
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.78'] });
    await until('10.0.2.78 is gone', async () => !(await holds('10.0.2.78')));
    await awaitReach(vpc);
  },
  3 * testMs,
);
