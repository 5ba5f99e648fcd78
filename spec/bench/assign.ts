/**
 * One address is assigned: from the first request of the poll that sees it until it is in the
 * kernel.
 */

import { describeSize, type Instance, large, openConverged, pollingConfig } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const rounds = 10;
/** Behind those of the largest instance. */
const firstHost = 200;
/** Of the ENI that gets them. */
const eniIndex = 7;

export const assign: Benchmark = {
  name: 'assign',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(large, pollingConfig);
    try {
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) samples.push(await assignOne(instance, firstHost + round));
      const what = `one address: poll's first request → in the kernel, ${describeSize(large)}`;
      return [{ what, unit: 'ms', samples, bar: { median: 60 } }];
    } finally {
      await instance.vpc.destroy();
    }
  },
};

/** `host`: the last part of the address. */
export async function assignOne(
  { vpc, probe, specs }: Pick<Instance, 'vpc' | 'probe' | 'specs'>,
  host: number,
): Promise<number> {
  const address = `10.0.${eniIndex}.${host}`;
  const there = probe.awaitAddress(address);
  await vpc.imds.resetRequests();
  await vpc.assign(specs[eniIndex]?.id ?? '', { ipv4: [address] });
  const thereMs = await there;
  const polls = (await vpc.imds.requests()).filter(({ path }) => path.endsWith('/macs/'));
  const startMs = polls.map(({ arrivedMs }) => arrivedMs).filter((ms) => ms < thereMs);
  return thereMs - Math.max(...startMs);
}
