/**
 * Runs inside a network namespace of its own (see look-up.spec.ts): puts random rules and routes
 * into the kernel, and asks both it and fixtures/model/look-up.ts for the way of random packets.
 * The model gets what the kernel dumps. Prints the differences as a JSON report of checks.
 * ENID_SEED repeats the questions of a run.
 */

import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  type LookUpResult,
  lookUp,
  type NetworkState,
  type Packet,
  type PathMtuClone,
} from '../../fixtures/model/look-up.ts';
import { familyOf } from '../../lib/ip/address.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import type { Family, Route } from '../../lib/rtnetlink/types.ts';
import { anyRoute, anyRule, destinations, names, own, senders } from './look-up-arbitrary.ts';

const caseCount = 60;
const checks: { name: string; want: unknown; got: unknown }[] = [];
const client = new RtnetlinkClient();

function ip(command: string): void {
  execFileSync('ip', command.split(' '), { encoding: 'utf8' });
}

function sysctl(name: string, value: number): void {
  writeFileSync(`/proc/sys/net/${name}`, String(value));
}

ip('link set lo up');
// A packet that arrives on a link is looked up for forwarding, without a reverse path check.
for (const name of ['ipv4/conf/all/forwarding', 'ipv6/conf/all/forwarding']) sysctl(name, 1);
for (const name of ['all', 'default']) sysctl(`ipv4/conf/${name}/rp_filter`, 0);
names.forEach((name, index) => {
  ip(`link add ${name} type veth peer name peer-${name}`);
  for (const end of [name, `peer-${name}`]) ip(`link set ${end} up`);
  ip(`addr add 10.0.${index}.1/24 dev ${name}`);
  ip(`-6 addr add 2001:db8:0:${index}::1/64 dev ${name} nodad`);
});
const indexes = new Map((await client.dumpLinks()).map(({ name, index }) => [name, index]));
const indexOf = (name: string) => indexes.get(name) ?? -1;

/** The kernel has each place once: refused duplicates are left out. */
async function tryAdd(request: Promise<void>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof RtnetlinkError) || error.errno !== 'EEXIST') throw error;
  }
}

async function readState(clones: readonly PathMtuClone[] = []): Promise<NetworkState> {
  const routes = [...(await client.dumpRoutes(4)), ...(await client.dumpRoutes(6))];
  return { rules: await client.dumpRules(), routes, links: await client.dumpLinks(), clones };
}

/**
 * A way as text, with everything that both sides know. For the host's own addresses the link does
 * not matter.
 */
function describe(way: Pick<Route, 'type' | 'table' | 'linkIndex' | 'gateway'> | string): string {
  if (typeof way === 'string') return way;
  return way.type === 2 ? 'local' : `table ${way.table} link ${way.linkIndex} via ${way.gateway}`;
}

function describeModel(result: LookUpResult): string {
  return describe(result.kind === 'error' ? result.errno : result.route);
}

async function askKernel({ source, destination, inputInterface, mark, userId }: Packet): Promise<string> {
  try {
    const route = await client.getRoute({
      family: familyOf(destination),
      destination,
      source,
      ...(inputInterface === 'lo' ? {} : { inputLinkIndex: indexOf(inputInterface) }),
      ...(mark === undefined ? {} : { mark }),
      ...(userId === undefined ? {} : { userId }),
    });
    return describe(route);
  } catch (error) {
    if (error instanceof RtnetlinkError) return error.errno;
    throw error;
  }
}

async function checkPackets(name: string, state: NetworkState, packets: readonly Packet[]): Promise<void> {
  const answers = await Promise.all(packets.map(askKernel));
  packets.forEach((packet, index) => {
    const [want, got] = [answers[index], describeModel(lookUp(state, packet))];
    if (want !== got) {
      const rules = state.rules.filter(({ family }) => family === familyOf(packet.source));
      checks.push({ name: `${name}: ${JSON.stringify({ packet, rules })}`, want, got });
    }
  });
}

async function checkRandomHosts(family: Family, seed: number): Promise<void> {
  const host = fc.record({
    rules: fc.array(anyRule(family), { minLength: 2, maxLength: 9 }),
    routes: fc.array(anyRoute(family, indexOf), { minLength: 4, maxLength: 16 }),
    groups: fc.tuple(...names.map(() => fc.constantFrom(0, 5, own, own))),
    // A received packet is looked up as root's (sock_net_uid without a socket).
    user: fc.constantFrom(0, 1500),
    mark: fc.constantFrom(0, 0x10, 0x80000010),
  });
  let asked = 0;
  const kinds = new Set<string>();
  for (const { rules, routes, groups, user, mark } of fc.sample(host, { numRuns: caseCount, seed })) {
    for (const [index, group] of groups.entries()) await client.setGroup(indexOf(`d${index}`), group);
    for (const route of routes)
      await tryAdd(client.addRoute(route, { mode: 'create', isOnLink: route.gateway !== null && family === 4 }));
    for (const rule of rules) await tryAdd(client.addRule(rule));
    const packets = senders[family].flatMap(([source, inputInterface]) =>
      destinations[family].map((destination): Packet => {
        const packet = { source, destination, inputInterface, mark };
        return inputInterface === 'lo' ? { ...packet, userId: user } : packet;
      }),
    );
    const state = await readState();
    for (const packet of packets) kinds.add(describeModel(lookUp(state, packet)).split(' ')[0] ?? '');
    await checkPackets(`seed ${seed}`, state, packets);
    asked += packets.length;
    ip(`-${family} rule flush protocol ${own}`);
    ip(`-${family} route flush table all proto ${own}`);
  }
  const expected = ['EACCES', 'EHOSTUNREACH', 'EINVAL', 'ENETUNREACH', 'local', 'table'];
  checks.push({ name: `questions of IPv${family}`, want: [2700, expected], got: [asked, [...kinds].sort()] });
}

/**
 * A router, in a namespace of its own, that sends "packet too big" to the first ENI only: the
 * second one's look-up in main then returns the first one's clone, unless the rule suppresses its
 * link group.
 */
async function checkPathMtu(): Promise<void> {
  const router = spawn('unshare', ['-n', 'sleep', '60'], { stdio: 'ignore' });
  const inRouter = (command: string) =>
    execFileSync('nsenter', ['-t', String(router.pid), '-n', ...command.split(' ')]);
  try {
    await waitForNamespace(router.pid ?? 0);
    inRouter('sysctl -qw net.ipv6.conf.all.forwarding=1');
    ip(`link add e0 mtu 9001 type veth peer name r0 mtu 9001 netns ${router.pid}`);
    inRouter('ip link add far0 mtu 1500 type veth peer name far1');
    for (const name of ['r0', 'far0', 'far1']) inRouter(`ip link set ${name} up`);
    ip('link set e0 up');
    ip('-6 addr add 2001:db8:5::5/64 dev e0 nodad');
    inRouter('ip -6 addr add 2001:db8:5::1/64 dev r0 nodad');
    inRouter('ip -6 addr add 2001:db8:ffff::1/64 dev far0 nodad');
    ip('-6 route add default via 2001:db8:5::1 dev e0 metric 512');
    ip('-6 route add default via fe80::1 dev d1 table 100');
    const first = (await client.dumpLinks()).find(({ name }) => name === 'e0')?.index ?? -1;
    const secondary = { source: '2001:db8:0:1::1', destination: '2001:db8:ffff::9', inputInterface: 'lo' };
    const rules = ['suppress_prefixlength 0', `suppress_prefixlength 0 suppress_ifgroup ${own}`];
    const clones = [{ table: 254, destination: secondary.destination, linkIndex: first }];
    await client.setGroup(first, own);
    try {
      execFileSync('ping', '-6 -c 3 -i 0.2 -W 1 -s 4000 -M do -I 2001:db8:5::5 2001:db8:ffff::9'.split(' '), {
        stdio: 'ignore',
      });
    } catch {
      // No one answers at the far end.
    }
    for (const rule of rules) {
      ip(`-6 rule add pref 100 from ${secondary.source} lookup main ${rule} protocol ${own}`);
      ip(`-6 rule add pref 200 from ${secondary.source} lookup 100 protocol ${own}`);
      const state = await readState(clones);
      const [kernel, model] = [await askKernel(secondary), describeModel(lookUp(state, secondary))];
      checks.push({ name: `path MTU, ${rule}`, want: kernel, got: model });
      const elsewhere = { ...secondary, destination: '2001:db8:ffff::a' };
      const [other, otherModel] = [await askKernel(elsewhere), describeModel(lookUp(state, elsewhere))];
      checks.push({ name: `no path MTU, ${rule}`, want: other, got: otherModel });
      // The trap itself; without it the check would prove nothing.
      checks.push({ name: `drawn by a clone, ${rule}`, want: rule === rules[0], got: kernel !== other });
      ip(`-6 rule flush protocol ${own}`);
    }
  } finally {
    router.kill();
  }
}

/** `unshare` is ready when its namespace is not ours. */
async function waitForNamespace(processId: number): Promise<void> {
  const before = readlinkSync('/proc/self/ns/net');
  for (let attempt = 0; attempt < 100; attempt++) {
    if (readlinkSync(`/proc/${processId}/ns/net`) !== before) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the router has no namespace after 1 s');
}

const seed = Number(process.env['ENID_SEED'] ?? Date.now() % 1_000_000);
await checkRandomHosts(4, seed);
await checkRandomHosts(6, seed);
await checkPathMtu();
client.close();
process.stdout.write(JSON.stringify(checks));
