/** Every source of a host to every kind of destination: the look-up's way beside the oracle's. */

import type { EniMetadata, Route, Rule } from '../../agent/model.ts';
import {
  kernelRules,
  type LookUpResult,
  lookUp,
  type NetworkState,
  type Packet,
  type PathMtuClone,
} from '../../fixtures/model/look-up.ts';
import type { ModelWorld } from '../../fixtures/model/world.ts';
import { ec2Drops, findRightWay, type Ground, type RightWay } from '../../fixtures/ways/oracle.ts';
import { familyOf } from '../../lib/ip/address.ts';
import { addressAt } from '../../lib/ip/cidr.ts';
import { devices, groundOf, localRoutes, type WaysHost } from './ways-host.ts';

export interface JudgedWay {
  readonly packet: Packet;
  readonly wanted: RightWay;
  readonly got: LookUpResult;
  readonly isRight: boolean;
}

/**
 * Beyond the ENIs' subnets: far, both halves; resolver, option 121, router advertisement, static,
 * container, VPN.
 */
const elsewhere = [
  ...['198.51.100.7', '8.8.8.8', '10.0.0.2', '10.77.8.9', '10.77.9.9', '10.0.1.130', '10.0.1.70', '10.0.3.60'],
  ...['10.200.0.1', '192.168.1.1', '192.168.66.1', '172.17.3.4', '100.64.1.1', '169.254.169.254'],
  ...['2001:4860::8', '9000::1', '2001:db8:9::1', 'fd00:ec2::253', '2001:db8:77::1', '2001:db8:77:8::1'],
  ...['2001:db8:0:1:8000::1', '2001:db8:0:3::99', '2001:db8:0:5::1', 'fd17::5', 'fd64::1', 'fd99::1'],
];

/**
 * Of nobody: a container behind NAT, a peer of the VPN, a neighbour that a container bridge
 * forwards for.
 */
const nobody: readonly (readonly [string, string])[] = [
  ['172.17.0.5', devices.docker0.name],
  ['100.64.0.9', devices.wg0.name],
  ['10.0.1.250', devices.docker0.name],
  ['fd17::5', devices.docker0.name],
  ['2001:db8:0:1::ffff', devices.docker0.name],
];

/** Every way of the host as it is now. */
export function judgeWays({ enis, clones }: Pick<WaysHost, 'enis' | 'clones'>, world: ModelWorld): JudgedWay[] {
  const ground = groundOf(enis, world);
  const state = readState(world, { enis, clones });
  return listPackets(enis).map((packet) => judge(packet, ground, state));
}

/** One way; for examples. */
export function judgeWay(host: Pick<WaysHost, 'enis' | 'clones'>, world: ModelWorld, packet: Packet): JudgedWay {
  return judge(packet, groundOf(host.enis, world), readState(world, host));
}

function readState(world: ModelWorld, { enis, clones }: Pick<WaysHost, 'enis' | 'clones'>): NetworkState {
  const { routes, rules, links } = world.state;
  const bare = { rules: [...kernelRules, ...rules], routes: [...routes, ...localRoutes(enis)], links, clones: [] };
  return { ...bare, clones: clones.flatMap((clone) => learn(bare, enis, clone)) };
}

/**
 * A clone stands in each table whose route a packet of the host has taken by that link: where it
 * learnt the path MTU.
 */
function learn(state: NetworkState, enis: readonly EniMetadata[], clone: WaysHost['clones'][number]): PathMtuClone[] {
  const { destination, linkIndex } = clone;
  const taken = enis
    .flatMap(({ ipv6Addresses }) => ipv6Addresses)
    .map((source) => lookUp(state, { source, destination, inputInterface: 'lo' }));
  const tables = taken.flatMap((got) =>
    got.kind === 'route' && got.route.linkIndex === linkIndex ? [got.route.table] : [],
  );
  return [...new Set(tables)].map((table) => ({ ...clone, table }));
}

function judge(packet: Packet, ground: Ground, state: NetworkState): JudgedWay {
  const wanted = findRightWay(ground, packet);
  const got = lookUp(state, packet);
  return { packet, wanted, got, isRight: isSame(wanted, got) && !isLost(ground, packet, got) };
}

function isSame(wanted: RightWay, got: LookUpResult): boolean {
  if (got.kind === 'error') return wanted.kind === (got.rule === null ? 'none' : 'refused');
  if (got.route.type === 2) return wanted.kind === 'local';
  if (wanted.kind !== 'leaves' || wanted.linkIndex !== got.route.linkIndex) return false;
  return wanted.via === null || wanted.via === (got.route.gateway ?? 'on-link');
}

/** The oracle's answer judged by EC2 once more. Of nobody's packets NAT changes the source. */
function isLost({ enis }: Ground, { source }: Packet, got: LookUpResult): boolean {
  const isOwned = enis.some((eni) => !ec2Drops([eni], source, eni.linkIndex));
  return isOwned && got.kind === 'route' && got.route.type === 1 && ec2Drops(enis, source, got.route.linkIndex ?? 0);
}

function listPackets(enis: readonly EniMetadata[]): Packet[] {
  const targets = [...elsewhere, ...enis.flatMap(listTargets)];
  const senders = [
    ...enis.flatMap((eni) => [
      ...[...eni.ipv4Addresses, ...eni.ipv6Addresses].map((source) => [source, 'lo'] as const),
      ...[...eni.ipv4Prefixes, ...eni.ipv6Prefixes].flatMap((prefix) => [
        [addressAt(prefix, 7n), devices.docker0.name] as const,
        [addressAt(prefix, 15n), devices.pods.name] as const,
      ]),
    ]),
    ...nobody,
  ];
  return senders.flatMap(([source, inputInterface]) =>
    targets
      .filter((destination) => familyOf(destination) === familyOf(source) && destination !== source)
      .map((destination) => ({ source, destination, inputInterface })),
  );
}

/**
 * A neighbour in the subnet, the router, a container of a delegated prefix, an address of the host.
 */
function listTargets({ subnetIpv4, subnetIpv6, ipv4Prefixes, ipv6Prefixes, ...eni }: EniMetadata): string[] {
  return [
    ...(subnetIpv4 === null ? [] : [addressAt(subnetIpv4, 60n), addressAt(subnetIpv4, 1n)]),
    ...subnetIpv6.map((subnet) => addressAt(subnet, 0xabcdn)),
    ...[...ipv4Prefixes, ...ipv6Prefixes].map((prefix) => addressAt(prefix, 9n)),
    ...eni.ipv4Addresses.slice(0, 1),
    ...eni.ipv6Addresses.slice(0, 1),
  ];
}

/** The wrong ways, and the whole host as ip(8) would print it; null where there is none. */
export function describeWrong(judged: readonly JudgedWay[], host: Pick<WaysHost, 'clones'>, world: ModelWorld) {
  const wrong = judged.filter(({ isRight }) => !isRight);
  if (wrong.length === 0) return null;
  const nameOf = (index: number | null) =>
    world.state.links.find((link) => link.index === index)?.name ?? (index === 1 ? 'lo' : `link ${index}`);
  const [families, shown] = [new Set(wrong.map(({ packet }) => familyOf(packet.source))), wrong.slice(0, 8)];
  return [
    `${wrong.length} of ${judged.length} ways are wrong:`,
    ...shown.map(
      ({ packet: { source, destination, inputInterface }, wanted, got }) =>
        `  from ${source} to ${destination} iif ${inputInterface}: wanted ${describeWanted(wanted, nameOf)}, got ${describeGot(got, nameOf)}`,
    ),
    ...(wrong.length > shown.length ? ['  …'] : []),
    'rules:',
    ...[...world.state.rules]
      .filter(({ family }) => families.has(family))
      .sort((a, b) => a.family - b.family || a.priority - b.priority)
      .map((rule) => `  ${describeRule(rule)}`),
    'routes:',
    ...[...world.state.routes]
      .filter(({ family }) => families.has(family))
      .sort((a, b) => a.family - b.family || a.table - b.table)
      .map((route) => `  ${describeRoute(route, nameOf)}`),
    `link groups: ${world.state.links.map(({ name, group }) => `${name} ${group}`).join(', ')}`,
    ...host.clones.map(({ destination, linkIndex }) => `path MTU to ${destination} learnt by ${nameOf(linkIndex)}`),
  ].join('\n');
}

type NameOf = (linkIndex: number | null) => string;

function describeWanted(way: RightWay, nameOf: NameOf): string {
  if (way.kind === 'local' || way.kind === 'none') return way.kind;
  if (way.kind === 'refused') return `refused (${way.letter})`;
  return `${way.via === null ? '' : `${via(way.via)} `}dev ${nameOf(way.linkIndex)} (${way.letter})`;
}

function describeGot(got: LookUpResult, nameOf: NameOf): string {
  if (got.kind === 'error') return got.rule === null ? 'none' : `${got.errno} by rule ${got.rule.priority}`;
  const { route, rule, prefixLength } = got;
  if (route.type === 2) return 'local';
  const length = route.destination.endsWith(`/${prefixLength}`) ? '' : `, cloned as /${prefixLength}`;
  const way = `${via(route.gateway ?? 'on-link')} dev ${nameOf(route.linkIndex)}`;
  return `${way} (${route.destination} of table ${route.table}${length}, by rule ${rule.priority})`;
}

function via(gateway: string): string {
  return gateway === 'on-link' ? gateway : `via ${gateway}`;
}

function describeRule({ priority, source, destination, inputInterface, table, ...rule }: Rule): string {
  const parts = [`${priority}: from ${source ?? 'all'}`];
  if (destination !== null) parts.push(`to ${destination}`);
  if (inputInterface !== null) parts.push(`iif ${inputInterface}`);
  parts.push(`lookup ${table}`);
  if (rule.suppressPrefixLength !== null) parts.push(`suppress_prefixlength ${rule.suppressPrefixLength}`);
  if (rule.suppressGroup !== null) parts.push(`suppress_ifgroup ${rule.suppressGroup}`);
  return parts.join(' ');
}

function describeRoute({ type, destination, gateway, table, metric, ...route }: Route, nameOf: NameOf): string {
  const hop = gateway === null ? '' : ` via ${gateway}`;
  const kind = type === 1 ? '' : `type ${type} `;
  return `${kind}${destination}${hop} dev ${nameOf(route.linkIndex)} table ${table} metric ${metric} proto ${route.protocol}`;
}
