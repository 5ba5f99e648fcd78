/** One address is assigned: from the first request of the poll that sees it until it is in the kernel. */

import { describeSize, large, openConverged, pollingConfig } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const rounds = 10;
/** Of the ENI that gets them. */
const eniIndex = 7;

export const assign: Benchmark = {
  name: 'assign',
  async run(): Promise<Measurement[]> {
    const { vpc, probe, specs } = await openConverged(large, pollingConfig);
    try {
      const id = specs[eniIndex]?.id ?? '';
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const address = `10.0.${eniIndex}.${100 + round}`;
        const there = probe.awaitAddress(address);
        await vpc.imds.resetRequests();
        await vpc.assign(id, { ipv4: [address] });
        const thereMs = await there;
        const polls = (await vpc.imds.requests()).filter(({ path }) => path.endsWith('/macs/'));
        const startMs = polls.map(({ arrivedMs }) => arrivedMs).filter((ms) => ms < thereMs);
        samples.push(thereMs - Math.max(...startMs));
      }
      const what = `one address: poll's first request → in the kernel, ${describeSize(large)}`;
      return [{ what, unit: 'ms', samples, bar: { median: 60 } }];
    } finally {
      await vpc.destroy();
    }
  },
};
