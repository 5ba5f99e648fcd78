/**
 * Promise P1: over ten polls without a change, no netlink request except look-ups, no write, no bus
 * call, no log line.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs } from './lab.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('quiet', primary);
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it('is silent while nothing changes', async () => {
  const { vpc, enid } = lab;
  // The quick retries after the last attach are over with the first poll that finds everything in
  // place.
  await sleep(6_000);
  const linesBefore = enid.lines.length;
  await vpc.imds.resetRequests();
  const calls = await traceWrites(lab, 52_000);
  const requests = await vpc.imds.requests();
  const polls = requests.filter(({ path }) => path.endsWith('/macs/')).length;
  expect(polls).toBeGreaterThanOrEqual(10);
  // What remains: requests to the metadata service, wake-ups between the program's own threads,
  // reads of files.
  expect(calls.filter((line) => /<TCP/.test(line)).length).toBeGreaterThan(polls);
  const others = calls.filter((line) => !/<TCP(v6)?:\[|<anon_inode:\[eventfd\]>|<\{eventfd-|<pipe:\[/.test(line));
  expect(others.filter((line) => !/openat\(.*O_RDONLY/.test(line))).toEqual([]);
  expect(enid.lines.slice(linesBefore)).toEqual([]);
  expect((await runEnid(vpc.guest, ['plan', '--no-daemon'])).code).toBe(0);
}, 120_000);

it(
  'shows up in the same trace when something changes',
  async () => {
    const traced = traceWrites(lab, 2_000);
    await sleep(1_000);
    await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '20001']);
    const calls = await traced;
    expect(calls.some((line) => /<NETLINK:\[ROUTE/.test(line))).toBe(true);
  },
  testMs,
);

/**
 * Every call of the program that could change or report something, as strace prints it with the
 * peer of each socket.
 */
async function traceWrites({ vpc, enid }: Lab, durationMs: number): Promise<string[]> {
  const trace = '/run/enid-trace';
  const calls = 'sendto,sendmsg,sendmmsg,write,writev,pwrite64,rename,unlink,mkdir,openat';
  const argv = ['strace', '-f', '-qq', '-yy', '-e', `trace=${calls}`, '-o', trace, '-p', String(enid.pid)];
  const strace = vpc.guest.spawn(argv, { stdio: 'ignore' });
  await sleep(durationMs);
  strace.kill('SIGINT');
  await sleep(500);
  return (await vpc.guest.readFile(trace)).split('\n').filter((line) => /\w+\(/.test(line));
}
