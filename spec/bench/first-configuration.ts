/** The program comes to a host whose links have their leases: everything has to be made. */

import { readCounters } from '../../fixtures/process-counters.ts';
import { convergeMs, describeSize, idleConfig, large, openInstance, startEnid } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import { countReloadCalls } from './reload-calls.ts';

const rounds = 3;

export const firstConfiguration: Benchmark = {
  name: 'first-configuration',
  async run(): Promise<Measurement[]> {
    const whole: number[] = [];
    const own: number[] = [];
    const reloads: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { vpc } = await openInstance(large, idleConfig);
      try {
        let cpuMs = 0;
        const configure = async () => {
          const { enid } = await startEnid(vpc);
          await enid.converged(convergeMs);
          ({ cpuMs } = readCounters(enid.pid));
          await enid.stop();
        };
        reloads.push(await countReloadCalls(vpc.guest, configure));
        // The same start with nothing to do: the difference is the configuration's.
        const { enid: again } = await startEnid(vpc);
        await again.converged(convergeMs);
        whole.push(cpuMs);
        own.push(cpuMs - readCounters(again.pid).cpuMs);
      } finally {
        await vpc.destroy();
      }
    }
    const where = describeSize(large);
    const peer = { name: 'amazon-ec2-net-utils', value: 5_400 };
    return [
      { what: `first configuration: processor time, ${where}`, unit: 'ms', samples: own, bar: { median: 150 }, peer },
      { what: `first configuration: the same with the program's start, ${where}`, unit: 'ms', samples: whole },
      {
        what: `first configuration: reloads of networkd, ${where}`,
        unit: '',
        samples: reloads,
        bar: { p99: 1 },
        peer: { name: 'amazon-ec2-net-utils', value: 15 },
      },
    ];
  },
};
