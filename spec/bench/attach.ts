/**
 * An ENI is plugged in whose metadata is ready: from the lease to the last of its rules and routes.
 */

import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { sleep } from '../lab/lab.ts';
import { describeSize, type Instance, idleConfig, large, makeEniSpec, openConverged, type Size } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import type { Heard } from './probe.ts';

const rounds = 20;
const quietMs = 700;
const comeMs = 30_000;

export const attach: Benchmark = {
  name: 'attach',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(large, idleConfig);
    try {
      const samples: AttachTimes[] = [];
      for (let round = 0; round < rounds; round++) samples.push(await attachAgain(instance, large));
      const where = describeSize(large);
      return [
        {
          what: `attach: lease → last rule, ${where}`,
          unit: 'ms',
          samples: samples.map(({ afterLeaseMs }) => afterLeaseMs),
          bar: { p99: 100 },
        },
        {
          what: `attach: link → last rule, with networkd's work and DHCP, ${where}`,
          unit: 'ms',
          samples: samples.map(({ wholeMs }) => wholeMs),
        },
      ];
    } finally {
      await instance.vpc.destroy();
    }
  },
};

export interface AttachTimes {
  readonly wholeMs: number;
  readonly afterLeaseMs: number;
}

/** The last ENI is plugged out, and in again. */
export async function attachAgain(
  { vpc, probe }: Pick<Instance, 'vpc' | 'probe'>,
  { eniCount, addressCount }: Size,
): Promise<AttachTimes> {
  const index = eniCount - 1;
  const spec = makeEniSpec(index, addressCount);
  const [leased = ''] = spec.ipv4 ?? [];
  const isRule = ({ kind, change, name, table }: Heard): boolean =>
    kind === 'rule' && change === 'new' && (table === 10_000 + index || name === `10.0.${index}.0/24`);
  await vpc.detach(spec.id);
  await awaitHeard(
    () => probe.heard(),
    (all) => all.length > 0,
  ).catch(() => undefined);
  await probe.record();
  await vpc.attach(spec);
  const heard = await awaitHeard(
    () => probe.heard(),
    (all) => all.some(isRule) && all.some((one) => one.name === leased),
  );
  const at = (fits: (one: Heard) => boolean) => heard.filter(fits).map(({ atMs }) => atMs);
  const linkMs = Math.min(...at(({ kind, name }) => kind === 'link' && name === spec.linkName));
  const leaseMs = Math.min(...at(({ kind, name }) => kind === 'address' && name === leased));
  const lastMs = Math.max(...at(isRule));
  // Rules may be there before the lease is.
  return { wholeMs: lastMs - linkMs, afterLeaseMs: Math.max(0, lastMs - leaseMs) };
}

/** Waits until it fits and nothing more is heard for a while. */
async function awaitHeard(read: () => Promise<Heard[]>, fits: (all: readonly Heard[]) => boolean): Promise<Heard[]> {
  const endMs = readMonotonicMs() + comeMs;
  for (;;) {
    const all = await read();
    const last = all.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
    if (fits(all) && readMonotonicMs() - last > quietMs) return all;
    if (readMonotonicMs() > endMs) throw new Error(`an ENI was not configured within ${comeMs} ms`);
    await sleep(50);
  }
}
