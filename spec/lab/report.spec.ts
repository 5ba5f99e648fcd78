/** A report decides elsewhere as the host itself does: the real kernel and networkd judge. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('report', primary);
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
  await lab.enid.stop();
}, testMs * 2);
afterAll(() => closeLab(lab));

const file = '/run/report.json';
const check = (...argv: string[]) => lab.vpc.guest.check(argv);

interface Way {
  readonly source: string;
  readonly destination: string;
  readonly leavesBy: { readonly link: string } | null;
  readonly right: boolean | null;
}

/** The ways that the kernel has, and those that the report has. */
async function compareWays(): Promise<number> {
  const all = await runEnid(lab.vpc.guest, ['explain', '--all', '--json']);
  const ways: Way[] = JSON.parse(all.stdout).ways;
  for (const { source, destination, leavesBy, right } of ways) {
    const one = await runEnid(lab.vpc.guest, ['explain', source, destination, '--from', file, '--json']);
    const { kernel, right: isRight } = JSON.parse(one.stdout);
    const told = { source, destination, link: kernel.link, right: isRight };
    expect(told).toEqual({ source, destination, link: leavesBy?.link, right });
  }
  return ways.length;
}

async function comparePlans(): Promise<number> {
  expect(await runEnid(lab.vpc.guest, ['report', '--output', file])).toMatchObject({ code: 0, stderr: '' });
  const live = await runEnid(lab.vpc.guest, ['plan', '--no-daemon', '--json']);
  const later = await runEnid(lab.vpc.guest, ['plan', '--from', file, '--json']);
  expect(later).toEqual(live);
  return JSON.parse(live.stdout).changes.length;
}

it(
  'of a host that is as it should be: nothing to do, and every way is the kernel’s',
  async () => {
    expect(await comparePlans()).toBe(0);
    expect(await compareWays()).toBeGreaterThan(20);
  },
  testMs * 3,
);

it(
  'of one that is not: the same changes, and the same ways',
  async () => {
    await check('ip', 'rule', 'del', 'pref', '20001');
    await check('ip', 'route', 'del', 'default', 'table', '10003');
    await check('ip', 'address', 'del', '10.0.2.21/32', 'dev', 'ens6');
    await check('ip', 'rule', 'add', 'pref', '100', 'from', '10.0.1.11', 'lookup', '10001');
    await check('ip', 'link', 'property', 'del', 'dev', 'ens5', 'altname', 'device-number-0.0');
    expect(await comparePlans()).toBeGreaterThan(3);
    await compareWays();
  },
  testMs * 3,
);

it(
  'of one without metadata and with a configuration that is refused: it is written, and says so',
  async () => {
    await lab.vpc.imds.refuse();
    await lab.vpc.guest.writeFile('/etc/enid/config.yaml', 'nonsense: 1\n');
    const { code, stdout } = await runEnid(lab.vpc.guest, ['report', '--output', '-']);
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report.configuration).toMatchObject({
      problem: expect.stringContaining('/etc/enid/config.yaml:1: nonsense'),
      files: [{ path: '/etc/enid/config.yaml', text: 'nonsense: 1\n' }],
    });
    expect(report.sight.isConfirmed).toBe(false);
    expect(report.sight.warnings.join()).toMatch(/failed to read the metadata/);
    await lab.vpc.imds.accept();
  },
  testMs,
);

it(
  'is for its owner alone, and has no ids where that was asked for',
  async () => {
    expect(await check('stat', '--format=%a %U', file)).toBe('600 root\n');
    const { stdout } = await runEnid(lab.vpc.guest, ['report', '--redact', '--output', '-']);
    expect(stdout).not.toContain(lab.vpc.enis[0]?.publicIpv4 === undefined ? 'never' : '198.51.100.7');
    expect(stdout.match(/\b(?:i|subnet|vpc)-[0-9a-f]{8,17}\b/g)?.every((id) => /-0+\d{1,2}$/.test(id))).toBe(true);
  },
  testMs,
);
