/**
 * A host with two ENIs and a container bridge, written as ip(8) prints it, and a model of the
 * kernel's look-up over it.
 */

import type { KernelAnswer, KnownHost } from '../../../../agent/decide/explain/explain.ts';
import type { Packet } from '../../../../agent/decide/explain/walk.ts';
import type {
  Address,
  DesiredRule,
  EniMetadata,
  EniState,
  KernelState,
  Link,
  Route,
  Rule,
} from '../../../../agent/model.ts';
import { makeDesiredEni, makeLink } from '../../../../fixtures/model/records.ts';
import { familyOf } from '../../../../lib/ip/address.ts';
import { contains, requireCidr } from '../../../../lib/ip/cidr.ts';
import { makeEni } from '../../eni.ts';

const linkIndexes: Readonly<Record<string, number>> = { lo: 1, ens5: 2, ens6: 3, docker0: 4, wg0: 5 };

export const enis: readonly EniMetadata[] = [
  { ...makeEni(1), ipv6Addresses: ['2001:db8:0:1::10'], subnetIpv6: ['2001:db8:0:1::/64'] },
  {
    ...makeEni(2),
    ipv4Prefixes: ['10.0.2.64/28'],
    ipv6Addresses: ['2001:db8:0:2::20'],
    subnetIpv6: ['2001:db8:0:2::/64'],
  },
];

/**
 * Decision 4: what main knows by no ENI, then the ENI's own table; for the primary what main would
 * send by another ENI.
 */
export const wayRules = [
  'pref 10000 from 10.0.1.4/31 lookup 10000 suppress_prefixlength 0 proto 236',
  'pref 10000 from 2001:db8:0:1::10/128 lookup 10000 suppress_prefixlength 0 proto 236',
  'pref 15001 from 10.0.2.4/31 lookup main suppress_prefixlength 1 suppress_ifgroup 236 proto 236',
  'pref 15001 from 10.0.2.64/28 lookup main suppress_prefixlength 1 suppress_ifgroup 236 proto 236',
  'pref 15001 from 2001:db8:0:2::20/128 lookup main suppress_prefixlength 7 suppress_ifgroup 236 proto 236',
  'pref 20001 from 10.0.2.4/31 lookup 10001 proto 236',
  'pref 20001 from 10.0.2.64/28 lookup 10001 proto 236',
  'pref 20001 from 2001:db8:0:2::20/128 lookup 10001 proto 236',
];

/** The rules of enid 0.1.0: main's connected route of another ENI wins. */
export const rulesBefore = [
  'pref 15001 from 10.0.2.0/24 iif lo lookup main suppress_prefixlength 0 proto 236',
  'pref 15001 from 10.0.2.64/28 lookup main suppress_prefixlength 0 proto 236',
  'pref 15001 from 2001:db8:0:2::/64 iif lo lookup main suppress_prefixlength 0 proto 236',
  'pref 20001 from 10.0.2.0/24 iif lo lookup 10001 proto 236',
  'pref 20001 from 10.0.2.64/28 lookup 10001 proto 236',
  'pref 20001 from 2001:db8:0:2::/64 iif lo lookup 10001 proto 236',
];

const generalRules = [
  'pref 0 from all lookup 255 proto 2',
  'pref 32766 from all lookup main proto 2',
  'pref 0 from all6 lookup 255 proto 2',
  'pref 32766 from all6 lookup main proto 2',
];

const mainRoutes = [
  'default via 10.0.1.1 dev ens5 table main metric 512 proto 16',
  'default via 10.0.2.1 dev ens6 table main metric 513 proto 16',
  '10.0.1.0/24 dev ens5 table main metric 512 proto 2',
  '10.0.2.0/24 dev ens6 table main metric 513 proto 2',
  '10.0.0.2/32 via 10.0.1.1 dev ens5 table main metric 512 proto 16',
  '172.17.0.0/16 dev docker0 table main proto 2',
  '::/0 via fe80::1 dev ens5 table main metric 512 proto 9',
  '::/0 via fe80::2 dev ens6 table main metric 513 proto 9',
  '2001:db8:0:1::/64 dev ens5 table main metric 512 proto 9',
  '2001:db8:0:2::/64 dev ens6 table main metric 513 proto 9',
];
const ownRoutes = [
  '10.0.2.0/24 via 10.0.1.1 dev ens5 table 10000 proto 236',
  '2001:db8:0:2::/64 via fe80::1 dev ens5 table 10000 proto 236',
  '10.0.2.0/24 dev ens6 table 10001 proto 236',
  'default via 10.0.2.1 dev ens6 table 10001 metric 513 proto 236',
  '2001:db8:0:2::/64 dev ens6 table 10001 proto 236',
  '::/0 via fe80::2 dev ens6 table 10001 metric 513 proto 236',
];

export interface HostChanges {
  /** enid's, on the host and as desired. */
  readonly enidRules?: readonly string[];
  /** Desired and not there. */
  readonly missingRules?: readonly string[];
  /** Other programs'. */
  readonly rules?: readonly string[];
  readonly routes?: readonly string[];
  readonly withoutRoutes?: readonly string[];
  readonly groups?: Readonly<Record<string, number>>;
  readonly addresses?: readonly string[];
  readonly state?: EniState;
  readonly isForwarding?: boolean;
}

const heldAddresses = [
  '10.0.1.4/24 dev ens5',
  '10.0.1.5/32 dev ens5',
  '2001:db8:0:1::10/128 dev ens5',
  '10.0.2.4/24 dev ens6',
  '10.0.2.5/32 dev ens6',
  '2001:db8:0:2::20/128 dev ens6',
];

export function makeHost(changes: HostChanges = {}): KnownHost & { readonly answer: (packet: Packet) => KernelAnswer } {
  const { enidRules = wayRules, missingRules = [], rules = [], routes = [], withoutRoutes = [] } = changes;
  const groups: Readonly<Record<string, number>> = { ens5: 236, ens6: 236, ...changes.groups };
  const links = Object.entries(linkIndexes).map(([name, index]): Link => {
    const mac = enis.find((_eni, place) => index === place + 2)?.mac ?? null;
    return makeLink({ index, name, mac, group: groups[name] ?? 0, isLoopback: name === 'lo' });
  });
  const there = enidRules.filter((text) => !missingRules.includes(text));
  const kernel: KernelState = {
    links,
    addresses: (changes.addresses ?? heldAddresses).map(readAddress),
    routes: [...mainRoutes, ...ownRoutes, ...routes].filter((text) => !withoutRoutes.includes(text)).map(readRoute),
    rules: [...generalRules, ...there, ...rules].map(readRule),
    drivers: new Map(),
  };
  const desired = {
    unknownMacs: [],
    provisional: [],
    reports: enis.map((eni, place) => ({
      ...{ mac: eni.mac, eni, linkIndex: place + 2, linkName: `ens${place + 5}`, isPrimary: place === 0 },
      state: place === 1 && changes.state !== undefined ? changes.state : ({ kind: 'configured' } as const),
    })),
    enis: enis.map((eni, place) => {
      const tableId = 10_000 + place;
      const address = eni.ipv4Addresses[0] ?? null;
      return makeDesiredEni({
        ...{
          mac: eni.mac,
          eniId: eni.eniId,
          linkIndex: place + 2,
          linkName: `ens${place + 5}`,
          isPrimary: place === 0,
        },
        ...{ tableId, metric: 512 + place },
        lease: { address, prefixLength: 24, table: 254, metric: 512 + place, hasDefaultRoute: true, mtu: null },
        addresses: [...eni.ipv4Addresses.slice(1), ...eni.ipv6Addresses].map((one) => ({
          ...{ linkIndex: place + 2, address: one, prefixLength: familyOf(one) === 4 ? 32 : 128 },
        })),
        rules: enidRules
          .map(readRule)
          .filter(({ priority }) => priority % 5_000 === place)
          .map(toDesired),
        routes: ownRoutes
          .map(readRoute)
          .filter(({ table }) => table === tableId)
          .map((route) => ({ ...route, type: 'unicast' as const, linkIndex: route.linkIndex ?? 0 })),
      });
    }),
  };
  const snapshot = {
    primaryMac: enis[0]?.mac ?? '',
    enis: enis.map((eni) => ({ kind: 'ready' as const, eni })),
    instanceId: null,
  };
  const changesPending = desired.enis.flatMap((eni) =>
    eni.rules
      .filter((rule) =>
        missingRules.map(readRule).some((one) => one.source === rule.source && one.priority === rule.priority),
      )
      .map((rule) => ({ mac: eni.mac, linkName: eni.linkName, reason: 'missing', kind: 'add-rule' as const, rule })),
  );
  const answer = (packet: Packet) =>
    changes.isForwarding === false && packet.inputLink !== null && familyOf(packet.source) === 4
      ? { kind: 'refused' as const, errno: 'EHOSTUNREACH', reason: 'EHOSTUNREACH, forwarding is off' }
      : lookUp(packet, kernel);
  return { kernel, desired, snapshot, changes: changesPending, conflicts: [], answer };
}

/**
 * fib_rules.c: rules by priority, the longest prefix of the table, and the result is taken unless
 * the rule suppresses it.
 */
function lookUp(
  { source, destination, inputLink }: Packet,
  { rules, routes, links, addresses }: KernelState,
): KernelAnswer {
  if (inputLink === null && familyOf(source) === 4 && !addresses.some(({ address }) => address === source))
    return { kind: 'refused', errno: 'EINVAL', reason: 'EINVAL' };
  for (const rule of [...rules].sort((left, right) => left.priority - right.priority)) {
    if (rule.family !== familyOf(source)) continue;
    if (rule.source !== null && !contains(rule.source, source)) continue;
    if (rule.inputInterface !== null && rule.inputInterface !== (inputLink ?? 'lo')) continue;
    const [best] = routes
      .filter(({ table, destination: prefix }) => table === rule.table && contains(prefix, destination))
      .sort((left, right) => lengthOf(right) - lengthOf(left) || left.metric - right.metric);
    if (best === undefined || lengthOf(best) <= (rule.suppressPrefixLength ?? -1)) continue;
    const group = links.find(({ index }) => index === best.linkIndex)?.group;
    if (rule.suppressGroup !== null && group === rule.suppressGroup) continue;
    // Of a look-up, the answer's destination is the packet's.
    return { kind: 'route', route: { ...best, destination: `${destination}/${familyOf(source) === 4 ? 32 : 128}` } };
  }
  return { kind: 'refused', errno: 'ENETUNREACH', reason: 'ENETUNREACH, no route to the destination' };
}

function lengthOf({ destination }: Route): number {
  return requireCidr(destination).length;
}

function readWords(text: string): Map<string, string> {
  const words = text.split(/\s+/);
  return new Map(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? ''] as const] : [])));
}

function readAddress(text: string): Address {
  const words = readWords(`address ${text}`);
  const [address = '', length = ''] = (words.get('address') ?? '').split('/');
  return {
    ...{ linkIndex: linkIndexes[words.get('dev') ?? ''] ?? 0, family: familyOf(address), address },
    ...{ prefixLength: Number(length), scope: 0, flags: 0x80, protocol: 0, metric: 0, validLifetime: null },
  };
}

export function readRoute(text: string): Route {
  const words = readWords(`destination ${text}`);
  const named = words.get('destination') ?? '';
  const destination = named === 'default' ? '0.0.0.0/0' : named;
  return {
    ...{ family: familyOf(destination), destination, type: 1, scope: 0, gateway: words.get('via') ?? null },
    table: readTable(words.get('table')),
    linkIndex: linkIndexes[words.get('dev') ?? ''] ?? null,
    metric: Number(words.get('metric') ?? 0),
    protocol: Number(words.get('proto') ?? 3),
    ...{ preferredSource: null, nextHopId: null, isComplex: false },
  };
}

function readRule(text: string): Rule {
  const words = readWords(text);
  const from = words.get('from') ?? 'all';
  const number = (key: string) => (words.has(key) ? Number(words.get(key)) : null);
  return {
    ...{ family: from === 'all' ? 4 : from === 'all6' ? 6 : familyOf(from), priority: Number(words.get('pref')) },
    source: from.startsWith('all') ? null : from,
    ...{ destination: null, inputInterface: words.get('iif') ?? null, outputInterface: null, mark: null, users: null },
    ...{ action: 1, table: readTable(words.get('lookup')) },
    suppressPrefixLength: number('suppress_prefixlength'),
    suppressGroup: number('suppress_ifgroup'),
    protocol: Number(words.get('proto') ?? 4),
    isComplex: false,
  };
}

function toDesired({ outputInterface, action, protocol, isComplex, ...rule }: Rule): DesiredRule {
  return { ...rule, inputInterface: rule.inputInterface === 'lo' ? 'lo' : null };
}

function readTable(text: string | undefined): number {
  return text === 'main' ? 254 : Number(text);
}
