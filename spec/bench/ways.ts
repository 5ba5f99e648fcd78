/**
 * Ways lost: every source with every kind of destination, with enid, with amazon-ec2-net-utils, and
 * with the rules of nm-cloud-setup and cloud-netconfig, made by hand, on the same shapes. What the
 * peer needs is there as its package has it: its .network file and none of enid's settings.
 */

import { type PeerProgram, peerProgram } from '../../fixtures/vpc/debian-trees.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { runAll } from '../../fixtures/ways/disturbed.ts';
import { awaitLeases, openBare, openWithEnid } from '../../fixtures/ways/instance.ts';
import { Matrix } from '../../fixtures/ways/matrix.ts';
import { installLeases, type StandIn, standIns } from '../../fixtures/ways/peer-rules.ts';
import { listShapes, type Shape } from '../../fixtures/ways/shapes.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
import { isLost } from '../../fixtures/ways/way.ts';
import type { Benchmark, Measurement, WaysCount } from './measurement.ts';

const runMs = 120_000;
const addressMs = 5_000;

/** A program, or its rules made by hand. */
interface Contender {
  readonly who: string;
  readonly open: () => Promise<Vpc>;
  /** As its timer does, once all destinations are there. */
  readonly refresh?: (vpc: Vpc) => Promise<void>;
}

let chosen: readonly string[] | null = null;

/** Some of the instances only, by their names: all take ten minutes and more. */
export function chooseShapes(names: readonly string[]): void {
  const known = listShapes().map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no instance ${unknown.join(', ')}: ${known.join(', ')}`);
  chosen = names;
}

export const ways: Benchmark = {
  name: 'ways',
  async run(): Promise<Measurement[]> {
    const peer = peerProgram();
    const rows: Measurement[] = [];
    for (const shape of listShapes().filter(({ name }) => chosen?.includes(name) !== false)) {
      const netUtils = `amazon-ec2-net-utils ${peer.version}`;
      const theirs = await count(shape, { who: netUtils, open: () => openWithPeer(shape, peer) });
      const ours = await count(shape, { who: 'enid', open: async () => (await openWithEnid(shape)).vpc });
      const figure = (value: number) => ({ bar: { p99: 0 }, peer: { name: 'amazon-ec2-net-utils', value } });
      const row = (what: string, sample: number, value: number) => {
        const measured: Measurement = { what: `${what}, ${shape.name}`, unit: '', samples: [sample] };
        return { ...measured, ...figure(value) };
      };
      const title = `ways lost of ${ours.all} (peer ${peer.version}: of ${theirs.all})`;
      rows.push({ ...row(title, ours.lost, theirs.lost), ways: ours });
      rows.push(row('assigned addresses that the host has not', ours.missing, theirs.missing));
      rows.push(tell(theirs));
      for (const standIn of standIns) rows.push(tell(await count(shape, contend(shape, standIn))));
    }
    return rows;
  },
};

function tell(ways: WaysCount): Measurement {
  const { who, lost, all, shape } = ways;
  return { what: `ways lost of ${all} by ${who}, ${shape}`, unit: '', samples: [lost], ways };
}

function contend(shape: Shape, { name, apply }: StandIn): Contender {
  return {
    who: `${name}, by hand`,
    async open() {
      const vpc = await openBare(shape, { install: (guest) => installLeases(guest, shape) });
      try {
        await awaitLeases(vpc);
        await apply(vpc, shape);
        return vpc;
      } catch (error) {
        await vpc.destroy();
        throw error;
      }
    },
    refresh: (vpc) => apply(vpc, shape),
  };
}

async function count(shape: Shape, { who, open, refresh }: Contender): Promise<WaysCount> {
  const vpc = await open();
  try {
    const matrix = await Matrix.create(vpc, shape.subnets);
    await refresh?.(vpc);
    const missing = await matrix.listen(addressMs);
    const results = (await runAll(matrix, shape.subnets)).filter(({ source }) => !missing.includes(source));
    process.stderr.write(`${shape.name}, ${who}: ${formatLost(results) || 'no way lost'}\n`);
    const lost = results.filter(isLost).length;
    return { shape: shape.name, who, missing: missing.length, lost, all: results.length };
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
