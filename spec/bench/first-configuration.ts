/** The program comes to a host whose links have their leases: everything has to be made. */

import { readCounters } from '../../fixtures/process-counters.ts';
import { measureBareRequests } from './floor.ts';
import { convergeMs, describeSize, idleConfig, large, openInstance, startEnid } from './instance.ts';
import { type Benchmark, type Measurement, quantile } from './measurement.ts';
import { measurePeerCpu } from './peer.ts';
import { countReloadCalls } from './reload-calls.ts';

const rounds = 3;

export const firstConfiguration: Benchmark = {
  name: 'first-configuration',
  async run(): Promise<Measurement[]> {
    const whole: number[] = [];
    const own: number[] = [];
    const reloads: number[] = [];
    const bare: number[] = [];
    const { firstMs: peerMs } = await measurePeerCpu();
    for (let round = 0; round < rounds; round++) {
      const { vpc } = await openInstance(large, idleConfig);
      try {
        let cpuMs = 0;
        let requestCount = 0;
        await vpc.imds.resetRequests();
        const configure = async () => {
          const { enid } = await startEnid(vpc);
          await enid.converged(convergeMs);
          ({ cpuMs } = readCounters(enid.pid));
          await enid.stop();
          requestCount = (await vpc.imds.requests()).length;
        };
        reloads.push(await countReloadCalls(vpc.guest, configure));
        // The same start with nothing to do: the difference is the configuration's.
        const { enid: again } = await startEnid(vpc);
        await again.converged(convergeMs);
        whole.push(cpuMs);
        own.push(cpuMs - readCounters(again.pid).cpuMs);
        bare.push(...(await measureBareRequests(vpc, requestCount, 1)));
      } finally {
        await vpc.destroy();
      }
    }
    const where = describeSize(large);
    const peer = { name: 'amazon-ec2-net-utils', value: peerMs };
    const bar = { median: 3 * quantile(bare, 0.5), of: '3 × the bare requests of its reads' };
    return [
      { what: `first configuration: processor time, ${where}`, unit: 'ms', samples: own, bar, peer },
      { what: 'bare requests of node:http, as many, by a new process: processor time', unit: 'ms', samples: bare },
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
