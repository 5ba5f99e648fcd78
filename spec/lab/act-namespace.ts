/**
 * Runs inside a network namespace of its own (see act.spec.ts) and prints a JSON report.
 * act/netlink deletes and replaces exactly what was meant; the oracle is the output of ip(8).
 */

import { execFileSync } from 'node:child_process';
import { applyKernelChange, type KernelChange, toRoute, toRule } from '../../agent/act/netlink.ts';
import { Removals } from '../../agent/act/removals.ts';
import { KernelError } from '../../agent/errors.ts';
import { type DesiredRoute, type DesiredRule, ownProtocol, type Route, type Rule } from '../../agent/model.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';

const checks: { name: string; want: unknown; got: unknown }[] = [];
const check = (name: string, want: unknown, got: unknown) => checks.push({ name, want, got });
const ip = (command: string) => execFileSync('ip', command.split(' '), { encoding: 'utf8' });

/** RTPROT_STATIC: networkd's rules. */
const staticProtocol = 4;
const client = new RtnetlinkClient();
const options = { client, protocol: ownProtocol };
const about = { mac: '02:00:00:00:00:06', linkName: 'ens6', reason: 'not wanted any more' };

ip('link set lo up');
ip('link add ens6 type veth peer name vpc6');
for (const name of ['ens6', 'vpc6']) ip(`link set ${name} addrgenmode none`);
for (const name of ['ens6', 'vpc6']) ip(`link set ${name} up`);
ip('address add 10.0.2.20/24 dev ens6');
const linkIndex = (await client.dumpLinks()).find(({ name }) => name === 'ens6')?.index ?? 0;

async function outcomeOf(act: Promise<boolean>): Promise<boolean | string> {
  return act.catch((error: unknown) => (error instanceof KernelError ? error.code : String(error)));
}

const apply = (change: KernelChange) => outcomeOf(applyKernelChange(change, options));

/** What ip prints of a priority, without the words that are the same in all. */
function showRules(priority: number): string[] {
  const lines = ip(`rule show pref ${priority}`).trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => line.replace(/^\d+:\s*/, '').replace(' [detached]', ''));
}

const base = `from 10.0.2.20 lookup 10001`;

function ruleOf(priority: number): DesiredRule {
  return {
    ...{ family: 4, priority, source: '10.0.2.20/32', destination: null, mark: null, users: null },
    ...{ inputInterface: null, table: 10_001, suppressPrefixLength: null, suppressGroup: null },
  };
}

async function readRule(priority: number, isWanted: (rule: Rule) => boolean): Promise<Rule> {
  const found = (await client.dumpRules(4)).find((rule) => rule.priority === priority && isWanted(rule));
  if (found === undefined) throw new Error(`expected a rule of priority ${priority}`);
  return found;
}

/**
 * Our rule, made by networkd (staticProtocol), behind and before another program's rule with one
 * more selector.
 */
async function checkForeignTwins(): Promise<void> {
  const selectors = [
    'oif tun0',
    'iif ens6',
    'fwmark 0x7',
    'uidrange 5-6',
    'ipproto tcp',
    'to 192.0.2.0/24',
    'dsfield 0x10',
  ];
  let priority = 1_000;
  for (const selector of selectors) {
    for (const isForeignFirst of [true, false]) {
      priority += 1;
      const addForeign = async () =>
        void ip(`rule add priority ${priority} from 10.0.2.20/32 ${selector} lookup 10001 protocol static`);
      // Even if the kernel treats the other rule as equal (rule_exists).
      const rule = toRule(ruleOf(priority), staticProtocol);
      const addOurs = () => client.addRule(rule, 'append');
      for (const add of isForeignFirst ? [addForeign, addOurs] : [addOurs, addForeign]) await add();
      const name = `a twin with ${selector} ${isForeignFirst ? 'before' : 'behind'} ours`;
      const before = showRules(priority);
      const isOurs = (line: string) => line === `${base} proto static`;
      const result = await apply({ ...about, kind: 'remove-rule', rule });
      // If the kernel would delete the other rule, nothing is deleted, and an error says so.
      check(name, isForeignFirst ? 'RULE_SHADOWED' : true, result);
      const left = isForeignFirst ? before : before.filter((line) => !isOurs(line));
      check(`${name}: what is left`, left, showRules(priority));
    }
  }
}

async function checkRuleIdentity(): Promise<void> {
  // Another program's rule in its place is not deleted if ours is already gone.
  ip('rule add priority 2000 from 10.0.2.20/32 oif tun0 lookup 10001 protocol 236');
  const gone = toRule(ruleOf(2_000), ownProtocol);
  check('a rule that is gone', false, await apply({ ...about, kind: 'remove-rule', rule: gone }));
  check('and its twin', 1, showRules(2_000).length);

  // Both are ours: `sources: [10.0.2.0/24]` is removed from the configuration.
  for (const protocol of [236, 'static']) {
    const priority = protocol === 236 ? 3_000 : 3_001;
    ip(`rule add priority ${priority} from 10.0.2.0/24 iif lo lookup 10001 protocol ${protocol}`);
    ip(`rule add priority ${priority} from 10.0.2.0/24 fwmark 0x3 lookup 10001 protocol ${protocol}`);
    ip(`rule add priority ${priority} from 10.0.2.0/24 lookup 10001 protocol ${protocol}`);
    const all = (await client.dumpRules(4)).filter((rule) => rule.priority === priority);
    const [local, marked, rule] = all;
    if (local === undefined || marked === undefined || rule === undefined) throw new Error('expected three rules');
    const name = `of three of ours (protocol ${protocol})`;
    const ownTwins = [local, marked];
    check(`${name} the widest goes`, true, await apply({ ...about, kind: 'remove-rule', rule, ownTwins }));
    const left = [
      'from 10.0.2.0/24 fwmark 0x3 lookup 10001 proto 236',
      'from 10.0.2.0/24 iif lo lookup 10001 proto 236',
    ];
    check(`${name} two are left`, left, showRules(priority).sort());
  }

  // The kernel treats the narrower rule as equal and refuses ours, which is still needed.
  for (const selector of ['to 192.0.2.0/24', 'dsfield 0x10', 'oif tun0']) {
    ip(`rule add priority 3500 from 10.0.2.20/32 ${selector} lookup 10001 protocol 236`);
    const add = () => apply({ ...about, kind: 'add-rule', rule: ruleOf(3_500) });
    check(
      `added beside one with ${selector}, once`,
      [true, false, 2],
      [await add(), await add(), showRules(3_500).length],
    );
    while (showRules(3_500).length > 0) ip('rule del priority 3500');
  }

  // Table, action and protocol are part of the identity.
  ip('rule add priority 4000 from 10.0.2.20/32 prohibit protocol 236');
  ip('rule add priority 4000 from 10.0.2.20/32 lookup 99 protocol 236');
  ip('rule add priority 4000 from 10.0.2.20/32 lookup 10001 protocol bird');
  ip('rule add priority 4000 from 10.0.2.20/32 lookup 10001 protocol 236');
  const own = await readRule(4_000, (rule) => rule.table === 10_001 && rule.protocol === 236);
  check('among other tables, actions, protocols', true, await apply({ ...about, kind: 'remove-rule', rule: own }));
  check(
    'they are left',
    [
      'from 10.0.2.20 lookup 10001 proto bird',
      'from 10.0.2.20 lookup 99 proto 236',
      'from 10.0.2.20 prohibit proto 236',
    ],
    showRules(4_000).sort(),
  );

  // In one go, in their present order: no deletion hits another rule.
  ip('rule add priority 5000 from 10.0.2.20/32 iif lo lookup 10001 protocol 236');
  ip('rule add priority 5000 from 10.0.2.20/32 lookup 10001 protocol 236');
  const removals = new Removals(options);
  const both = (await client.dumpRules(4)).filter((rule) => rule.priority === 5_000);
  const results: unknown[] = [];
  for (const rule of both) results.push(await outcomeOf(removals.remove({ ...about, kind: 'remove-rule', rule })));
  check('both of two go', [[true, true], []], [results, showRules(5_000)]);
}

const showRoutes = (family: number) =>
  ip(`-${family} route show table 10001`)
    .split('\n')
    .map((line) => line.trim().replace(/ pref medium| weight 1/g, ''))
    .filter((line) => line !== '');

const want = (gateway: string | null, rest: Partial<DesiredRoute> = {}): DesiredRoute => ({
  ...{ table: 10_001, destination: '::/0', type: 'unicast', gateway, linkIndex, metric: 513 },
  ...rest,
});

async function checkPaths(): Promise<void> {
  const add = (gateway: string) => apply({ ...about, kind: 'add-route', route: want(gateway) });
  const remove = (gateway: string) =>
    apply({ ...about, kind: 'remove-route', route: toRoute(want(gateway), ownProtocol) });
  check('the first way', true, await add('fe80::1'));
  ip('-6 route append default via fe80::9 dev ens6 table 10001 metric 513 proto static');
  check('a repair of what stands', false, await add('fe80::1'));
  const two = (own: string) => [`nexthop via ${own} dev ens6`, 'nexthop via fe80::9 dev ens6'];
  const paths = () =>
    showRoutes(6)
      .filter((line) => line.startsWith('nexthop'))
      .sort();
  check('both next hops are left by it', two('fe80::1'), paths());
  check('another router', true, await add('fe80::2'));
  check('takes the place of ours alone', two('fe80::2'), paths());
  check('a next hop that is not ours', false, await remove('fe80::9'));
  check('is left', two('fe80::2'), paths());
  check('ours goes', true, await remove('fe80::2'));
  check('theirs is left', ['default via fe80::9 dev ens6 proto static metric 513'], showRoutes(6));
  check('again', false, await remove('fe80::2'));
  ip('-6 route flush table 10001');

  // An object of next hops: a request without its number would hit it (ip6_route_del).
  ip('nexthop add id 7 via fe80::7 dev ens6');
  const object = '-6 route append default nhid 7 table 10001 metric 513 proto 236';
  ip('-6 route add default via fe80::1 dev ens6 table 10001 metric 513 proto 236');
  ip(object);
  check('beside an object of next hops', true, await remove('fe80::1'));
  check('which is left', ['default nhid 7 via fe80::7 dev ens6 proto 236 metric 513'], showRoutes(6));
  check('not in place of one that is gone', false, await remove('fe80::1'));
  check('it is left, too', 1, showRoutes(6).length);
  ip('-6 route del default nhid 7 table 10001');
}

async function checkRouteIdentity(): Promise<void> {
  const route: Route = toRoute(want('10.0.2.1', { destination: '0.0.0.0/0' }), ownProtocol);
  ip('address add 10.0.2.77/24 dev ens6');
  for (const protocol of ['static', '236']) {
    ip(`route add default via 10.0.2.1 dev ens6 src 10.0.2.77 table 10001 metric 513 proto ${protocol}`);
    check(
      `not with a source of its own, protocol ${protocol}`,
      false,
      await apply({ ...about, kind: 'remove-route', route }),
    );
    check('it is left', 1, showRoutes(4).length);
    ip('route flush table 10001');
  }
  ip('route add default proto 236 table 10001 metric 513 nexthop via 10.0.2.1 dev ens6 nexthop via 10.0.2.2 dev ens6');
  check('not one with a further next hop', false, await apply({ ...about, kind: 'remove-route', route }));
  check('all of it is left', 3, showRoutes(4).length);
  ip('route flush table 10001');
  ip('route add 10.9.0.0/16 dev ens6 table 10001 metric 7 proto 236');
  const local = toRoute(want(null, { destination: '10.9.0.0/16', metric: 0, type: 'local' }), ownProtocol);
  check('metric 0 is no "any"', false, await apply({ ...about, kind: 'remove-route', route: local }));
  check('the one with a metric is left', 1, showRoutes(4).length);
  ip('route flush table 10001');

  // As bird adds it: the very same route, of which no second one is needed.
  ip('route add default via 10.0.2.1 dev ens6 table 10001 metric 513 proto bird');
  const same = want('10.0.2.1', { destination: '0.0.0.0/0' });
  check('the same way by another program', false, await apply({ ...about, kind: 'add-route', route: same }));
  const other = want('10.0.2.3', { destination: '0.0.0.0/0' });
  check('another way in its place', 'PLACE_TAKEN', await apply({ ...about, kind: 'add-route', route: other }));
  check('theirs is left', ['default via 10.0.2.1 dev ens6 proto bird metric 513'], showRoutes(4));
}

async function checkAddresses(): Promise<void> {
  ip('address add 10.0.2.99/24 dev ens6');
  const address = { linkIndex, address: '10.0.2.99', prefixLength: 32 };
  check('not with another length', false, await apply({ ...about, kind: 'remove-address', address }));
  check('it is there', true, ip('address show dev ens6').includes('10.0.2.99/24'));
}

async function checkNames(): Promise<void> {
  ip('link add ens7 type veth peer name vpc7');
  ip('link property add dev ens7 altname eni-7');
  const add = (altName: string) => apply({ ...about, kind: 'add-alt-name', linkIndex, altName });
  const results = [await add('eni-6'), await add('eni-6'), await add('eni-7'), await add('ens7')];
  check('names', [true, false, 'NAME_TAKEN', 'NAME_TAKEN'], results);
}

await checkNames();
await checkForeignTwins();
await checkRuleIdentity();
await checkPaths();
await checkRouteIdentity();
await checkAddresses();
client.close();
process.stdout.write(JSON.stringify(checks));
process.exit(0);
