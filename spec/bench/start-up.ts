/**
 * From exec to READY=1 where everything is as it should be: a restart, an upgrade, the end of a
 * crash.
 */

import { measureEmptyStarts } from './floor.ts';
import { describeSize, large, openConverged, pollingConfig, startEnid } from './instance.ts';
import { type Benchmark, type Measurement, quantile } from './measurement.ts';

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
        const more = enid.lines.filter((line) => !/^info enid \S+ started: /.test(line));
        if (more.length > 0) throw new Error(`expected a start that changes nothing, got ${more.join('\n')}`);
      }
      const empty = await measureEmptyStarts(instance.vpc);
      const bar = { median: 2 * quantile(empty, 0.5) + 120, of: '2 × node -e 0, and 120 ms' };
      return [
        { what: `start-up: exec → READY, ${describeSize(large)}`, unit: 'ms', samples, bar },
        { what: 'node -e 0: exec → exit', unit: 'ms', samples: empty },
      ];
    } finally {
      await instance.vpc.destroy();
    }
  },
};
