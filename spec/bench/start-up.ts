/** From exec to READY=1 where everything is as it should be: a restart, an upgrade, the end of a crash. */

import { describeSize, large, openConverged, pollingConfig, startEnid } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const rounds = 20;

export const startUp: Benchmark = {
  name: 'start-up',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(large, pollingConfig);
    try {
      await instance.enid.stop();
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const { enid, readyMs } = await startEnid(instance.vpc);
        samples.push(readyMs);
        await enid.stop();
        if (enid.lines.length > 0)
          throw new Error(`expected a start that changes nothing, got ${enid.lines.join('\n')}`);
      }
      return [{ what: `start-up: exec → READY, ${describeSize(large)}`, unit: 'ms', samples, bar: { median: 250 } }];
    } finally {
      await instance.vpc.destroy();
    }
  },
};
