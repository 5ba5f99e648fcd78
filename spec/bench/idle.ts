/** Between two polls: how often the process wakes up by itself. */

import { EnidProcess } from '../../fixtures/enid-process.ts';
import { readCounters } from '../../fixtures/process-counters.ts';
import { sleep } from '../lab/lab.ts';
import { awaitQuiet, describeSize, idleConfig, large, openConverged } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const rounds = 3;
const roundMs = 10_000;
const settleMs = 65_000;

export const idle: Benchmark = {
  name: 'idle',
  async run(): Promise<Measurement[]> {
    const { vpc, enid: watched } = await openConverged(large, idleConfig);
    try {
      await watched.stop();
      // Without a watchdog.
      const enid = EnidProcess.start(vpc.guest);
      await enid.converged();
      // The quick retries and the collection after the start are over, and so are V8's own steps,
      // the last a minute after it.
      await sleep(settleMs);
      await awaitQuiet(() => readCounters(enid.pid).sleeps);
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = readCounters(enid.pid).sleeps;
        await sleep(roundMs);
        samples.push(readCounters(enid.pid).sleeps - before);
      }
      const what = `idle: wake-ups in ${roundMs / 1000} s, ${describeSize(large)}`;
      return [{ what, unit: '', samples, bar: { p99: 0 } }];
    } finally {
      await vpc.destroy();
    }
  },
};
