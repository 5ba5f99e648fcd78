/** Another program deletes what is enid's: from the call of the delete until it is heard to be back. */

import { sleep } from '../lab/lab.ts';
import { addForeignRoutes, routeCount } from './foreign-state.ts';
import { describeSize, idleConfig, large, openConverged } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import type { DriftKind, Probe } from './probe.ts';

/** Of each kind. Twenty repairs of one object in a row are made at once; there are more objects than a tenth of this. */
const rounds = 200;
const kinds: readonly DriftKind[] = ['rule', 'route', 'address'];

export const drift: Benchmark = {
  name: 'drift',
  async run(): Promise<Measurement[]> {
    const { vpc, probe } = await openConverged(large, idleConfig);
    try {
      const alone = await measure(probe, `${describeSize(large)}`);
      await addForeignRoutes(vpc.guest);
      await sleep(2_000);
      return [...alone, ...(await measure(probe, `${describeSize(large)} and ${routeCount} foreign routes`))];
    } finally {
      await vpc.destroy();
    }
  },
};

async function measure(probe: Probe, where: string): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const kind of kinds) {
    const samples = await probe.drift(kind, rounds);
    measurements.push({ what: `drift: ${kind} back, ${where}`, unit: 'ms', samples, bar: { median: 2, p99: 20 } });
  }
  return measurements;
}
