/**
 * `imds.wakeOnTraffic`: from the assignment of an address until it answers, with a packet to it
 * each 100 ms and the shipped interval between polls; and what it adds to a packet that comes in by
 * an ENI.
 */

import * as z from 'zod';
import { eniGroup } from '../../agent/decide/base/numbers.ts';
import { arrivalTable } from '../../agent/watch/arrivals.ts';
import { labConfig } from '../../fixtures/enid-process.ts';
import { Guard } from '../../fixtures/vpc/guard.ts';
import { Namespace } from '../../fixtures/vpc/namespace.ts';
import { RemoteProcess } from '../../fixtures/vpc/rpc.ts';
import { sleep, until } from '../lab/lab.ts';
import { describeSize, type Instance, large, openConverged } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const config = labConfig.replace('interval: 5s', 'interval: 1m, wakeOnTraffic: true');
const rounds = 6;
/** Between reads because of a packet (agent/run/metadata-source.ts). */
const restMs = 10_000;
const [eniIndex, firstHost, neighbour] = [7, 200, '10.0.7.250'];
const packetRounds = 30;
const packetsPerRound = 20_000;

export const arrivals: Benchmark = {
  name: 'arrivals',
  async run(): Promise<Measurement[]> {
    const where = describeSize(large);
    return [
      {
        what: `wakeOnTraffic: assigned → answers, a packet each 100 ms, ${where}`,
        unit: 'ms',
        samples: await measureAnswers(),
        bar: { p99: 500 },
      },
      { what: 'wakeOnTraffic: what it adds to a packet that comes in', unit: 'µs', samples: await measureAdded() },
    ];
  },
};

async function measureAnswers(): Promise<number[]> {
  const instance = await openConverged(large, config);
  try {
    // The simulated instance forwards by default, for its containers.
    await instance.vpc.guest.namespace.setSysctls({ 'net.ipv4.ip_forward': 0 });
    await instance.vpc.addNeighbour(instance.specs[eniIndex]?.subnetId ?? '', neighbour);
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await sleep(restMs);
      samples.push(await assignOne(instance, `10.0.${eniIndex}.${firstHost + round}`));
    }
    return samples;
  } finally {
    await instance.vpc.destroy();
  }
}

async function assignOne({ vpc, specs }: Instance, address: string): Promise<number> {
  const argv = ['ping', '-q', '-c', '1', '-i', '0.1', '-w', '60', '-I', neighbour, address];
  const startMs = performance.now();
  await vpc.assign(specs[eniIndex]?.id ?? '', { ipv4: [address] });
  await vpc.far.check(argv, { timeoutMs: 70_000 });
  return performance.now() - startMs;
}

/** With and without in turn. The receiving side is in the time of sending: veth has no queue. */
async function measureAdded(): Promise<number[]> {
  const guard = new Guard();
  try {
    const [from, to] = await Promise.all(
      ['from', 'to'].map((name) => Namespace.hold(guard, { label: `enid-bench-${name}` })),
    );
    if (from === undefined || to === undefined) throw new Error('no namespaces');
    await from.ip([
      `link add out type veth peer name in netns ${to.pid}`,
      'address add 10.0.0.1/24 dev out',
      'link set out up',
    ]);
    await to.ip(['address add 10.0.0.2/24 dev in', `link set in up group ${eniGroup}`]);
    // What nobody listens for is dropped after its route was found.
    await to.setSysctls({ 'net.ipv4.icmp_ratemask': 0x3fffff });
    const [sender, listener] = await Promise.all([
      RemoteProcess.start(from, new URL('./lookup-main.ts', import.meta.url).href),
      RemoteProcess.start(to, new URL('./arrivals-main.ts', import.meta.url).href),
    ]);
    const send = async () =>
      z
        .number()
        .parse(await sender.call('send', { source: '10.0.0.1', destination: '10.0.0.2', count: packetsPerRound }));
    const listen = async (isOn: boolean) => {
      await listener.call('listen', isOn);
      await until('the table', async () => (await to.check(['nft', 'list', 'tables'])).includes(arrivalTable) === isOn);
    };
    await send();
    const samples: number[] = [];
    for (let round = 0; round < packetRounds; round++) {
      const before = await send();
      await listen(true);
      samples.push((await send()) - before);
      await listen(false);
    }
    return samples;
  } finally {
    await guard.release();
  }
}
