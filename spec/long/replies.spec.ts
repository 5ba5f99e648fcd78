/**
 * Replies of a published port while the table that marks them changes: addresses come and go by the
 * dozen on two ENIs.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { labConfig } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from '../lab/lab.ts';

const rounds = 30;
const container = { 4: '172.17.0.2', 6: 'fd17::2' } as const;
/** All UDP to an address of an ENI is the container's, but DHCP. */
const tables = `
table inet published {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "ens*" fib daddr type local udp sport != { 53, 67, 547 } meta nfproto ipv4 dnat ip to ${container[4]}
    iifname "ens*" fib daddr type local udp sport != { 53, 67, 547 } meta nfproto ipv6 dnat ip6 to ${container[6]}
  }
}`;
let lab: Lab;

beforeAll(async () => {
  lab = await openLab('replies-long', primary, `${labConfig}replies: auto\n`);
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  const { namespace, prober } = await lab.vpc.container();
  await lab.vpc.guest.namespace.ip(['address add 172.17.0.1/16 dev ctr0', 'address add fd17::1/64 dev ctr0 nodad']);
  await namespace.ip([`address add ${container[4]}/16 dev eth0`, `address add ${container[6]}/64 dev eth0 nodad`]);
  await prober.listen(Object.values(container));
  await lab.vpc.guest.namespace.nft([tables]);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

const readMap = async () => (await lab.vpc.guest.run(['nft', 'list', 'map', 'inet', 'enid', 'source4'])).stdout;

it(
  'none is lost while addresses are assigned and unassigned',
  async () => {
    const { vpc } = lab;
    const addresses = [primary, alone, sharing].flatMap(({ ipv4 = [], ipv6 = [] }) => [...ipv4, ...ipv6]);
    await until('the table', async () => (await readMap()).includes('10.0.2.20'));
    const streams = await Promise.all(
      addresses.map((destination) =>
        vpc.farProber.startStream(farAddresses[destination.includes(':') ? 'ipv6' : 'ipv4'], { destination }),
      ),
    );
    for (let round = 0; round < rounds; round++) {
      // Not beside one another: two neighbours would be one element of the map.
      const [own, other] = [`10.0.2.${100 + 2 * round}`, `10.0.1.${100 + 2 * round}`];
      await vpc.assign(alone.id, { ipv4: [own] });
      await vpc.assign(sharing.id, { ipv4: [other] });
      lab.enid.signal('SIGHUP');
      await until('both are in the map', async () => {
        const map = await readMap();
        return map.includes(`${own} :`) && map.includes(`${other} :`);
      });
      if (round % 2 === 1) {
        await vpc.unassign(alone.id, { ipv4: [own] });
        await vpc.unassign(sharing.id, { ipv4: [other] });
      }
    }
    await lab.enid.converged();
    const reports = await Promise.all(streams.map((stream) => stream.stop()));
    for (const [index, { lost, failure, sent }] of reports.entries())
      expect([addresses[index], lost, failure, sent > 1_000]).toEqual([addresses[index], 0, null, true]);
    process.stderr.write(`replies: 0 of ${reports.reduce((sum, { sent }) => sum + sent, 0)} lost\n`);
  },
  4 * testMs,
);
