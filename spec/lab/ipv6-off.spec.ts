/**
 * IPv6 is disabled on a running link (net.ipv6.conf.<link>.disable_ipv6, as hardening scripts do):
 * its IPv4 keeps working, refused changes are not retried all the time, and IPv6 is restored when
 * it is enabled again.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('ipv6off', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
}, testMs);
afterAll(() => closeLab(lab));

const setDisabled = (value: 0 | 1) =>
  lab.vpc.guest.namespace.setSysctls({ [`net.ipv6.conf.${alone.linkName}.disable_ipv6`]: value });

async function listLost(): Promise<string[]> {
  const reached = await lab.vpc.reachesAll({ timeoutMs: 300 });
  return reached.filter(({ isReached }) => !isReached).map(({ source }) => source);
}

it(
  'IPv4 loses no packet, one line says that IPv6 is off, no change is tried that the kernel refuses',
  async () => {
    await setDisabled(1);
    await until('its word', async () =>
      (await runEnid(lab.vpc.guest, ['status'])).stdout.includes('IPv6 is off on the link'),
    );
    expect((await listLost()).sort()).toEqual([...(alone.ipv6 ?? [])].sort());
    const before = lab.enid.lines.length;
    await sleep(3_000);
    expect(lab.enid.lines.slice(before)).toEqual([]);
    expect(lab.enid.lines.join('\n')).not.toMatch(/EACCES/);
  },
  testMs,
);

it(
  'everything is restored when IPv6 is enabled',
  async () => {
    await setDisabled(0);
    await awaitReach(lab.vpc);
    await lab.enid.converged();
  },
  testMs,
);
