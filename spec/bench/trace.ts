/** System calls of a process, as strace(1) prints them with the peer of each socket. */

import { once } from 'node:events';
import type { Guest } from '../../fixtures/vpc/guest.ts';
import { sleep } from '../lab/lab.ts';

const trace = '/run/enid-bench-trace';

/** One line for each call of any thread while it watches. */
export async function traceCalls(guest: Guest, pid: number, durationMs: number): Promise<string[]> {
  const argv = ['strace', '-f', '-qq', '-yy', '-o', trace, '-p', String(pid)];
  const strace = guest.spawn(argv, { stdio: 'ignore' });
  const ended = once(strace, 'exit');
  await sleep(durationMs);
  strace.kill('SIGINT');
  await ended;
  const lines = (await guest.readFile(trace)).split('\n');
  await guest.removeFile(trace);
  // A call that another thread's interrupts is two lines, of which the second says "resumed".
  return lines.filter((line) => /\w+\(/.test(line) && !line.includes(' resumed>'));
}
