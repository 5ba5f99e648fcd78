/** The steady state: what one poll of the metadata costs when nothing has changed. */

import { readCounters } from '../../fixtures/process-counters.ts';
import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { sleep } from '../lab/lab.ts';
import { traceCollections } from './collections.ts';
import { measureBareRequests } from './floor.ts';
import { convergeMs, describeSize, type Instance, large, openConverged, pollingConfig } from './instance.ts';
import { type Benchmark, type Measurement, quantile } from './measurement.ts';
import { measurePeerCpu } from './peer.ts';
import { traceCalls } from './trace.ts';

const rounds = 8;
const warmUps = 3;
/**
 * The quick retries after the first configuration are over, and what is asked for once is known.
 */
const settleMs = 12_000;
/** Two polls of 5 s fit in. */
const traceMs = 11_000;
/** Eight. */
const allocationMs = 41_000;

export const steady: Benchmark = {
  name: 'steady',
  async run(): Promise<Measurement[]> {
    const { refreshMs: peerMs } = await measurePeerCpu();
    const instance = await openConverged(large, pollingConfig);
    try {
      await sleep(settleMs);
      const where = describeSize(large);
      const { cpu, requests } = await measurePolls(instance, rounds);
      const pollRequests = quantile(requests, 0.5);
      // As many polls as enid has done by then.
      const bare = (await measureBareRequests(instance.vpc, pollRequests, warmUps + rounds)).slice(warmUps);
      const bareMs = quantile(bare, 0.5);
      const got = await measureBareRequests(instance.vpc, pollRequests, warmUps + rounds, 'measureGot');
      const counted = await countCalls(instance);
      const allocated = await countAllocated(instance);
      return [
        {
          what: `poll, nothing new: processor time, ${where}`,
          unit: 'ms',
          samples: cpu,
          bar: { median: 2.5 * bareMs, of: `2.5 × ${pollRequests} bare requests` },
        },
        { what: `${pollRequests} bare requests of node:http: processor time`, unit: 'ms', samples: bare },
        { what: `${pollRequests} requests of got alone: processor time`, unit: 'ms', samples: got.slice(warmUps) },
        {
          what: `poll, nothing new: processor time beside the peer's refresh, ${where}`,
          unit: 'ms',
          samples: cpu,
          bar: { median: peerMs / 80, of: "1/80 of the peer's" },
          peer: { name: 'amazon-ec2-net-utils', value: peerMs },
        },
        {
          what: `poll, nothing new: metadata requests, ${where}`,
          unit: '',
          samples: requests,
          bar: { p99: 32 },
          peer: { name: 'amazon-ec2-net-utils', value: 146 },
        },
        {
          what: `poll, nothing new: processes started, ${where}`,
          unit: '',
          samples: [counted.processes],
          bar: { p99: 0 },
          peer: { name: 'amazon-ec2-net-utils', value: 2_386 },
        },
        { what: `poll, nothing new: netlink messages sent, ${where}`, unit: '', samples: [counted.netlinkMessages] },
        { what: `poll, nothing new: system calls, ${where}`, unit: '', samples: [counted.calls] },
        { what: `poll, nothing new: allocated, ${where}`, unit: 'MB', samples: [allocated] },
      ];
    } finally {
      await instance.vpc.destroy();
    }
  },
};

/** Processor time and requests from the end of one poll to the end of the next. */
export async function measurePolls(
  { vpc, enid }: Pick<Instance, 'vpc' | 'enid'>,
  count: number,
): Promise<{ cpu: number[]; requests: number[] }> {
  await awaitPollEnd(vpc);
  let before = readCounters(enid.pid);
  const cpu: number[] = [];
  const requests: number[] = [];
  for (let round = 0; round < count; round++) {
    await vpc.imds.resetRequests();
    requests.push(await awaitPollEnd(vpc));
    const now = readCounters(enid.pid);
    cpu.push(now.cpuMs - before.cpuMs);
    before = now;
  }
  return { cpu, requests };
}

/** Waits until there were requests, and none for a while; gives their number. */
async function awaitPollEnd({ imds }: Instance['vpc']): Promise<number> {
  for (;;) {
    const requests = await imds.requests();
    const last = requests.at(-1)?.arrivedMs;
    if (last !== undefined && readMonotonicMs() - last > 1_000) return requests.length;
    await sleep(100);
  }
}

function countPolls(requests: readonly { readonly path: string }[]): number {
  return requests.filter(({ path }) => path.endsWith('/macs/')).length;
}

/** Per poll, over a trace of some polls. */
async function countCalls({ vpc, enid }: Instance) {
  await vpc.imds.resetRequests();
  const lines = await traceCalls(vpc.guest, enid.pid, traceMs);
  const polls = countPolls(await vpc.imds.requests());
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length / polls;
  return {
    calls: Math.round(lines.length / polls),
    netlinkMessages: count(/\bsend\w*\(\d+<NETLINK/),
    processes: count(/\b(execve|fork|vfork|clone3?)\((?!.*CLONE_THREAD)/),
  };
}

/** What V8 has allocated in a poll, in MB, over some polls of a new start. */
async function countAllocated(instance: Instance): Promise<number> {
  const { vpc } = instance;
  await instance.enid.stop();
  const collections = await traceCollections(vpc.guest);
  instance.enid = collections.enid;
  await instance.enid.converged(convergeMs);
  await sleep(settleMs);
  await vpc.imds.resetRequests();
  const before = await collections.readAllocatedMb();
  await sleep(allocationMs);
  const polls = countPolls(await vpc.imds.requests());
  return ((await collections.readAllocatedMb()) - before) / polls;
}
