/**
 * Calls of networkd's Reload, as the system bus carries them: one serves every link that the
 * journal names.
 */

import { once } from 'node:events';
import type { Guest } from '../../fixtures/vpc/guest.ts';
import { sleep } from '../lab/lab.ts';

/** Until busctl has become a monitor; and until the last call has reached it. */
const settleMs = 500;

/** Counts them while `work` goes on. */
export async function countReloadCalls(guest: Guest, work: () => Promise<void>): Promise<number> {
  const match = "type='method_call',interface='org.freedesktop.network1.Manager',member='Reload'";
  const monitor = guest.spawn(['busctl', 'monitor', `--match=${match}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  monitor.stdout?.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = once(monitor, 'exit');
  await sleep(settleMs);
  await work();
  await sleep(settleMs);
  monitor.kill();
  await ended;
  return text.match(/Member=Reload/g)?.length ?? 0;
}
