/**
 * Ways lost: every source with every kind of destination, with enid and with amazon-ec2-net-utils
 * on the same shapes. What the peer needs is there as its package has it: its .network file and
 * none of enid's settings.
 */

import { type PeerProgram, peerProgram } from '../../fixtures/vpc/debian-trees.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { runAll } from '../../fixtures/ways/disturbed.ts';
import { awaitLeases, openBare, openWithEnid } from '../../fixtures/ways/instance.ts';
import { Matrix } from '../../fixtures/ways/matrix.ts';
import { listShapes, type Shape } from '../../fixtures/ways/shapes.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
import { isLost } from '../../fixtures/ways/way.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const runMs = 120_000;
const addressMs = 5_000;

interface Count {
  /** Assigned addresses that are not on the host: their ways are not tried. */
  readonly missing: number;
  readonly lost: number;
  readonly all: number;
}

export const ways: Benchmark = {
  name: 'ways',
  async run(): Promise<Measurement[]> {
    const peer = peerProgram();
    const rows: Measurement[] = [];
    for (const shape of listShapes()) {
      const theirs = await count(shape, `amazon-ec2-net-utils ${peer.version}`, () => openWithPeer(shape, peer));
      const ours = await count(shape, 'enid', async () => (await openWithEnid(shape)).vpc);
      const figure = (value: number) => ({ bar: { p99: 0 }, peer: { name: 'amazon-ec2-net-utils', value } });
      const row = (what: string, sample: number, value: number) =>
        rows.push({ what: `${what}, ${shape.name}`, unit: '', samples: [sample], ...figure(value) });
      row(`ways lost of ${ours.all} (peer ${peer.version}: of ${theirs.all})`, ours.lost, theirs.lost);
      row('assigned addresses that the host has not', ours.missing, theirs.missing);
    }
    return rows;
  },
};

async function count(shape: Shape, who: string, open: () => Promise<Vpc>): Promise<Count> {
  const vpc = await open();
  try {
    const matrix = await Matrix.create(vpc, shape.subnets);
    const missing = await matrix.listen(addressMs);
    const results = (await runAll(matrix, shape.subnets)).filter(({ source }) => !missing.includes(source));
    process.stderr.write(`${shape.name}, ${who}: ${formatLost(results) || 'no way lost'}\n`);
    return { missing: missing.length, lost: results.filter(isLost).length, all: results.length };
  } finally {
    await vpc.destroy();
  }
}

/** As its service does it for each ENI, and once more, as its timer does every minute. */
async function openWithPeer(shape: Shape, { program, environment, network }: PeerProgram): Promise<Vpc> {
  // The lab's ENIs are veth links.
  const adapted = network.replace(/^Driver=.*$/m, 'Driver=veth\nName=ens*');
  const vpc = await openBare(shape, {
    install: (guest) => guest.writeFile('/usr/lib/systemd/network/80-ec2.network', adapted),
  });
  try {
    await awaitLeases(vpc);
    for (let round = 0; round < 2; round++) {
      for (const { linkName } of shape.enis) {
        const script = `export ${environment}; bash ${program} ${linkName} start`;
        await vpc.guest.check(['bash', '-c', script], { timeoutMs: runMs });
        await awaitLeases(vpc);
      }
    }
    return vpc;
  } catch (error) {
    await vpc.destroy();
    throw error;
  }
}
