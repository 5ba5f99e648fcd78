/**
 * What `replies` adds to a packet: to a reply that is marked, and to what a container sends out. By
 * the primary, so that the way is the same with and without.
 */

import * as z from 'zod';
import { labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { RemoteProcess } from '../../fixtures/vpc/rpc.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { describeSize, openConverged, type Size } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const sizes: readonly Size[] = [
  { eniCount: 2, addressCount: 1 },
  { eniCount: 15, addressCount: 50 },
];
const rounds = 20;
const packetsPerRound = 20_000;
const container = '172.17.0.2';
/** Of the published service, and of the far host's end of the connection (discard). */
const [port, farPort] = [7_777, 9];
const published = `
table ip published {
  chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local udp dport ${port} dnat to ${container}; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${container} masquerade; }
}`;
const configOf = (replies: string) => `${labConfig.replace('interval: 5s', 'interval: 1h')}replies: ${replies}\n`;
const knock = `const socket = require('dgram').createSocket('udp4');
socket.bind(${farPort}, process.argv[1], () => socket.send('word', ${port}, process.argv[2], () => process.exit()));`;

export const replies: Benchmark = {
  name: 'replies',
  async run(): Promise<Measurement[]> {
    const measurements: Measurement[] = [];
    for (const size of sizes) measurements.push(...(await measureSize(size)));
    return measurements;
  },
};

async function measureSize(size: Size): Promise<Measurement[]> {
  const { vpc, specs } = await openConverged(size, configOf('off'));
  try {
    const { namespace } = await vpc.container();
    await vpc.guest.namespace.ip(['address add 172.17.0.1/16 dev ctr0']);
    await namespace.ip([`address add ${container}/16 dev eth0`]);
    await vpc.guest.namespace.nft([published]);
    const sender = await RemoteProcess.start(namespace, new URL('./lookup-main.ts', import.meta.url).href);
    const flight = { source: container, destination: farAddresses.ipv4, count: packetsPerRound };
    const send = async (more: { readonly port?: number }) =>
      z.number().parse(await sender.call('send', { ...flight, ...more }));
    // The connection whose reply it is.
    await vpc.far.check([process.execPath, '-e', knock, farAddresses.ipv4, specs[0]?.ipv4?.[0] ?? '']);
    await send({ port });
    const added = { marked: [] as number[], outgoing: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      const before = { marked: await send({ port }), outgoing: await send({}) };
      await configure(vpc, 'on');
      added.marked.push((await send({ port })) - before.marked);
      added.outgoing.push((await send({})) - before.outgoing);
      await configure(vpc, 'off');
    }
    const where = describeSize(size);
    return [
      { what: `replies: what they add to a marked reply, ${where}`, unit: 'µs', samples: added.marked },
      {
        what: `replies: what they add to a container's outgoing packet, ${where}`,
        unit: 'µs',
        samples: added.outgoing,
      },
    ];
  } finally {
    await vpc.destroy();
  }
}

async function configure(vpc: Vpc, value: 'on' | 'off'): Promise<void> {
  await vpc.guest.writeFile('/etc/enid/config.yaml', configOf(value));
  const { code, stderr } = await runEnid(vpc.guest, ['reload']);
  const hasTable = (await vpc.guest.run(['nft', 'list', 'table', 'inet', 'enid'])).code === 0;
  if (code !== 0 || hasTable !== (value === 'on')) throw new Error(`expected replies: ${value}, got ${stderr}`);
}
