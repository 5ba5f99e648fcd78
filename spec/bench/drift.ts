/** Another program deletes what is enid's: from the call of the delete until it is heard to be back. */

import { type DriftKind, driftKinds } from './drift-targets.ts';
import { addForeignRoutes, routeCount } from './foreign-state.ts';
import { convergeMs, describeSize, type Instance, idleConfig, large, openConverged, startEnid } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

/** Of each kind. */
const deletions = 1_000;
/** At twenty repairs of one object a fight begins, and a pause. */
const perObject = 15;

export const drift: Benchmark = {
  name: 'drift',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(large, idleConfig);
    try {
      const alone = await measure(instance, `${describeSize(large)}`);
      await addForeignRoutes(instance.vpc.guest);
      return [...alone, ...(await measure(instance, `${describeSize(large)} and ${routeCount} foreign routes`))];
    } finally {
      await instance.vpc.destroy();
    }
  },
};

async function measure(instance: Instance, where: string): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const kind of driftKinds) {
    const samples = await measureKind(instance, kind);
    measurements.push({ what: `drift: ${kind} back, ${where}`, unit: 'ms', samples, bar: { median: 2, p99: 20 } });
  }
  return measurements;
}

/** A program that is started anew has forgotten how often each object was removed. */
async function measureKind(instance: Instance, kind: DriftKind): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < deletions) {
    await instance.enid.stop();
    instance.enid = (await startEnid(instance.vpc)).enid;
    await instance.enid.converged(convergeMs);
    samples.push(...(await instance.probe.drift({ kind, perObject, most: deletions - samples.length })));
  }
  return samples;
}
