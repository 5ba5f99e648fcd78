/** Resident memory: small, large, beside much that is other programs', and over the passes of a day. */

import { readResidentMb } from '../../fixtures/process-counters.ts';
import { sleep } from '../lab/lab.ts';
import {
  addForeignLinks,
  addForeignRoutes,
  addForeignRoutesBy,
  foreignLink,
  linkCount,
  removeForeignRoutesBy,
  routeCount,
} from './foreign-state.ts';
import { describeSize, idleConfig, large, openConverged, reconcile, small } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

/** As many as a minute's interval makes in 24 hours. */
const passesOfDay = 1_440;
const settleMs = 8_000;

export const memory: Benchmark = {
  name: 'memory',
  async run(): Promise<Measurement[]> {
    return [...(await measureSmall()), ...(await measureDay()), ...(await measureForeign())];
  },
};

async function measureSmall(): Promise<Measurement[]> {
  const { vpc, enid } = await openConverged(small, idleConfig);
  try {
    await sleep(settleMs);
    const samples = [readResidentMb(enid.pid)];
    return [{ what: `memory: ${describeSize(small)}`, unit: 'MB', samples, bar: { p99: 60 } }];
  } finally {
    await vpc.destroy();
  }
}

/** Each of these passes reads the metadata, the whole kernel state and networkd's: more than a poll does. */
async function measureDay(): Promise<Measurement[]> {
  const instance = await openConverged(large, idleConfig);
  const { vpc, enid } = instance;
  try {
    await sleep(settleMs);
    const first = readResidentMb(enid.pid);
    await reconcile(instance, passesOfDay / 4);
    const quarter = readResidentMb(enid.pid);
    await reconcile(instance, (passesOfDay * 3) / 4);
    const grown = readResidentMb(enid.pid) - quarter;
    const where = describeSize(large);
    return [
      { what: `memory: ${where}`, unit: 'MB', samples: [first], bar: { p99: 70 } },
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

async function measureForeign(): Promise<Measurement[]> {
  const { vpc, enid, specs } = await openConverged(large, idleConfig);
  try {
    await addForeignRoutes(vpc.guest);
    await addForeignLinks(vpc.guest);
    await sleep(settleMs);
    const where = `${describeSize(large)}, ${routeCount} foreign routes, ${linkCount} foreign links`;
    const foreign = readResidentMb(enid.pid);
    const link = specs[0]?.linkName ?? '';
    await removeForeignRoutesBy(vpc.guest, foreignLink);
    await addForeignRoutesBy(vpc.guest, link);
    await sleep(settleMs);
    const whereOwn = `${describeSize(large)}, ${routeCount} foreign routes by an ENI's own link`;
    return [
      { what: `memory: ${where}`, unit: 'MB', samples: [foreign], bar: { p99: 90 } },
      { what: `memory: ${whereOwn}`, unit: 'MB', samples: [readResidentMb(enid.pid)], bar: { p99: 90 } },
    ];
  } finally {
    await vpc.destroy();
  }
}
