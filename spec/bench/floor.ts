/**
 * What a process of the same Node.js costs that does the least: the floors that the bars are
 * multiples of, measured in the same run.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as z from 'zod';
import { readMemory } from '../../fixtures/process-counters.ts';
import { RemoteProcess } from '../../fixtures/vpc/rpc.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { sleep } from '../lab/lab.ts';

const starts = 20;
const settleMs = 3_000;
/** Between two polls of `steady`. */
const pauseMs = 1_000;

/**
 * Processor time of so many bare requests to the metadata service, round by round, by a process
 * that has done no others: the first round is what a first read pays, later ones what a poll does.
 * `by`: node:http alone, or got as enid uses it.
 */
export async function measureBareRequests(
  { guest }: Vpc,
  count: number,
  rounds: number,
  by: 'measure' | 'measureGot' = 'measure',
): Promise<number[]> {
  const bare = await RemoteProcess.start(guest.namespace, new URL('./bare-main.ts', import.meta.url).href);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    samples.push(z.number().parse(await bare.call(by, count)));
    await sleep(pauseMs);
  }
  return samples;
}

/** From exec to exit of `node -e 0`, in ms. */
export async function measureEmptyStarts({ guest }: Vpc): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < starts; round++) {
    const startMs = performance.now();
    await once(guest.spawn([process.execPath, '-e', '0'], { stdio: 'ignore' }), 'exit');
    samples.push(performance.now() - startMs);
  }
  return samples;
}

/** Memory of a node that does nothing, in MB. */
export async function measureIdleMemory(): Promise<ReturnType<typeof readMemory>> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  try {
    await sleep(settleMs);
    return readMemory(child.pid ?? 0);
  } finally {
    child.kill();
  }
}
