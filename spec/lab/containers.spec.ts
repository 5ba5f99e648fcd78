/**
 * Containers as Docker creates them, beside enid: a bridge, masquerading, a published port on every
 * address of every ENI, by DNAT and by a program of the host, as docs/containers.md says.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, echoWord, type Lab, openLab, testMs, until } from './lab.ts';

const container = '172.17.0.2';
/** The bridge, and the nftables rules of Docker for `--publish 8080:80`. */
const docker = `
sysctl -qw net.ipv4.ip_forward=1
ip link add docker0 type bridge
ip address add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link set ctr0 master docker0
nft -f - <<'EOF'
table ip nat {
  chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local tcp dport 8080 dnat to ${container}:80; }
  chain output { type nat hook output priority -100; fib daddr type local tcp dport 8080 dnat to ${container}:80; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
EOF
`;
const server = (port: number) => `require('net').createServer((socket) => socket.pipe(socket)).listen(${port})`;

let lab: Lab;

function shell(text: string): Promise<string> {
  return lab.vpc.guest.check(['bash', '-ec', text]);
}

/** Whether the far host's connection to a port of the instance is answered. */
async function comesIn(address: string, port: number): Promise<boolean> {
  return (await lab.vpc.far.run(['timeout', '3', 'bash', '-c', echoWord(address, port)])).code === 0;
}

/** The addresses from which the far host gets no answer. */
async function findDeaf(addresses: readonly string[], port: number): Promise<string[]> {
  const answers = await Promise.all(addresses.map((address) => comesIn(address, port)));
  return addresses.filter((_, index) => answers[index] !== true);
}

function addressesOf(family: 'ipv4' | 'ipv6', ...enis: readonly { readonly id: string }[]): string[] {
  const ids = new Set(enis.map(({ id }) => id));
  return lab.vpc.enis.filter(({ id }) => ids.has(id)).flatMap((eni) => eni[family]);
}

beforeAll(async () => {
  lab = await openLab('containers', primary);
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  const { namespace } = await lab.vpc.container();
  await shell(docker);
  await namespace.ip([`addr add ${container}/16 dev eth0`, 'route replace default via 172.17.0.1']);
  namespace.spawn([process.execPath, '-e', server(80)]);
  lab.vpc.guest.spawn([process.execPath, '-e', server(8081)]);
  await until('the servers', async () => {
    const answers = await lab.vpc.guest.run([
      'bash',
      '-c',
      `(${echoWord(container, 80)}) && (${echoWord('127.0.0.1', 8081)})`,
    ]);
    return answers.code === 0;
  });
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'a container reaches the world, and the host reaches it from every address',
  async () => {
    const { namespace } = await lab.vpc.container();
    await namespace.check(['timeout', '5', 'bash', '-c', echoWord(farAddresses.ipv4, 7)]);
    for (const source of addressesOf('ipv4', primary, alone, sharing)) {
      expect(await shell(`ip route get ${container} from ${source}`)).toContain(' dev docker0');
    }
  },
  testMs,
);

it(
  'a program of the host answers on every address of every ENI, in both families',
  async () => {
    const all = [...addressesOf('ipv4', primary, alone, sharing), ...addressesOf('ipv6', primary, alone, sharing)];
    expect(all.length).toBeGreaterThan(8);
    expect(await findDeaf(all, 8081)).toEqual([]);
  },
  testMs,
);

it(
  'a published port answers on every address of every ENI, without any configuration',
  async () => {
    await until(
      'the table',
      async () => (await lab.vpc.guest.run(['nft', 'list', 'table', 'inet', 'enid'])).code === 0,
    );
    await lab.enid.converged();
    expect(await findDeaf(addressesOf('ipv4', primary, alone, sharing), 8080)).toEqual([]);
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'Docker’s objects are unchanged',
  async () => {
    const before = await shell('nft list table ip nat; ip address show dev docker0');
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    expect(await shell('nft list table ip nat; ip address show dev docker0')).toBe(before);
    expect(before).toContain('172.17.0.1/16');
  },
  testMs,
);
