/**
 * The daemon explains from its memory: the answer equals that of a fresh look at the host, without
 * such a look.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, listDestinations, openLab, sleep, testMs, until } from './lab.ts';

let lab: Lab;
const trace = '/run/enid-netlink';

function shell(text: string): Promise<string> {
  return lab.vpc.guest.check(['bash', '-ec', text]);
}

beforeAll(async () => {
  lab = await openLab('explain', primary, labConfig.replace('interval: 5s', 'interval: 1h'));
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  // No poll would find the addresses within the test.
  await lab.enid.stop();
  lab.enid = EnidProcess.start(lab.vpc.guest);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
  // Objects that a mirror of the ENIs' routes does not have.
  await shell(`
    ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up
    ip link add tun0 type bridge; ip link set tun0 up
    ip route add 192.0.2.0/24 dev tun0; ip route add 192.0.2.64/26 dev docker0 metric 50
    ip route add blackhole 192.0.3.0/24; ip route add unreachable 192.0.4.0/24 proto bird
    ip route add 198.18.0.0/15 via 10.0.1.1 dev ens5 proto bird
    ip -6 route add 2001:db8:aaaa::/48 dev tun0
  `);
}, testMs);
afterAll(() => closeLab(lab));

it(
  'like a fresh look, for every packet',
  async () => {
    const sources = ['10.0.1.10', '10.0.1.30', '10.0.2.21', '172.17.0.5', '198.51.100.9'];
    const destinations = [
      ...['', '10.0.1.1', '10.0.1.30', '10.0.2.20', '10.0.2.200', '172.17.0.9', '172.17.0.1'],
      ...['192.0.2.1', '192.0.2.70', '198.18.0.1', '127.0.0.1'],
    ];
    const sources6 = ['2001:db8:0:1::10', '2001:db8:0:2::21', '2001:db8:0:1::30', '2001:db8:ffff::1'];
    const destinations6 = ['', '2001:db8:0:1::30', '2001:db8:0:2::99', '2001:db8:aaaa::1', '::1'];
    const packets = [
      ...sources.flatMap((source) => destinations.map((destination) => [source, destination] as const)),
      ...sources6.flatMap((source) => destinations6.map((destination) => [source, destination] as const)),
    ];
    const explain = async ([source, destination]: readonly [string, string], ...rest: string[]) => {
      const words = ['explain', source, ...(destination === '' ? [] : [destination]), '--json', ...rest];
      const { stdout, stderr } = await runEnid(lab.vpc.guest, words);
      // Who has looked is no part of the answer.
      return { source, destination, stderr, ...JSON.parse(stdout), daemon: null };
    };
    for (const packet of packets) {
      const [asked, looked] = await Promise.all([explain(packet), explain(packet, '--no-daemon')]);
      expect(asked).toEqual(looked);
    }
    // When the kernel refuses a packet it does not say by which route, so the desired way lacks the
    // route.
    for (const destination of ['192.0.3.1', '192.0.4.1']) {
      const [asked, looked] = [
        await explain(['10.0.1.10', destination]),
        await explain(['10.0.1.10', destination], '--no-daemon'),
      ];
      expect({ ...asked, wanted: null }).toEqual({ ...looked, wanted: null });
      expect(asked).toMatchObject({ right: false, kernel: { refused: expect.any(String) } });
    }
  },
  testMs * 4,
);

it(
  'without a dump of the kernel and without the metadata service, within a second of 50 other questions',
  async () => {
    const { vpc, enid } = lab;
    await vpc.guest.check(['ip', '-batch', '-'], {
      input: listDestinations(20_000)
        .map((destination) => `route add ${destination} dev docker0`)
        .join('\n'),
    });
    await sleep(1_000);
    await vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
    await vpc.imds.resetRequests();
    const strace = vpc.guest.spawn(['strace', '-f', '-p', String(enid.pid), '-e', 'trace=sendto,sendmsg', '-o', trace]);
    await until('strace looks', async () => (await vpc.guest.run(['test', '-e', trace])).code === 0);
    await sleep(500);
    const call = 'busctl call org.enid1 /org/enid1 org.enid1.Manager';
    const startMs = performance.now();
    await shell(`for i in $(seq 50); do ${call} Explain ss 10.0.2.21 192.0.2.1 > /run/explain-$i & done; wait`);
    await shell(`${call} Plan; ${call} Describe; ${call} DescribeInterface s ens6`);
    const tookMs = performance.now() - startMs;
    strace.kill('SIGINT');
    await new Promise((resolve) => strace.once('exit', resolve));
    await vpc.imds.setFaults([]);
    const sent = await vpc.guest.readFile(trace);
    expect(await shell('cat /run/explain-* | grep -c 10.0.2.21')).toBe('50\n');
    expect(sent).toContain('RTM_GETROUTE');
    expect(sent).not.toContain('NLM_F_DUMP');
    expect(await vpc.imds.requests()).toEqual([]);
    // Most of the time is spent on 50 processes of busctl under strace; asking a metadata service
    // that does not answer takes longer.
    expect(tookMs).toBeLessThan(20_000);
    expect(enid.lines.filter((line) => /rror|warn/.test(line))).toEqual([]);
  },
  testMs,
);

it('answers from memory if asked by a link name with its addresses', async () => {
  const answer = await lab.vpc.guest.run([
    ...['busctl', 'call', 'org.enid1', '/org/enid1', 'org.enid1.Manager', 'Explain', 'ss', 'ens6', ''],
  ]);
  expect(answer.stderr).toMatch(/got "ens6"; link ens6 has 10\.0\.2\.20, 10\.0\.2\.21/);
});
