/**
 * Runs inside a network namespace of its own (see rtnetlink.spec.ts): the kernel's filter must pass
 * exactly what the filter in JavaScript wants. Prints a JSON report as rtnetlink-namespace.ts does.
 */

import { execFileSync } from 'node:child_process';
import { makeRouteFilter, type RouteInterest } from '../../lib/rtnetlink/route-interest.ts';
import { RtnetlinkSubscription } from '../../lib/rtnetlink/subscription.ts';
import type { RtnetlinkEvent } from '../../lib/rtnetlink/types.ts';

const checks: { name: string; want: unknown; got: unknown }[] = [];
const check = (name: string, want: unknown, got: unknown) => checks.push({ name, want, got });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const ip = (commands: readonly string[]) => execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });

// More than 255 links: a conditional jump of the filter reaches no further.
const names = Array.from({ length: 300 }, (_, index) => `ens${index}`);
ip(names.flatMap((name) => [`link add ${name} type ifb`, `link set ${name} up`]));
const indexes: { ifindex: number; ifname: string }[] = JSON.parse(
  execFileSync('ip', ['-json', 'link'], { encoding: 'utf8', maxBuffer: 1 << 24 }),
);
const indexOf = (name: string) => indexes.find(({ ifname }) => ifname === name)?.ifindex ?? -1;

const asked: Parameters<ReturnType<typeof makeRouteFilter>>[] = [];
const heard: RtnetlinkEvent[] = [];
const subscription = new RtnetlinkSubscription(
  { onEvents: (events) => heard.push(...events), onLoss: ({ reason }) => check('no loss', null, reason) },
  {
    isWantedRoute: (...route) => {
      asked.push(route);
      return true;
    },
  },
);

const tables = [254, 255, 9_999, 10_000, 10_001, 12_345, 14_999, 15_000, 65_535, 65_536, 75_537, 4_000_000_000];
const protocols = [4, 12, 16, 186, 236];
const routes = tables.flatMap((table) =>
  ['ens1', 'ens2', 'ens299'].flatMap((name, link) =>
    protocols.flatMap((protocol) => [
      `10.${link}.${protocol}.0/24 dev ${name} table ${table} proto ${protocol}`,
      `default dev ${name} table ${table} proto ${protocol} metric ${100 + 10 * link + protocol}`,
      `2001:db8:${link}:${protocol}::/64 dev ${name} table ${table} proto ${protocol}`,
    ]),
  ),
);
routes.push('0.0.0.0/1 dev ens2', '2000::/7 dev ens2', '2000::/8 dev ens2', '128.0.0.0/1 dev ens2 table 10001');
routes.push('blackhole 10.9.0.0/16 table 254', 'blackhole 10.9.0.0/16 table 10001');
routes.push('10.8.0.0/16 table 254 nexthop dev ens1 nexthop dev ens2');

/** Adds and removes every route; returns the question of each that passed. */
async function listen(interest: RouteInterest | null): Promise<string[]> {
  if (interest !== null) subscription.narrowRoutes(interest);
  asked.length = 0;
  ip([...routes.map((route) => `route add ${route}`), ...routes.map((route) => `route del ${route}`)]);
  // Until no more events arrive, however busy the machine is.
  for (let count = -1; count !== asked.length; await sleep(500)) count = asked.length;
  return asked.map((route) => route.join(' '));
}

const all = await listen(null);
check('all come through without a filter', 2 * routes.length, all.length);
const everyLink = names.filter((name) => name !== 'ens2').map(indexOf);
const interests: Record<string, RouteInterest> = {
  nothing: { tables: [], linkIndexes: [], ignoredProtocols: [], widePlaces: [], ignoredPlaces: [] },
  'one table': {
    tables: [{ from: 10_001, to: 10_002 }],
    linkIndexes: [],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  },
  'large table': {
    tables: [{ from: 4_000_000_000, to: 4_000_000_001 }],
    linkIndexes: [],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  },
  range: {
    tables: [{ from: 10_000, to: 15_000 }],
    linkIndexes: [],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  },
  link: {
    tables: [],
    linkIndexes: [indexOf('ens1')],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [],
  },
  'wide routes of one place': {
    tables: [],
    widePlaces: [{ table: 254, prefixLength: 7 }],
    linkIndexes: [],
    ignoredProtocols: [],
    ignoredPlaces: [],
  },
  'link without daemons': {
    tables: [],
    linkIndexes: [indexOf('ens1')],
    ignoredProtocols: [12, 186],
    widePlaces: [],
    ignoredPlaces: [],
  },
  'link without a place': {
    tables: [],
    linkIndexes: [indexOf('ens1')],
    ignoredProtocols: [],
    widePlaces: [],
    ignoredPlaces: [{ table: 255, protocol: 236 }],
  },
  all: {
    tables: [
      { from: 10_000, to: 15_000 },
      { from: 75_537, to: 75_538 },
    ],
    widePlaces: [{ table: 254, prefixLength: 7 }],
    linkIndexes: everyLink,
    ignoredProtocols: [12, 186],
    ignoredPlaces: [
      { table: 255, protocol: 4 },
      { table: 254, protocol: 16 },
    ],
  },
};
for (const [name, interest] of Object.entries(interests)) {
  const isWanted = makeRouteFilter(interest);
  const want: string[] = [];
  for (const text of all) {
    const [family, table, link, protocol, length] = text.split(' ');
    const linkIndex = link === '' ? null : Number(link);
    if (isWanted(family === '4' ? 4 : 6, Number(table), linkIndex, Number(protocol), Number(length))) want.push(text);
  }
  const got = await listen(interest);
  check(`${name}: what is wanted comes through, and nothing else`, want, got);
}
heard.length = 0;
ip(['rule add from 10.8.99.99 pref 3001 lookup 9', 'addr add 10.0.1.9/24 dev ens1', 'link set ens1 down']);
await sleep(100);
const kinds = new Set(heard.map(({ kind }) => kind));
check('other kinds come through', ['address', 'link', 'rule'], [...kinds].filter((kind) => kind !== 'route').sort());
subscription.close();
process.stdout.write(JSON.stringify(checks));
