/**
 * Resident memory: small, large, beside much that is other programs', and over the passes of a day.
 */

import { readCounters, readMemory, readResidentMb } from '../../fixtures/process-counters.ts';
import { measureIdleMemory } from './floor.ts';
import {
  addForeignLinks,
  addForeignRoutes,
  addForeignRoutesBy,
  foreignLink,
  linkCount,
  removeForeignRoutesBy,
  routeCount,
} from './foreign-state.ts';
import { awaitQuiet, describeSize, idleConfig, large, openConverged, reconcile, small } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

/** As many as a minute's interval makes in 24 hours. */
const passesOfDay = 1_440;
/** Longer than the quiet moment after which the process tidies up (agent/run/memory.ts). */
const quietMs = 8_000;

export const memory: Benchmark = {
  name: 'memory',
  async run(): Promise<Measurement[]> {
    const floor = await measureIdleMemory();
    const above = (pid: number, where: string, mostMb: number): Measurement[] => {
      const { rssMb, pssMb } = readMemory(pid);
      const bar = { p99: mostMb, of: 'above an idle node' };
      return [
        { what: `memory, RSS above an idle node's: ${where}`, unit: 'MB', samples: [rssMb - floor.rssMb], bar },
        { what: `memory, PSS above an idle node's: ${where}`, unit: 'MB', samples: [pssMb - floor.pssMb], bar },
      ];
    };
    return [
      { what: 'an idle node: RSS', unit: 'MB', samples: [floor.rssMb] },
      { what: 'an idle node: PSS', unit: 'MB', samples: [floor.pssMb] },
      ...(await measureSmall(above)),
      ...(await measureDay(above)),
      ...(await measureForeign(above)),
    ];
  },
};

/** What a process has more than an idle node, with the bar of both. */
type Above = (pid: number, where: string, mostMb: number) => Measurement[];

/** As after any busy time; a day's passes are a minute apart. */
async function settled(pid: number): Promise<void> {
  await awaitQuiet(() => readCounters(pid).sleeps, quietMs);
}

async function measureSmall(above: Above): Promise<Measurement[]> {
  const { vpc, enid } = await openConverged(small, idleConfig);
  try {
    await settled(enid.pid);
    return above(enid.pid, describeSize(small), 32);
  } finally {
    await vpc.destroy();
  }
}

/**
 * Each of these passes reads the metadata, the whole kernel state and networkd's: more than a poll
 * does.
 */
async function measureDay(above: Above): Promise<Measurement[]> {
  const instance = await openConverged(large, idleConfig);
  const { vpc, enid } = instance;
  try {
    await settled(enid.pid);
    const where = describeSize(large);
    const first = above(enid.pid, where, 38);
    await reconcile(instance, passesOfDay / 4);
    await settled(enid.pid);
    const quarter = readResidentMb(enid.pid);
    await reconcile(instance, (passesOfDay * 3) / 4);
    await settled(enid.pid);
    const grown = readResidentMb(enid.pid) - quarter;
    return [
      ...first,
      {
        what: `memory: growth from pass ${passesOfDay / 4} to ${passesOfDay}, ${where}`,
        unit: 'MB',
        samples: [grown],
        bar: { p99: 5 },
      },
    ];
  } finally {
    await vpc.destroy();
  }
}

async function measureForeign(above: Above): Promise<Measurement[]> {
  const { vpc, enid, specs } = await openConverged(large, idleConfig);
  try {
    await addForeignRoutes(vpc.guest);
    await addForeignLinks(vpc.guest);
    await settled(enid.pid);
    const where = `${describeSize(large)}, ${routeCount} foreign routes, ${linkCount} foreign links`;
    const foreign = above(enid.pid, where, 55);
    const link = specs[0]?.linkName ?? '';
    await removeForeignRoutesBy(vpc.guest, foreignLink);
    await addForeignRoutesBy(vpc.guest, link);
    await settled(enid.pid);
    const whereOwn = `${describeSize(large)}, ${routeCount} foreign routes by an ENI's own link`;
    return [...foreign, ...above(enid.pid, whereOwn, 55)];
  } finally {
    await vpc.destroy();
  }
}
