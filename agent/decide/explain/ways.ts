/**
 * Every way out of this host: from each source of each ENI to each kind of destination. Lists the
 * questions for the kernel, few enough for any host, and judges its answers as EC2 does. Pure.
 */

import { type Family, familyOf } from '../../../lib/ip/address.ts';
import { addressAt, contains, requireCidr } from '../../../lib/ip/cidr.ts';
import { type EniReport, ownProtocol } from '../../model.ts';
import { RTPROT_DHCP, RTPROT_KERNEL, RTPROT_RA } from '../base/kernel-numbers.ts';
import { mainTable } from '../base/numbers.ts';
import { isAsWideAsDefault } from '../desired/main-table.ts';
import { listSubnets } from '../desired/sources.ts';
import { type Explanation, explainPacket, type KernelAnswer, type KnownHost } from './explain.ts';
import { listMissing, listPrefixes, type MissingAddress } from './owner.ts';
import type { Packet } from './walk.ts';
import { groupSources, type SourceGroup } from './way-sources.ts';

/**
 * Stands for the Internet: documentation addresses that no host has (RFC 5737 and 3849), reached by
 * the default route.
 */
export const farHost: Readonly<Record<Family, string>> = { 4: '192.0.2.1', 6: '2001:db8:ffff:ffff::1' };

/**
 * In every VPC (Amazon VPC user guide, "DNS attributes"): checked if networkd knows no DNS
 * server.
 */
const vpcResolvers = ['169.254.169.253', 'fd00:ec2::253'];

/** About 50 µs each: a fifth of a second. */
const mostQuestions = 4_000;

export type DestinationKind = 'far' | 'own subnet' | 'other subnet' | 'resolver' | 'routed';

export interface WayQuestion extends Packet {
  readonly family: Family;
  readonly owner: EniReport;
  readonly kind: DestinationKind;
  /** The sender is bound to this VRF; null: to none. */
  readonly vrf: string | null;
  /**
   * How many sources meet the same rules, this one included: one question stands for all of them.
   */
  readonly sourceCount: number;
}

export interface WayList {
  readonly questions: readonly WayQuestion[];
  readonly sourceCount: number;
  /** What the questions stand for. */
  readonly wayCount: number;
  /** Ways to other ENIs' subnets that are left out, on a host with very many. */
  readonly omittedCount: number;
  /** Assigned addresses that are not on the host: no packet has them. */
  readonly missing: readonly MissingAddress[];
}

export interface WaysInput extends Pick<KnownHost, 'kernel' | 'desired'> {
  /** DNS servers that networkd knows of. */
  readonly resolvers: readonly string[];
  readonly userId: number;
  readonly mostQuestions?: number;
}

export function listWays(input: WaysInput): WayList {
  const groups = groupSources(input);
  const free = findFreeAddresses(input);
  const known = [
    ...listResolvers(input).map((destination) => ({ kind: 'resolver', destination }) as const),
    ...listRouted(input).map((destination) => ({ kind: 'routed', destination }) as const),
  ];
  const parts = groups.map((group) => listDestinations(group, free, known));
  const essential = parts.reduce((sum, { first }) => sum + first.length, 0);
  const share = Math.max(1, Math.floor(((input.mostQuestions ?? mostQuestions) - essential) / (groups.length || 1)));
  let omittedCount = 0;
  const questions = parts.flatMap(({ first, others }, place) => {
    const group = groups[place];
    if (group === undefined) return [];
    // A different part of the subnets for each group, so that every subnet is checked from some
    // source.
    const start = others.length <= share ? 0 : (place * share) % others.length;
    const chosen = [...others.slice(start), ...others.slice(0, start)].slice(0, share);
    omittedCount += (others.length - chosen.length) * group.sourceCount;
    const family = familyOf(group.source);
    return [...first, ...chosen].map((to) => ({ ...group, ...to, family, userId: input.userId }));
  });
  return {
    questions,
    sourceCount: groups.reduce((sum, { sourceCount }) => sum + sourceCount, 0),
    wayCount: questions.reduce((sum, { sourceCount }) => sum + sourceCount, 0),
    omittedCount,
    missing: listMissing(input.desired, input.kernel),
  };
}

export interface JudgedWay {
  readonly question: WayQuestion;
  readonly explanation: Explanation;
  /** EC2 drops the packet. */
  readonly isLost: boolean;
  /** Null: not known, since nothing is forwarded from this source here. */
  readonly isRight: boolean | null;
}

/** Answers in the order of the questions. */
export function judgeWays(
  host: KnownHost,
  questions: readonly WayQuestion[],
  answers: readonly KernelAnswer[],
): JudgedWay[] {
  return questions.flatMap((question, index) => {
    const answer = answers[index];
    if (answer === undefined) return [];
    const explanation = explainPacket({ ...host, packet: question, answer });
    const isForwarded = question.inputLink !== null;
    // Forwarding is off, or the reverse path filter is strict, which is a check of its own.
    const isUntold = isForwarded && answer.kind === 'refused' && /^(EHOSTUNREACH|EXDEV)$/.test(answer.errno);
    const isLost = explanation.sourceCheck.verdict === 'drops';
    return [{ question, explanation, isLost, isRight: isUntold ? null : explanation.isRight }];
  });
}

/** A subnet of an ENI with an address in it that no ENI of this host has. */
interface FreeAddress {
  readonly subnet: string;
  readonly address: string;
}

function findFreeAddresses({ kernel, desired }: WaysInput): FreeAddress[] {
  const enis = desired.reports.flatMap(({ eni }) => eni ?? []);
  const taken = new Set([
    ...enis.flatMap(({ ipv4Addresses, ipv6Addresses }) => [...ipv4Addresses, ...ipv6Addresses]),
    ...kernel.addresses.map(({ address }) => address),
  ]);
  const prefixes = enis.flatMap(listPrefixes);
  return [...new Set(enis.flatMap(listSubnets))].flatMap((subnet) => {
    const address = findFree(subnet, taken, prefixes);
    return address === null ? [] : [{ subnet, address }];
  });
}

/**
 * From the end of the subnet: EC2 assigns addresses all over it, and reserves the first four and
 * the last.
 */
function findFree(subnet: string, taken: ReadonlySet<string>, prefixes: readonly string[]): string | null {
  const { family, value, length } = requireCidr(subnet);
  let offset = (1n << BigInt((family === 4 ? 32 : 128) - length)) - 2n;
  while (offset >= 4n) {
    const address = addressAt(subnet, offset);
    const prefix = prefixes.find((one) => contains(one, address));
    if (prefix === undefined && !taken.has(address)) return address;
    offset = (prefix === undefined ? offset : requireCidr(prefix).value - value) - 1n;
  }
  return null;
}

/**
 * The DNS servers of the leases, for which networkd makes host routes (RoutesToDNS=), and those
 * that it knows from elsewhere. Each subnet's router also has such a route: it is the first
 * address of its subnet.
 */
function listResolvers({ kernel, desired, resolvers }: WaysInput): string[] {
  const enis = desired.reports.flatMap(({ eni }) => eni ?? []);
  const routers = new Set(enis.flatMap(listSubnets).map((subnet) => addressAt(subnet, 1n)));
  const links = new Set(desired.reports.flatMap(({ eni, linkIndex }) => (eni === null ? [] : [linkIndex])));
  const routed = kernel.routes.flatMap((route) => {
    const address = /^(.*)\/(?:32|128)$/.exec(route.destination)?.[1];
    const isLeased = route.table === mainTable && route.protocol === RTPROT_DHCP && links.has(route.linkIndex);
    return isLeased && address !== undefined && !routers.has(address) ? [address] : [];
  });
  const known = [...new Set([...resolvers, ...routed])];
  const ofFamily = (list: readonly string[], family: Family) => list.filter((one) => familyOf(one) === family);
  return ([4, 6] as const).flatMap((family) => {
    const found = ofFamily(known, family);
    return (found.length > 0 ? found : ofFamily(vpcResolvers, family)).slice(0, mostResolvers);
  });
}

const mostResolvers = 4;

/**
 * An address behind each route that another program has put into the table of an ENI, or into main
 * by an ENI: the other destinations would not meet it. Routes in the ENIs' tables first, since
 * nothing keeps other ENIs' sources from using them.
 */
function listRouted({ kernel, desired }: WaysInput): string[] {
  const links = new Set(desired.enis.map(({ linkIndex }) => linkIndex));
  const tables = new Set(desired.enis.map(({ tableId }) => tableId));
  const foreign = kernel.routes.filter(
    (route) =>
      !unaskedProtocols.includes(route.protocol) &&
      !isAsWideAsDefault(route) &&
      !unaskedNetworks.some((network) => contains(network, route.destination)) &&
      (tables.has(route.table) || (route.table === mainTable && links.has(route.linkIndex ?? 0))),
  );
  const taken = new Set(kernel.addresses.map(({ address }) => address));
  const inTables = foreign.filter(({ table }) => table !== mainTable);
  const inMain = foreign.filter(({ table }) => table === mainTable);
  const destinations = [...new Set([...inTables, ...inMain].map(({ destination }) => destination))];
  return ([4, 6] as const).flatMap((family) =>
    destinations
      .filter((destination) => familyOf(destination) === family)
      .slice(0, mostRouted)
      .flatMap((destination) => findFree(destination, taken, []) ?? addressAt(destination, 0n)),
  );
}

/**
 * Per family: routes added by hand or by a script are few, and a routing daemon's thousands are
 * alike.
 */
const mostRouted = 8;

/** Routes of the ENI itself: the other destinations cover them. */
const unaskedProtocols = [ownProtocol, RTPROT_KERNEL, RTPROT_DHCP, RTPROT_RA];

/** Link-local and multicast destinations: the sender specifies the link. */
const unaskedNetworks = ['169.254.0.0/16', '224.0.0.0/4', 'fe80::/10', 'ff00::/8'];

function listDestinations(
  { owner, source }: SourceGroup,
  free: readonly FreeAddress[],
  known: readonly { readonly kind: DestinationKind; readonly destination: string }[],
) {
  const isOfFamily = (address: string) => familyOf(address) === familyOf(source);
  const own = new Set(owner.eni === null ? [] : listSubnets(owner.eni));
  const near = free.filter(({ address }) => isOfFamily(address));
  const to = (kind: DestinationKind) => (destination: string) => ({ kind, destination });
  const addressesOf = (isOwn: boolean) =>
    near.filter(({ subnet }) => own.has(subnet) === isOwn).map(({ address }) => address);
  return {
    first: [
      to('far')(farHost[familyOf(source)]),
      ...addressesOf(true).map(to('own subnet')),
      ...known.filter(({ destination }) => isOfFamily(destination)),
    ],
    others: addressesOf(false).map(to('other subnet')),
  };
}
