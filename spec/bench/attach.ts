/** An ENI is plugged in whose metadata are ready: from the lease to the last of its rules and routes. */

import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { sleep } from '../lab/lab.ts';
import { describeSize, idleConfig, large, makeEniSpec, openConverged } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import type { Heard } from './probe.ts';

const rounds = 20;
const quietMs = 700;
const comeMs = 30_000;
const index = large.eniCount - 1;
const spec = makeEniSpec(index, large.addressCount);
const table = 10_000 + index;
const subnet = `10.0.${index}.0/24`;
const [leased = ''] = spec.ipv4 ?? [];

export const attach: Benchmark = {
  name: 'attach',
  async run(): Promise<Measurement[]> {
    const { vpc, probe } = await openConverged(large, idleConfig);
    try {
      const whole: number[] = [];
      const afterLease: number[] = [];
      for (let round = 0; round < rounds; round++) {
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
        whole.push(lastMs - linkMs);
        // Rules may be there before the lease is.
        afterLease.push(Math.max(0, lastMs - leaseMs));
      }
      const where = describeSize(large);
      return [
        { what: `attach: lease → last rule, ${where}`, unit: 'ms', samples: afterLease, bar: { p99: 100 } },
        { what: `attach: link → last rule, with networkd's work and DHCP, ${where}`, unit: 'ms', samples: whole },
      ];
    } finally {
      await vpc.destroy();
    }
  },
};

function isRule({ kind, change, name, table: own }: Heard): boolean {
  return kind === 'rule' && change === 'new' && (own === table || name === subnet);
}

/** Waits until it fits and nothing more is heard for a while. */
async function awaitHeard(read: () => Promise<Heard[]>, fits: (all: readonly Heard[]) => boolean): Promise<Heard[]> {
  const endMs = readMonotonicMs() + comeMs;
  for (;;) {
    const all = await read();
    const last = all.at(-1)?.atMs ?? Number.POSITIVE_INFINITY;
    if (fits(all) && readMonotonicMs() - last > quietMs) return all;
    if (readMonotonicMs() > endMs) throw new Error(`${spec.id} was not configured within ${comeMs} ms`);
    await sleep(50);
  }
}
