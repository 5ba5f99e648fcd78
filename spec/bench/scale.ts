/**
 * How the work on the real kernel grows: the first configuration, a poll, one address and one ENI
 * more, from 15 ENIs with 50 addresses to 64 with 100. The bars of the larger are the straight line
 * from the first.
 */

import { readCounters } from '../../fixtures/process-counters.ts';
import { sleep } from '../lab/lab.ts';
import { assignOne } from './assign.ts';
import { attachAgain } from './attach.ts';
import { describeSize, large, openInstance, pollingConfig, type Size, startEnid } from './instance.ts';
import { type Bar, type Benchmark, type Measurement, quantile } from './measurement.ts';
import { measurePolls } from './steady.ts';

const sizes: readonly Size[] = [large, { eniCount: 32, addressCount: 50 }, { eniCount: 64, addressCount: 100 }];
const settleMs = 12_000;
const longConvergeMs = 300_000;
const polls = 4;
const rounds = 5;
/** Of the addresses that are assigned: behind those that are there. */
const firstHost = 200;

/** ms of each. */
interface Costs {
  readonly first: readonly number[];
  readonly poll: readonly number[];
  readonly address: readonly number[];
  readonly attach: readonly number[];
}

export const scale: Benchmark = {
  name: 'scale',
  async run(): Promise<Measurement[]> {
    const measurements: Measurement[] = [];
    let base: Costs | null = null;
    for (const size of sizes) {
      const costs = await measureSize(size);
      base ??= costs;
      const where = `on the kernel, ${describeSize(size)}`;
      const addressCount = size.eniCount * (size.addressCount + 1);
      const barOf = (samples: readonly number[], factor: number): { bar?: Bar } =>
        size === large
          ? {}
          : { bar: { median: factor * quantile(samples, 0.5), of: `${factor.toFixed(1)} × 15 × 50` } };
      const enis = size.eniCount / large.eniCount;
      const addresses = addressCount / (large.eniCount * (large.addressCount + 1));
      const at = (curve: string) => ({ point: { curve: `${curve}, on the kernel`, addressCount } });
      measurements.push(
        {
          ...{ what: `first configuration: processor time, ${where}`, unit: 'ms', samples: costs.first },
          ...{ ...at('first configuration'), ...barOf(base.first, addresses) },
        },
        {
          ...{ what: `poll, nothing new: processor time, ${where}`, unit: 'ms', samples: costs.poll },
          ...{ ...at('poll'), ...barOf(base.poll, enis) },
        },
        {
          ...{
            what: `one address: poll's first request → in the kernel, ${where}`,
            unit: 'ms',
            samples: costs.address,
          },
          ...{ ...at('one address'), ...barOf(base.address, enis) },
        },
        {
          ...{ what: `attach: lease → last rule, ${where}`, unit: 'ms', samples: costs.attach },
          ...{ ...at('one attach'), ...barOf(base.attach, enis) },
        },
      );
    }
    return measurements;
  },
};

async function measureSize(size: Size): Promise<Costs> {
  const bare = await openInstance(size, pollingConfig);
  const { vpc } = bare;
  try {
    const { enid: first } = await startEnid(vpc);
    await first.converged(longConvergeMs);
    const firstMs = readCounters(first.pid).cpuMs;
    await first.stop();
    const { enid } = await startEnid(vpc);
    await enid.converged(longConvergeMs);
    const startMs = readCounters(enid.pid).cpuMs;
    await sleep(settleMs);
    const instance = { ...bare, enid };
    const { cpu: poll } = await measurePolls(instance, polls);
    const address: number[] = [];
    const attach: number[] = [];
    for (let round = 0; round < rounds; round++) address.push(await assignOne(instance, firstHost + round));
    for (let round = 0; round < rounds; round++) attach.push((await attachAgain(instance, size)).afterLeaseMs);
    return { first: [firstMs - startMs], poll, address, attach };
  } finally {
    await vpc.destroy();
  }
}
