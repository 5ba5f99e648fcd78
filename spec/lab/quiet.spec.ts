/** Promise P1: over ten polls without a change, no netlink request but look-ups, no write, no bus call, no log line. */

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
  // The quick retries after the last attach are over with the first poll that finds everything in place.
  await sleep(6_000);
  const linesBefore = enid.lines.length;
  await vpc.imds.resetRequests();
  const trace = '/run/enid-trace';
  // connect is the metadata's own socket; every write, send, rename or bus message of the program would be seen here.
  const strace = vpc.guest.spawn(
    [
      'strace',
      '-f',
      '-qq',
      '-y',
      '-e',
      'trace=sendto,sendmsg,sendmmsg,write,writev,pwrite64,rename,unlink,mkdir,openat',
      '-o',
      trace,
      '-p',
      String(enid.pid),
    ],
    { stdio: 'ignore' },
  );
  await sleep(52_000);
  strace.kill('SIGINT');
  await sleep(500);
  const calls = (await vpc.guest.readFile(trace)).split('\n').filter((line) => /\w+\(/.test(line));
  const requests = await vpc.imds.requests();
  const polls = requests.filter(({ path }) => path.endsWith('/macs/')).length;
  expect(polls).toBeGreaterThanOrEqual(10);
  const foreign = calls.filter(
    (line) =>
      // To the metadata service, libuv's own wake-ups between threads, and files that are only read.
      !/(socket|TCP|TCPv6):\[|eventfd|pipe:\[/.test(line) && !/openat\(.*O_RDONLY/.test(line),
  );
  expect(foreign).toEqual([]);
  expect(calls.some((line) => /NETLINK|UNIX/.test(line))).toBe(false);
  expect(enid.lines.slice(linesBefore)).toEqual([]);
  expect((await runEnid(vpc.guest, ['plan'])).code).toBe(0);
}, 120_000);
