/**
 * What a local user, or much that happens at once, does to the daemon: its longest pause, how much
 * later than networkd it answers somebody else, its memory meanwhile and a minute after.
 */

import { get } from 'node:http';
import { attackBus } from '../../fixtures/attack-bus.ts';
import type { Attack } from '../../fixtures/hostile-bus.ts';
import { readResidentMb } from '../../fixtures/process-counters.ts';
import { buildTree, type ImdsEni } from '../../fixtures/vpc/imds-tree.ts';
import { sleep } from '../lab/lab.ts';
import { describeSize, type Instance, openConverged, pollingConfig, type Size } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const size: Size = { eniCount: 4, addressCount: 10 };
const config = `metrics: { listen: "unix:/run/enid/metrics" }\n${pollingConfig}`;
const settleMs = 15_000;
const afterMs = 60_000;
const stormMs = 8_000;
const mostAnswerMs = 1_000;
const mostGrowthMb = 30;
const listedEnis = 1_000;

const manager = { destination: 'org.enid1', interface: 'org.enid1.Manager' };
const megabyte = 1_048_576;
/** The largest message that dbus-daemon passes has 32 MB with its head. */
const sizes = [4, 31];

interface Flood {
  readonly name: string;
  /** What many connections send to one waits in dbus-daemon, which takes 2 KiB of each in turn. */
  readonly hasBar: boolean;
  run(instance: Instance): Promise<unknown>;
}

interface Group {
  readonly name: string;
  readonly floods: readonly Flood[];
}

function byBus(name: string, attack: Omit<Attack, 'kind' | 'destination' | 'interface'> & Partial<Attack>): Flood {
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
  return {
    name,
    hasBar: (attack.connections ?? 1) === 1,
    run: ({ vpc }) =>
      attackBus({ kind: 'call', ...manager, ...attack }, (argv) =>
        vpc.guest.run([...asNobody, ...argv], { timeoutMs: 120_000 }),
      ),
  };
}

/** Root does these: a container runtime, a VPN, a test of somebody else's. */
function byKernel(name: string, script: string): Flood {
  const loop = `end=$(($(date +%s) + ${stormMs / 1000})); while [ $(date +%s) -lt $end ]; do ${script}; done`;
  return { name, hasBar: true, run: ({ vpc }) => vpc.guest.check(['bash', '-ec', loop], { timeoutMs: 60_000 }) };
}

const groups: readonly Group[] = [
  {
    name: 'messages',
    floods: (['av', 'as', 'a(y)'] as const).flatMap((type) =>
      sizes.map((mb) =>
        byBus(`3 calls of ${mb} MB of ${type}`, {
          ...{ member: 'GetInterface', count: 3, wantsReply: true, bulk: { type, length: mb * megabyte } },
        }),
      ),
    ),
  },
  {
    name: 'calls and signals',
    floods: [
      byBus('60 000 calls of Describe', { member: 'Describe', count: 60_000 }),
      byBus('60 000 calls of Describe by 60 connections', { member: 'Describe', count: 1_000, connections: 60 }),
      byBus('60 000 calls of Explain', { member: 'Explain', count: 60_000, text: ['10.0.1.15', ''] }),
      byBus('60 000 calls of Reconcile', { member: 'Reconcile', count: 60_000 }),
      byBus('60 000 signals', { kind: 'signal', member: 'X', count: 60_000, text: ['x'] }),
    ],
  },
  {
    name: 'storms of links',
    floods: [
      byKernel('a link renamed over and over', 'ip link set storm0 name storm1; ip link set storm1 name storm0'),
      byKernel('links made and removed', 'ip link add storm2 type bridge; ip link set storm2 up; ip link del storm2'),
    ],
  },
  {
    name: `${listedEnis} ENIs listed`,
    floods: [
      { name: `the metadata service lists ${listedEnis} ENIs`, hasBar: true, run: (instance) => listMany(instance) },
    ],
  },
];

export const flood: Benchmark = {
  name: 'flood',
  async run(): Promise<Measurement[]> {
    const instance = await openConverged(size, config);
    try {
      await instance.vpc.guest.check(['ip', 'link', 'add', 'storm0', 'type', 'bridge']);
      await sleep(settleMs);
      const measurements: Measurement[] = [];
      for (const group of groups) {
        const beforeMb = readResidentMb(instance.enid.pid);
        for (const one of group.floods) measurements.push(...(await measure(instance, one)));
        await sleep(afterMs);
        const grownMb = readResidentMb(instance.enid.pid) - beforeMb;
        measurements.push(
          { what: `flood, ${group.name}: RSS before`, unit: 'MB', samples: [beforeMb] },
          {
            what: `flood, ${group.name}: RSS a minute after, more than before`,
            ...{ unit: 'MB', samples: [grownMb], bar: { p99: mostGrowthMb } },
          },
        );
      }
      return measurements;
    } finally {
      await instance.vpc.destroy();
    }
  },
};

async function measure(instance: Instance, { name, hasBar, run }: Flood): Promise<Measurement[]> {
  const { vpc, enid } = instance;
  await readPauseMs(instance);
  let isOver = false;
  const running = run(instance).finally(() => {
    isOver = true;
  });
  let mostMb = 0;
  const answers: number[] = [];
  const pauses: number[] = [];
  while (!isOver) {
    answers.push(await answerLater(vpc.guest));
    mostMb = Math.max(mostMb, readResidentMb(enid.pid));
    pauses.push(await readPauseMs(instance));
    await sleep(20);
  }
  await running;
  const where = `flood, ${describeSize(size)}, ${name}`;
  const [answerMs, pauseMs] = [answers, pauses].map((samples) => Math.max(...samples));
  return [
    {
      what: `${where}: answer later than networkd's`,
      ...{ unit: 'ms', samples: [answerMs ?? Number.NaN] },
      ...(hasBar ? { bar: { p99: mostAnswerMs } } : {}),
    },
    { what: `${where}: longest pause`, unit: 'ms', samples: [pauseMs ?? Number.NaN] },
    { what: `${where}: RSS meanwhile`, unit: 'MB', samples: [mostMb] },
  ];
}

/**
 * Than networkd, which nobody attacks: dbus-daemon is slow for everybody while it checks and passes
 * so much.
 */
async function answerLater(guest: Instance['vpc']['guest']): Promise<number> {
  const time = async (...words: string[]) => {
    const startMs = performance.now();
    await guest.check(['busctl', '--timeout=60', 'call', ...words], { timeoutMs: 70_000 });
    return performance.now() - startMs;
  };
  const [mineMs, controlMs] = await Promise.all([
    time('org.enid1', '/org/enid1', 'org.enid1.Manager', 'Describe'),
    time('org.freedesktop.network1', '/org/freedesktop/network1', 'org.freedesktop.DBus.Peer', 'Ping'),
  ]);
  return Math.max(0, mineMs - controlMs);
}

/** Of the event loop, since it was asked last. */
async function readPauseMs({ vpc }: Instance): Promise<number> {
  const options = { socketPath: vpc.guest.path('/run/enid/metrics'), path: '/metrics' };
  const text = await new Promise<string>((resolve, reject) => {
    const request = get(options, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.once('end', () => resolve(body));
    });
    request.once('error', reject);
  });
  return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1_000;
}

/** For as long as the daemon needs to read them, or to refuse them. */
async function listMany({ vpc, specs }: Instance): Promise<void> {
  const enis = Array.from({ length: listedEnis }, (_, index): ImdsEni => {
    const real = specs[index];
    const hex = index.toString(16).padStart(4, '0');
    const common = { deviceNumber: index, networkCard: null, vpcId: 'vpc-0123456789abcdef0', subnetIpv6: [] };
    return {
      ...common,
      ...{ ipv6: [], ipv4Prefixes: [], ipv6Prefixes: [] },
      mac: real?.mac ?? `06:53:e2:00:${hex.slice(0, 2)}:${hex.slice(2)}`,
      eniId: real?.id ?? `eni-0000000000000${hex}`,
      subnetId: real?.subnetId ?? 'subnet-0000000000000ffff',
      ipv4: real?.ipv4 ?? [`10.1.${index >> 8}.${index & 255}`],
      subnetIpv4: real === undefined ? '10.1.0.0/16' : `10.0.${index}.0/24`,
    };
  });
  await vpc.imds.setTree(buildTree({ instanceId: 'i-0123456789abcdef0', primaryMac: specs[0]?.mac ?? '', enis }));
  await sleep(30_000);
  await vpc.metadata.publish();
  await sleep(10_000);
}
