/**
 * Another program deletes what is enid's: from the call of the delete until it is heard to be back.
 */

import { type DriftKind, driftKinds } from './drift-targets.ts';
import {
  addForeignLinks,
  addForeignRoutes,
  addForeignRules,
  linkCount,
  routeCount,
  ruleCount,
} from './foreign-state.ts';
import { convergeMs, describeSize, type Instance, idleConfig, large, openConverged, startEnid } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

/** Of each kind. */
const deletions = 400;
/** Beside links and rules, which slow the kernel itself down. */
const fewDeletions = 100;
/** At twenty repairs of one object a fight begins, and a pause. */
const perObject = 15;

export const drift: Benchmark = {
  name: 'drift',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(large, idleConfig);
    try {
      const alone = await measure(instance, `${describeSize(large)}`);
      const { guest } = instance.vpc;
      await addForeignRoutes(guest);
      const besideRoutes = await measure(instance, `${describeSize(large)} and ${routeCount} foreign routes`);
      await addForeignLinks(guest);
      await addForeignRules(guest);
      const where = `${describeSize(large)}, the same, ${linkCount} foreign links and ${ruleCount} foreign rules`;
      return [...alone, ...besideRoutes, ...(await measure(instance, where, fewDeletions))];
    } finally {
      await instance.vpc.destroy();
    }
  },
};

/** Without `few`: as often as the bars are about. */
async function measure(instance: Instance, where: string, few?: number): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const kind of driftKinds) {
    const samples = await measureKind(instance, kind, few ?? deletions);
    const bar = few === undefined ? { bar: { median: 3, p99: 10 } } : {};
    measurements.push({ what: `drift: ${kind} back, ${where}`, unit: 'ms', samples, ...bar });
  }
  return measurements;
}

/** A program that is started again has forgotten how often each object was removed. */
async function measureKind(instance: Instance, kind: DriftKind, count: number): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < count) {
    await instance.enid.stop();
    instance.enid = (await startEnid(instance.vpc)).enid;
    await instance.enid.converged(convergeMs);
    samples.push(...(await instance.probe.drift({ kind, perObject, most: count - samples.length })));
  }
  return samples;
}
