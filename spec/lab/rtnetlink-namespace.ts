/**
 * Runs inside a network namespace of its own (see rtnetlink.spec.ts) and prints a JSON report: a
 * list of checks, each with the wanted and the actual value. The oracle is the output of ip(8).
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { applyKernelChange } from '../../agent/act/netlink.ts';
import { KernelMirror } from '../../agent/sense/kernel.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import { findDeletedRule } from '../../lib/rtnetlink/rule-match.ts';
import { RtnetlinkSubscription } from '../../lib/rtnetlink/subscription.ts';
import type { Address, Route, Rule } from '../../lib/rtnetlink/types.ts';

const checks: { name: string; want: unknown; got: unknown }[] = [];
const check = (name: string, want: unknown, got: unknown) => checks.push({ name, want, got });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function ip(command: string): string {
  return execFileSync('ip', command.split(' '), { encoding: 'utf8' });
}

type Printed = Record<string, unknown>;

function ipJson(command: string): Printed[] {
  const text = ip(`-json -details ${command}`);
  const parsed: unknown = text.trim() === '' ? [] : JSON.parse(text);
  return Array.isArray(parsed) ? parsed : [];
}

async function errnoOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof RtnetlinkError ? error.errno : String(error);
  }
}

const client = new RtnetlinkClient();

ip('link set lo up');
ip('link add ens6 address 02:00:00:00:00:06 type veth peer name vpc6');
ip('link add ens7 address 02:00:00:00:00:07 type veth peer name vpc7');
for (const name of ['ens6', 'vpc6', 'ens7', 'vpc7']) ip(`link set ${name} up`);
ip('addr add 10.0.1.5/24 dev ens6');
ip('addr add 10.0.2.5/24 dev ens7');

const links = await client.dumpLinks();
const indexOf = (name: string) => links.find((link) => link.name === name)?.index ?? -1;
const ens6 = indexOf('ens6');

function rule(source: string | null, rest: Partial<Rule> = {}): Rule {
  return {
    ...{ family: 4, priority: 1000, source, destination: null, inputInterface: null, outputInterface: null },
    ...{
      mark: null,
      users: null,
      action: 1,
      table: 10001,
      suppressPrefixLength: null,
      suppressGroup: null,
      protocol: 236,
      isComplex: false,
    },
    ...rest,
  };
}

function route(destination: string, rest: Partial<Route> = {}): Route {
  return {
    ...{ family: 4, table: 10001, destination, type: 1, protocol: 236, scope: 0, gateway: null, linkIndex: ens6 },
    ...{ metric: 0, preferredSource: null, nextHopId: null, isComplex: false },
    ...rest,
  };
}

function address(text: string, rest: Partial<Address> = {}): Address {
  return {
    ...{
      linkIndex: ens6,
      family: text.includes(':') ? 6 : 4,
      address: text,
      prefixLength: text.includes(':') ? 128 : 32,
    },
    ...{ scope: 0, flags: 0x200, protocol: 236, metric: 0, validLifetime: null },
    ...rest,
  };
}

async function checkRequests(): Promise<void> {
  check(
    'links as ip prints them',
    ipJson('link show').map((link) => [link['ifindex'], link['ifname'], link['mtu']]),
    links.map((link) => [link.index, link.name, link.mtu]),
  );
  check('mac', '02:00:00:00:00:06', links.find((link) => link.index === ens6)?.mac);
  check('kind', 'veth', links.find((link) => link.index === ens6)?.kind);
  await client.addAltName(ens6, 'eni-0123');
  check('altname in ip', ['eni-0123'], ipJson('link show dev ens6')[0]?.['altnames']);
  check('altname in dump', ['eni-0123'], (await client.dumpLinks()).find((link) => link.index === ens6)?.altNames);
  check('altname twice', 'EEXIST', await errnoOf(client.addAltName(ens6, 'eni-0123')));

  ip('link add master0 type bridge');
  const master = Number(ipJson('link show dev master0')[0]?.['ifindex']);
  await client.setMaster(ens6, master);
  check('master in ip', 'master0', ipJson('link show dev ens6')[0]?.['master']);
  check('master in dump', master, (await client.dumpLinks()).find(({ index }) => index === ens6)?.masterIndex);
  check('no such master', 'EINVAL', await errnoOf(client.setMaster(ens6, 99_999)));
  ip('link del master0');
  await client.deleteAltName(ens6, 'eni-0123');

  await client.addAddress(address('10.0.1.6'));
  await client.addAddress(address('2001:db8::6', { flags: 0x202 }));
  const added = (await client.dumpAddresses()).filter((one) => one.protocol === 236);
  check(
    'addresses',
    ['10.0.1.6 noprefixroute', '2001:db8::6 noprefixroute'],
    added.map((one) => `${one.address} ${one.flags & 0x200 ? 'noprefixroute' : ''}`),
  );
  check('nodad: never tentative', 0, (added[1]?.flags ?? 0) & 0x40);
  check('delete an address', 'none', await errnoOf(client.deleteAddress(address('10.0.1.6'))));
  check('delete it again', 'EADDRNOTAVAIL', await errnoOf(client.deleteAddress(address('10.0.1.6'))));
  await client.deleteAddress(address('2001:db8::6'));

  await client.addRoute(route('0.0.0.0/0', { gateway: '10.0.1.1' }), { mode: 'create' });
  check(
    'route twice',
    'EEXIST',
    await errnoOf(client.addRoute(route('0.0.0.0/0', { gateway: '10.0.1.1' }), { mode: 'create' })),
  );
  await client.addRoute(route('0.0.0.0/0', { gateway: '10.0.1.2' }), { mode: 'replace' });
  await client.addRoute(route('192.0.2.0/24', { gateway: 'fe80::1' }), { mode: 'create' });
  await client.addRoute(route('10.9.0.0/16', { type: 7, linkIndex: null }), { mode: 'create' });
  await client.addRoute(route('2001:db8:1::/48', { family: 6, metric: 512 }), { mode: 'create' });
  check(
    'IPv4 table as ip prints it',
    ['default 10.0.1.2', '10.9.0.0/16 undefined', '192.0.2.0/24 fe80::1'],
    ipJson('-4 route show table 10001').map((one) => {
      const via = one['via'];
      const host = typeof via === 'object' && via !== null && 'host' in via ? via.host : undefined;
      return `${one['dst']} ${one['gateway'] ?? host}`;
    }),
  );
  const wanted = (_family: number, table: number) => table === 10001;
  const routes = [
    ...(await client.dumpRoutes(4, { filter: wanted })),
    ...(await client.dumpRoutes(6, { filter: wanted })),
  ];
  check(
    'routes in dump',
    [
      route('0.0.0.0/0', { gateway: '10.0.1.2' }),
      route('10.9.0.0/16', { type: 7, linkIndex: null }),
      route('192.0.2.0/24', { gateway: 'fe80::1' }),
      route('2001:db8:1::/48', { family: 6, metric: 512 }),
    ],
    routes,
  );
  check(
    'delete a route with another gateway',
    'ESRCH',
    await errnoOf(client.deleteRoute(route('0.0.0.0/0', { gateway: '10.0.1.9' }))),
  );
  check(
    'delete a route of another protocol',
    'ESRCH',
    await errnoOf(client.deleteRoute(route('0.0.0.0/0', { gateway: '10.0.1.2', protocol: 4 }))),
  );

  await client.addRule(rule('10.0.1.5/32', { suppressPrefixLength: 0, priority: 999 }));
  await client.addRule(rule('10.0.1.5/32'));
  await client.addRule(rule('2001:db8::/64', { family: 6, inputInterface: 'lo' }));
  check('rule twice', 'EEXIST', await errnoOf(client.addRule(rule('10.0.1.5/32'))));
  check(
    'rules in ip',
    ['10.0.1.5 10001 236'],
    ipJson('-4 rule show pref 1000').map((one) => `${one['src']} ${one['table']} ${one['protocol']}`),
  );
  ip('-4 rule add fwmark 7 uidrange 5-6 ipproto tcp lookup 10001 pref 1000');
  await client.addRule(rule(null, { priority: 1001, mark: { value: 16, mask: 255 }, users: { first: 5, last: 6 } }));
  check(
    'a rule of a mark and users in ip',
    true,
    ip('-4 rule show pref 1001').includes('from all fwmark 0x10/0xff uidrange 5-6 lookup 10001'),
  );
  const rules = (await client.dumpRules()).filter((one) => one.priority < 32766 && one.priority > 0);
  check(
    'rules in dump',
    [
      rule('10.0.1.5/32', { suppressPrefixLength: 0, priority: 999 }),
      rule('10.0.1.5/32'),
      rule(null, { protocol: 3, isComplex: true, mark: { value: 7, mask: 0xffffffff }, users: { first: 5, last: 6 } }),
      rule(null, { priority: 1001, mark: { value: 16, mask: 255 }, users: { first: 5, last: 6 } }),
      rule('2001:db8::/64', { family: 6, inputInterface: 'lo' }),
    ].map((one) => JSON.stringify({ ...one, protocol: 0 })),
    rules.map((one) => JSON.stringify({ ...one, protocol: 0 })),
  );
  const found = await client.getRoute({ family: 4, destination: '8.8.8.8', source: '10.0.1.5' });
  check('look-up', [10001, '10.0.1.2', ens6], [found.table, found.gateway, found.linkIndex]);
  check(
    'look-up of a prohibited way',
    'EHOSTUNREACH',
    await errnoOf(client.getRoute({ family: 4, destination: '10.9.0.1', source: '10.0.1.5' })),
  );
  // Predicts what a delete request would hit, so that no other program's rule is deleted instead.
  const same = { priority: 3000, table: 300 };
  for (const text of [
    'from 10.4.0.1 fwmark 3',
    'from 10.4.0.1 iif lo',
    'from 10.4.0.0/24',
    'from all to 10.4.0.9',
    'from 10.4.0.1',
  ]) {
    ip(`-4 rule add ${text} pref 3000 lookup 300 protocol 236`);
  }
  for (const wanted of [
    rule('10.4.0.1/32', same),
    rule('10.4.0.1/32', same),
    rule(null, same),
    rule('10.4.0.7/32', same),
    rule('10.4.0.1/32', { ...same, suppressPrefixLength: 0 }),
    rule('10.4.0.1/32', same),
  ]) {
    const before = await client.dumpRules(4);
    const hit = findDeletedRule(wanted, before);
    const errno = await errnoOf(client.deleteRule(wanted));
    check(
      'a delete hits what was foretold',
      [hit === null ? 'ENOENT' : 'none', before.filter((one) => one !== hit)],
      [errno, await client.dumpRules(4)],
    );
  }
  await client.deleteRule(rule('10.0.1.5/32'));
  check('delete a rule again', 'ENOENT', await errnoOf(client.deleteRule(rule('10.0.1.5/32'))));
  const many = Array.from({ length: 1000 }, (_, index) =>
    rule(`10.7.${index >> 8}.${index & 255}/32`, { priority: 2000 }),
  );
  await Promise.all(many.map((one) => client.addRule(one)));
  check('1000 rules at once', 1000, (await client.dumpRules(4)).filter((one) => one.priority === 2000).length);
  await Promise.all(many.map((one) => client.deleteRule(one)));
}

const oneTable = (table: number) => ({ from: table, to: table + 1 });

/** A route's MTU changes in place, and all else of the route stays. */
async function checkRouteMtu(): Promise<void> {
  const find = async (family: 4 | 6, destination: string) =>
    (await client.dumpRoutes(family)).filter((one) => one.destination === destination);
  const print = (command: string) =>
    ip(command)
      .replaceAll(/ expires \d+sec/g, ' expires')
      .replaceAll(/\s+/g, ' ')
      .trim();
  const ipv4 = 'route show 203.0.113.0/24';
  ip('route add 203.0.113.0/24 via 10.0.9.1 dev ens6 onlink proto dhcp metric 7 src 10.0.1.5 initcwnd 20 mtu 1400');
  const [first] = await find(4, '203.0.113.0/24');
  check('its MTU in a dump', 1400, first?.mtu);
  if (first === undefined) return;
  const rest = '203.0.113.0/24 via 10.0.9.1 dev ens6 proto dhcp src 10.0.1.5 metric 7 onlink';
  check('another MTU', true, await client.addRouteWithMtu(first, 1300));
  check('beside it', `${rest} mtu 1400 initcwnd 20 ${rest} mtu 1300 initcwnd 20`, print(ipv4));
  check('once more', 'EEXIST', await errnoOf(client.addRouteWithMtu(first, 1300)));
  check('one that is not there', false, await client.addRouteWithMtu({ ...first, mtu: 1200 }, 1100));
  check('no MTU', true, await client.addRouteWithMtu(first, null));
  await client.deleteRoute(first);
  await client.deleteRoute({ ...first, mtu: 1300 });
  check('exactly the others are gone', `${rest} initcwnd 20`, print(ipv4));
  // As networkd and this program leave them behind, in any order.
  const options = { client, protocol: 236 };
  const { mtu: _mtu, ...bare } = first;
  const stories: readonly (readonly [mtu: number | null, ...twins: string[]])[] = [
    [1500, '', 'mtu 1500'],
    [1500, 'mtu 1500', ''],
    [null, 'mtu 1500', ''],
    [null, '', 'mtu 1500'],
    [null, 'mtu 1500'],
    [1500, ''],
  ];
  for (const [mtu, ...twins] of stories) {
    ip('route flush 203.0.113.0/24');
    ip('route add 203.0.113.0/24 via 10.0.9.9 dev ens6 onlink metric 7');
    for (const twin of twins)
      ip(`route append 203.0.113.0/24 via 10.0.9.1 dev ens6 onlink proto dhcp metric 7 src 10.0.1.5 ${twin}`.trim());
    const wrong = twins.includes('') && mtu !== null ? bare : { ...bare, mtu: 1500 };
    const change = { mac: '', linkName: 'ens6', reason: '', kind: 'set-route-mtu', route: wrong, mtu } as const;
    check(`set ${mtu} for ${twins.join(', ')}`, true, await applyKernelChange(change, options));
    const foreign = '203.0.113.0/24 via 10.0.9.9 dev ens6 metric 7 onlink';
    check('and the other is left', `${foreign} ${rest}${mtu === null ? '' : ` mtu ${mtu}`}`, print(ipv4));
  }
  ip('route flush 203.0.113.0/24');

  ip('-6 route add 2001:db8:7::/48 via fe80::1 dev ens6 proto ra metric 7 pref high expires 600 hoplimit 60');
  const [second] = await find(6, '2001:db8:7::/48');
  if (second === undefined) return;
  check('IPv6', true, await client.addRouteWithMtu(second, 1400));
  const printed = print('-6 route show 2001:db8:7::/48');
  const rest6 = '2001:db8:7::/48 via fe80::1 dev ens6 proto ra metric 7 expires';
  check('IPv6: all else', `${rest6} mtu 1400 hoplimit 60 pref high`, printed);
  const left = Number(/ expires (\d+)sec/.exec(ip('-6 route show 2001:db8:7::/48'))?.[1]);
  check('IPv6: its lifetime', true, left > 500 && left <= 600);
  ip('-6 route del 2001:db8:7::/48');
}

/** As many destinations as "packet too big" has come for: a router between 9001 and 1500 bytes. */
async function checkPathMtus(): Promise<void> {
  const count = async () => [await client.countPathMtus(4), await client.countPathMtus(6)];
  check('no path MTU', [0, 0], await count());
  const holder = spawn('unshare', ['-n', 'sleep', '60'], { stdio: 'ignore' });
  try {
    await until(() => readlinkSync(`/proc/${holder.pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'));
    const router = (command: string) => execFileSync('nsenter', ['-t', `${holder.pid}`, '-n', ...command.split(' ')]);
    ip(`link add big mtu 9001 type veth peer name big0 mtu 9001 netns ${holder.pid}`);
    for (const command of ['addr add 10.0.7.5/24 dev big', '-6 addr add fd07::5/64 dev big nodad', 'link set big up'])
      ip(command);
    router('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
    for (const command of [
      'addr add 10.0.7.1/24 dev big0',
      '-6 addr add fd07::1/64 dev big0 nodad',
      'link set big0 up',
      'link add small mtu 1500 type veth peer name small0',
      'link set small up',
      'link set small0 up',
      'route add 198.51.100.0/24 dev small',
      '-6 route add fd08::/64 dev small',
    ])
      router(`ip ${command}`);
    ip('route add 198.51.100.0/24 via 10.0.7.1');
    ip('-6 route add fd08::/64 via fd07::1');
    // The first packet learns it; of IPv4 it is listed once another one uses it (fnhe_dump_bucket).
    const learn = (...far: string[]) => {
      for (const one of far) spawnSync('ping', ['-c2', '-i0.2', '-W1', '-Mdo', '-s', '4000', one]);
    };
    learn('198.51.100.1', '198.51.100.2');
    const printed = (family: string) => (ip(`${family} route show cache`).match(/ mtu 1500/g) ?? []).length;
    check('path MTUs of IPv4', [2, 2], [(await count())[0], printed('-4')]);
    learn('fd08::1', 'fd08::2', 'fd08::3');
    check('path MTUs of IPv6', [3, 3], [(await count())[1], printed('-6')]);
    ip('link del big');
  } finally {
    holder.kill();
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

/** The mirror must say what a fresh dump says. */
async function checkMirror(): Promise<void> {
  const isWanted = (_family: number, table: number) => table === 10001 || table === 254;
  const mirror = await KernelMirror.open({ isRelevantRoute: isWanted });
  let changeCount = 0;
  mirror.onChange(() => changeCount++);
  const sorted = (records: readonly object[]) =>
    records
      .map((record) => JSON.stringify(record, (key, value) => (key === 'validLifetime' ? value !== null : value)))
      .sort();
  // An address under duplicate address detection is dumped, but not announced before that ends.
  const isSettled = (one: Address) => (one.flags & 0x48) !== 0x40;
  const dump = async () => ({
    links: sorted(await client.dumpLinks()),
    addresses: sorted((await client.dumpAddresses()).filter(isSettled)),
    routes: sorted([
      ...(await client.dumpRoutes(4, { filter: isWanted })),
      ...(await client.dumpRoutes(6, { filter: isWanted })),
    ]),
    rules: sorted(await client.dumpRules()),
  });
  const compare = async (name: string, waitMs = 40) => {
    // The kernel ends a detection at any time by itself: the state must be the same before and
    // after the comparison.
    for (let kernel = await dump(); ; ) {
      await sleep(waitMs);
      await mirror.settled();
      const { links: linksThen, addresses, routes, rules } = mirror.state();
      const after = await dump();
      if (JSON.stringify(after) === JSON.stringify(kernel)) {
        check(`${name}: links`, kernel.links, sorted(linksThen));
        check(`${name}: addresses`, kernel.addresses, sorted(addresses.filter(isSettled)));
        check(`${name}: routes`, kernel.routes, sorted(routes));
        check(`${name}: rules`, kernel.rules, sorted(rules));
        return;
      }
      kernel = after;
    }
  };
  await compare('start');
  const steps: Record<string, string[]> = {
    'address and its routes': [
      'addr add 10.0.3.1/24 dev ens7',
      'route add 10.50.0.0/16 dev ens6 src 10.0.3.1',
      'route add 10.51.0.0/16 via 10.0.3.9',
    ],
    'preferred source goes': ['addr del 10.0.3.1/24 dev ens7'],
    'last address goes': [
      'route add 10.52.0.0/16 via 10.0.2.9',
      'route add 10.53.0.0/16 dev ens7 table 10001',
      'addr flush dev ens7',
    ],
    'routes again': [
      'addr add 10.0.2.5/24 dev ens7',
      'route add 10.52.0.0/16 via 10.0.2.9',
      '-6 addr add 2001:db8:7::5/64 dev ens7 nodad',
      '-6 route add 2001:db8:77::/48 via 2001:db8:7::1 table 10001',
    ],
    'link down': ['link set ens7 down'],
    'link up': ['link set ens7 up'],
    'peer down': ['link set vpc7 down'],
    'peer up': ['link set vpc7 up'],
    rename: ['link set ens7 name ens77'],
    'rename back': ['link set ens77 name ens7'],
    'route replace': [
      'route replace 10.60.0.0/16 dev ens6',
      'route replace 10.60.0.0/16 via 10.0.1.7',
      'route replace 10.60.0.0/16 via 10.0.1.8',
    ],
    'route append, replace': ['route append 10.60.0.0/16 via 10.0.1.9', 'route replace 10.60.0.0/16 via 10.0.1.4'],
    'one route, several MTUs': [
      'route add 10.61.0.0/16 via 10.0.1.7 mtu 1400',
      'route append 10.61.0.0/16 via 10.0.1.7 mtu 1300',
      'route append 10.61.0.0/16 via 10.0.1.7',
    ],
    'one of them goes': ['route del 10.61.0.0/16 via 10.0.1.7 mtu 1300'],
    'IPv6 prepare': ['-6 addr add 2001:db8:6::5/64 dev ens6 nodad', '-6 route add 2001:db8:90::/48 via 2001:db8:6::1'],
    'IPv6 replace': ['-6 route replace 2001:db8:90::/48 via 2001:db8:6::2'],
    'IPv6 second path': ['-6 route append 2001:db8:90::/48 via 2001:db8:6::3'],
    'IPv6 path goes': ['-6 route del 2001:db8:90::/48 via 2001:db8:6::2'],
    'IPv6 preferred source': ['-6 route add 2001:db8:91::/48 dev ens7 src 2001:db8:6::5'],
    'IPv6 preferred source goes': ['-6 addr del 2001:db8:6::5/64 dev ens6'],
    'next hop objects': ['nexthop add id 7 via fe80::7 dev ens6', '-6 route add 2001:db8:70::/48 nhid 7 metric 5'],
    'a next hop object replaced': ['nexthop replace id 7 via fe80::8 dev ens6'],
    // The kernel does not announce IPv4 routes then, and nothing that this program owns is such a
    // route.
    'next hop objects gone': ['nexthop del id 7'],
    'IPv4 multipath': ['route add 10.70.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.1.3'],
    'IPv4 multipath replaced': ['route replace 10.70.0.0/16 via 10.0.1.2'],
    rules: [
      'rule add from 10.1.1.1 lookup 7 pref 50',
      'rule add fwmark 1 lookup 7 pref 50',
      'rule add fwmark 2 lookup 7 pref 50',
    ],
    'rule goes': ['rule del fwmark 1 lookup 7 pref 50'],
    'bridge port': ['link add br0 type bridge', 'link set ens7 master br0'],
    'bridge port leaves': ['link set ens7 nomaster', 'link del br0'],
    vrf: ['link add wan1 type vrf table 10001', 'link set ens7 master wan1'],
    'vrf leaves': ['link set ens7 nomaster', 'link del wan1'],
    'mtu below 1280': ['link set ens7 mtu 1200'],
    'mtu back': ['link set ens7 mtu 1500'],
    'link deleted': ['addr add 10.0.8.8/24 dev ens7', 'route add 10.80.0.0/16 via 10.0.8.1', 'link del ens7'],
  };
  for (const [name, commands] of Object.entries(steps)) {
    try {
      for (const command of commands) ip(command);
    } catch (error) {
      // Not every test kernel has every kind of device.
      if (!/Unknown device type|Cannot find device "(wan1|br0)"/.test(String(error))) throw error;
      continue;
    }
    await compare(name);
  }
  // Addresses of ens6 and ens7 become ready (DAD) for up to 2 s; then silence.
  await sleep(2500);
  const [state, before, dumps] = [mirror.state(), changeCount, mirror.dumpCount];
  await sleep(300);
  check('quiet: same state object', true, mirror.state() === state);
  check('quiet: no change, no dump', [before, dumps], [changeCount, mirror.dumpCount]);
  await client.addAddress(address('10.0.1.66', { validLifetime: 1000 }));
  await sleep(50);
  const withLease = changeCount;
  await client.addAddress(address('10.0.1.66', { validLifetime: 2000 }));
  await sleep(50);
  check('a renewed lease is no change', withLease, changeCount);
  await mirror.setRouteInterest({
    tables: [],
    linkIndexes: [],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  });
  check('no interest, no routes', 0, mirror.state().routes.length);
  await mirror.setRouteInterest({
    tables: [10001, 254].map(oneTable),
    linkIndexes: [],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  });
  await compare('interest again');
  ip('-6 addr add 2001:db8:6::77/64 dev ens6');
  await mirror.resync(['address']);
  check(
    'a tentative address, asked for',
    1,
    mirror.state().addresses.filter((one) => one.address === '2001:db8:6::77').length,
  );
  mirror.close();
}

/** The process must survive a flood while it is busy, and notice that it lost something. */
async function checkOverrun(): Promise<void> {
  const losses: string[] = [];
  let eventCount = 0;
  const subscription = new RtnetlinkSubscription(
    { onEvents: (events) => (eventCount += events.length), onLoss: (loss) => losses.push(loss.reason) },
    { receiveBufferBytes: 16 * 1024 },
  );
  const mirror = await KernelMirror.open({ isRelevantRoute: (_family, table) => table === 10001 });
  const commands = Array.from(
    { length: 2000 },
    (_, index) => `rule add from 10.8.${index >> 8}.${index & 255} pref 3000 lookup 9`,
  );
  // Synchronous: meanwhile this process reads nothing.
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
  await sleep(300);
  check('overrun is told once or more', true, losses.length > 0 && losses.every((reason) => reason === 'overrun'));
  eventCount = 0;
  ip('rule add from 10.8.99.99 pref 3001 lookup 9');
  await sleep(50);
  check('events after an overrun', 1, eventCount);
  check('the mirror has all', 2001, mirror.state().rules.filter((one) => one.table === 9).length);
  mirror.close();
  subscription.close();
}

await checkPathMtus();
await checkRequests();
await checkRouteMtu();
await checkMirror();
await checkOverrun();
client.close();
check('closed', 'ECANCELED', await errnoOf(client.dumpLinks()));
process.stdout.write(JSON.stringify(checks));
