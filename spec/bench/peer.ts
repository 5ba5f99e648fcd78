/**
 * The peer in the same place: amazon-ec2-net-utils of the machine's own Debian release, by its
 * shell, on the same simulated instance and metadata. networkd's work is not in it, and no timer:
 * what one run over all ENIs costs.
 */

import { peerProgram } from '../../fixtures/vpc/debian-trees.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { describeSize, idleConfig, large, openInstance } from './instance.ts';
import { type Benchmark, type Measurement, quantile } from './measurement.ts';

const refreshes = 3;
const runMs = 300_000;

interface PeerCosts {
  readonly version: string;
  readonly firstMs: number;
  readonly refreshMs: readonly number[];
  readonly requests: readonly number[];
  readonly processes: number;
}

let measured: Promise<PeerCosts> | null = null;

/** Once in a run: other benchmarks have bars that are parts of it. */
async function measurePeer(): Promise<PeerCosts> {
  measured ??= runPeer();
  return await measured;
}

/** Processor time of its refresh, and of its first configuration, in ms. */
export async function measurePeerCpu(): Promise<{ readonly refreshMs: number; readonly firstMs: number }> {
  const { refreshMs, firstMs } = await measurePeer();
  return { refreshMs: quantile(refreshMs, 0.5), firstMs };
}

export const peer: Benchmark = {
  name: 'refresh',
  async run(): Promise<Measurement[]> {
    const { version, firstMs, refreshMs, requests, processes } = await measurePeer();
    const what = `amazon-ec2-net-utils ${version}, ${describeSize(large)}`;
    return [
      { what: `${what}: first configuration, processor time`, unit: 'ms', samples: [firstMs] },
      { what: `${what}: refresh, processor time`, unit: 'ms', samples: refreshMs },
      { what: `${what}: refresh, metadata requests`, unit: '', samples: requests },
      { what: `${what}: refresh, processes started`, unit: '', samples: [processes] },
    ];
  },
};

async function runPeer(): Promise<PeerCosts> {
  const { vpc, specs } = await openInstance(large, idleConfig);
  try {
    const { program, environment, version } = peerProgram();
    const calls = specs.map(({ linkName }) => `bash ${program} ${linkName} start 2>/dev/null`);
    const script = [`export ${environment}`, ...calls, 'times'].join('; ');
    const firstMs = await measureCpu(vpc, script);
    const refreshMs: number[] = [];
    const requests: number[] = [];
    for (let round = 0; round < refreshes; round++) {
      await vpc.imds.resetRequests();
      refreshMs.push(await measureCpu(vpc, script));
      requests.push((await vpc.imds.requests()).length);
    }
    return { version, firstMs, refreshMs, requests, processes: await countProcesses(vpc, script) };
  } finally {
    await vpc.destroy();
  }
}

/**
 * Of all that the script has started, as its shell sums it up at the end (bash's `times`: its own,
 * then its children's).
 */
async function measureCpu({ guest }: Vpc, script: string): Promise<number> {
  const output = await guest.check(['bash', '-c', script], { timeoutMs: runMs });
  const times = [...output.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, seconds]) => {
    return Number(minutes) * 60_000 + Number(seconds) * 1_000;
  });
  if (times.length !== 4) throw new Error(`expected four times of bash, got ${output}`);
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** A trace slows it down: apart from the times. */
async function countProcesses({ guest }: Vpc, script: string): Promise<number> {
  const trace = '/run/enid-bench-peer';
  const calls = 'trace=fork,vfork,clone,clone3';
  await guest.check(['strace', '-f', '-qq', '-e', calls, '-e', 'signal=none', '-o', trace, 'bash', '-c', script], {
    timeoutMs: runMs,
  });
  const lines = (await guest.readFile(trace)).split('\n');
  await guest.removeFile(trace);
  // A thread is none; a call that another process's interrupts is two lines.
  return lines.filter((line) => /\w+\(/.test(line) && !/CLONE_THREAD|resumed>/.test(line)).length;
}
