/**
 * Why a packet takes its way: the kernel's answer, the desired way, and what EC2 will do
 * with the packet. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { contains, hostCidr, requireCidr } from '../../../lib/ip/cidr.ts';
import type { Desired, DesiredEni, EniReport, KernelState, Route, Snapshot, Way } from '../../model.ts';
import { FR_ACT_TO_TBL } from '../base/kernel-numbers.ts';
import { rememberLast } from '../base/memo.ts';
import { eniGroup, localTable, mainTable } from '../base/numbers.ts';
import { findMissing, findOwner, type MissingAddress, type SourceOwner } from './owner.ts';
import { computeStanding, type Remaining } from './standing.ts';
import { type Ground, type Packet, pickBest, RouteTables, RuleList, type Step, walk } from './walk.ts';

/** The kernel's answer to RTM_GETROUTE. */
export type KernelAnswer =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'refused'; readonly errno: string; readonly reason: string };

/** `drops`: with the source/destination check on, which is the default of every ENI. */
export interface SourceCheck {
  readonly verdict: 'passes' | 'drops' | 'not asked';
  readonly reason: string;
}

export interface Explanation {
  readonly packet: Packet;
  /** The mark of a reply; null: it has none. No key: the packet is no reply. */
  readonly replyMark?: number | null;
  /** With the one state that `status` and `doctor` show. */
  readonly owner: SourceOwner | null;
  /** The source should be on the host and is not. */
  readonly missing: MissingAddress | null;
  readonly actual: Way | { readonly refused: string };
  /** The ENI that the kernel's way leaves by. */
  readonly leavesBy: EniReport | null;
  readonly wanted: Way | null;
  /** Why nothing is desired for this source; null if something is. */
  readonly notHandled: string | null;
  readonly sourceCheck: SourceCheck;
  /** The source is one of the instance's, is where it belongs, and leaves as desired. */
  readonly isRight: boolean;
}

/** What is known of a host, for any packet. */
export interface KnownHost extends Remaining {
  readonly kernel: KernelState;
  readonly desired: Desired;
  readonly snapshot: Snapshot | null;
}

export interface ExplainInput extends KnownHost {
  readonly packet: Packet;
  readonly answer: KernelAnswer;
  /**
   * The routes that the kernel found for this packet: the mirror may lack routes that concern no
   * ENI.
   */
  readonly routesMet?: readonly Route[];
  /**
   * The packet is the reply of a connection that was translated, from whichever container: its
   * source is one of the instance's only when its way is chosen. Each null: it has no mark.
   */
  readonly reply?: { readonly mark: number | null; readonly wantedMark: number | null };
}

export function explainPacket(input: ExplainInput): Explanation {
  const { packet, desired, kernel, snapshot, answer, reply } = input;
  const found = findOwner(packet.source, desired.reports);
  const owner =
    found === null ? null : { ...found, report: { ...found.report, state: computeStanding(found.report, input) } };
  const missing = findMissing(packet.source, desired, kernel);
  const actual =
    answer.kind === 'route'
      ? readActual({ ...input, packet: asReply(packet, reply?.mark) }, answer.route)
      : { refused: nameRefusal(input, answer, found) };
  const sought = { ...input, packet: asReply(packet, reply?.wantedMark) };
  const wanted = owner === null ? null : computeWanted(sought, owner);
  const leavesBy = 'refused' in actual ? null : findReport(desired.reports, actual.linkName);
  const notHandled = owner === null ? explainUnknown(input) : wanted === null ? explainIdle(owner.report) : null;
  const sourceCheck = checkSource({ source: packet.source, missing, actual, leavesBy, snapshot });
  const isSame =
    !('refused' in actual) &&
    wanted !== null &&
    actual.linkName === wanted.linkName &&
    actual.gateway === wanted.gateway;
  const isRight = owner !== null && missing === null && sourceCheck.verdict !== 'drops' && isSame;
  const replyMark = reply === undefined ? {} : { replyMark: reply.mark };
  return { packet, ...replyMark, owner, missing, actual, leavesBy, wanted, notHandled, sourceCheck, isRight };
}

/**
 * For a source that the host does not have, kernels return EINVAL or ENETUNREACH; the host may have
 * a local route for a prefix.
 */
function nameRefusal({ packet, kernel }: ExplainInput, answer: Refusal, owner: SourceOwner | null): string {
  const isHeld = kernel.addresses.some(({ address }) => address === packet.source);
  const isElsewhere = packet.inputLink === null && !isHeld && owner?.role !== 'within a delegated prefix';
  return isElsewhere ? `${answer.errno}, this host does not have ${packet.source}` : answer.reason;
}

type Refusal = Extract<KernelAnswer, { kind: 'refused' }>;

/** As rules see it: a source that is nobody's, and a mark. Undefined: it is no reply. */
function asReply(packet: Packet, mark: number | null | undefined): Packet {
  if (mark === undefined) return packet;
  const source = familyOf(packet.source) === 4 ? '0.0.0.0' : '::';
  return { ...packet, source, ...(mark === null ? {} : { mark }) };
}

function findReport(reports: readonly EniReport[], linkName: string | null): EniReport | null {
  return reports.find((report) => linkName !== null && report.linkName === linkName) ?? null;
}

function isShared({ table }: Route): boolean {
  return table === mainTable || table === localTable;
}

/**
 * The kernel's rules and routes; and the desired ones, with every ENI in its link group and the
 * kernel's main table.
 */
export const prepareGrounds = rememberLast(({ kernel, desired }: { kernel: KernelState; desired: Desired }) => {
  const groups = new Map(kernel.links.map(({ index, group }) => [index, group]));
  const groupOf = (linkIndex: number | null) => (linkIndex === null ? null : (groups.get(linkIndex) ?? null));
  const all = [...desired.enis, ...desired.provisional];
  const eniLinks = new Set(all.map(({ linkIndex }) => linkIndex));
  const shared = kernel.routes.filter(isShared);
  const grounds: { readonly actual: Ground; readonly wanted: Ground } = {
    actual: {
      rules: new RuleList(kernel.rules.filter((rule) => rule.action === FR_ACT_TO_TBL && !rule.isComplex)),
      routes: new RouteTables(kernel.routes),
      groupOf,
    },
    wanted: {
      rules: new RuleList(all.flatMap(({ rules }) => rules)),
      routes: new RouteTables([...all.flatMap(({ routes }) => routes), ...shared]),
      groupOf: (linkIndex) => (linkIndex !== null && eniLinks.has(linkIndex) ? eniGroup : groupOf(linkIndex)),
    },
  };
  return grounds;
});

/** With the routes that this packet met. */
function addMet(ground: Ground, routes: readonly Route[]): Ground {
  const met = new RouteTables(routes);
  return {
    ...ground,
    routes: {
      pick: (destination, table) =>
        pickBest(
          [ground.routes.pick(destination, table), met.pick(destination, table)].flatMap((route) => route ?? []),
        ),
    },
  };
}

/**
 * The kernel returns table, gateway and link, but neither rule nor route: they are found by the
 * same walk.
 */
function readActual({ packet, kernel, desired, routesMet = [] }: ExplainInput, found: Route): Way {
  const ground = addMet(prepareGrounds({ kernel, desired }).actual, routesMet);
  const steps = [...walk(packet, ground)];
  const cached = findCached(steps, found);
  const step = cached ?? steps.find((one) => !one.isSuppressed && isFound(one, found)) ?? null;
  const route = step === null ? ground.routes.pick(packet.destination, found.table) : step.route;
  const linkName = kernel.links.find(({ index }) => index === found.linkIndex)?.name ?? null;
  const way = { rule: step?.rule ?? null, route, table: found.table, linkName, gateway: found.gateway };
  return cached === null ? way : { ...way, isCached: true };
}

function isFound({ rule, route }: Step, found: Route): boolean {
  if (rule.table !== found.table) return false;
  // For a packet that stays on the host, the kernel returns the loopback device.
  return found.table === localTable || route.linkIndex === null || route.linkIndex === found.linkIndex;
}

/**
 * IPv6 clones a route for each destination with a path MTU of its own; the clone has 128 bits, and
 * a rule that suppresses the default route lets it pass (fib6_rule_suppress). It shows when the
 * kernel uses a route that the rule should have suppressed.
 */
function findCached(steps: readonly Step[], found: Route): Step | null {
  const decisive = steps.findIndex(({ isSuppressed }) => !isSuppressed);
  if (found.family !== 6 || (decisive !== -1 && steps[decisive]?.route.linkIndex === found.linkIndex)) return null;
  const before = decisive === -1 ? steps : steps.slice(0, decisive);
  const isByLength = ({ rule, route }: Step) =>
    requireCidr(route.destination).length <= (rule.suppressPrefixLength ?? -1);
  return before.find((step) => isFound(step, found) && isByLength(step)) ?? null;
}

function computeWanted({ packet, kernel, desired, routesMet = [] }: ExplainInput, { report }: SourceOwner): Way | null {
  const managed = desired.enis.find(({ mac }) => mac === report.mac);
  if (managed === undefined) return null;
  if (managed.vrf !== null) return computeWayInVrf(packet, kernel, managed);
  const shared = routesMet.filter(isShared);
  const ground = addMet(prepareGrounds({ kernel, desired }).wanted, shared);
  const local = ground.routes.pick(packet.destination, localTable);
  if (local !== null) return { rule: null, route: local, table: localTable, linkName: 'lo', gateway: null };
  const step = [...walk(packet, ground)].find(({ isSuppressed }) => !isSuppressed);
  const route = step === undefined ? ground.routes.pick(packet.destination, mainTable) : step.route;
  const linkName = kernel.links.find(({ index }) => index === route?.linkIndex)?.name ?? null;
  const table = step?.rule.table ?? mainTable;
  return { rule: step?.rule ?? null, route, table, linkName, gateway: route?.gateway ?? null };
}

/** For senders bound to the VRF only its table counts; the kernel's own rule leads there. */
function computeWayInVrf({ destination }: Packet, { routes, links }: KernelState, eni: DesiredEni): Way | null {
  const ofTable = routes.filter(({ table }) => table === eni.tableId);
  const route = new RouteTables([...eni.routes, ...ofTable]).pick(destination, eni.tableId);
  const linkName = links.find(({ index }) => index === route?.linkIndex)?.name ?? null;
  return { rule: null, route, table: eni.tableId, linkName, gateway: route?.gateway ?? null };
}

function explainIdle(report: EniReport): string {
  const reason = 'reason' in report.state ? `: ${report.state.reason}` : '';
  return `its ENI is ${report.state.kind}${reason}`;
}

/** Why no ENI of the metadata has this address. */
function explainUnknown({ packet, desired, kernel, snapshot }: ExplainInput): string {
  const { source } = packet;
  if (snapshot === null) return 'the metadata has never been read: no address of the instance is known';
  const enis = desired.reports.flatMap(({ eni }) => (eni === null ? [] : [eni]));
  const translated = enis.flatMap(({ publicIpv4 }) => publicIpv4[source] ?? [])[0];
  if (translated !== undefined) {
    return `it is the public address of ${translated}: EC2 translates it, and no packet on this host has it. See: enid explain ${translated}`;
  }
  const unread = snapshot.enis.find((reading) => reading.kind !== 'ready');
  const holder = kernel.addresses.find(({ address }) => address === source);
  const linkName = kernel.links.find(({ index }) => index === holder?.linkIndex)?.name;
  const place = linkName === undefined ? 'no link has it' : `link ${linkName} has it`;
  const subnet = enis.find(({ subnetIpv4, subnetIpv6 }) =>
    [subnetIpv4, ...subnetIpv6].some((cidr) => cidr !== null && contains(cidr, hostCidr(source))),
  );
  if (unread !== undefined && 'reason' in unread) {
    return `no ENI that was read has it (${place}), and the metadata of ${unread.mac} is not complete yet: ${unread.reason}`;
  }
  if (subnet !== undefined) {
    const name = subnet.eniId ?? subnet.mac;
    const [command, option] =
      familyOf(source) === 4
        ? ['assign-private-ip-addresses', '--private-ip-addresses']
        : ['assign-ipv6-addresses', '--ipv6-addresses'];
    const assign = `aws ec2 ${command} --network-interface-id ${subnet.eniId ?? '<ENI id>'} ${option} ${source}`;
    return `it is in the subnet of ${name}, but EC2 has not assigned it to any ENI of this instance (${place}). To assign it: ${assign}`;
  }
  return `EC2 has not assigned it to any ENI of this instance (${place}). To configure sources of containers or tunnels: \`sources:\` in the configuration`;
}

function checkSource({
  source,
  missing,
  actual,
  leavesBy,
  snapshot,
}: Pick<Explanation, 'missing' | 'actual' | 'leavesBy'> & {
  readonly source: string;
  readonly snapshot: Snapshot | null;
}): SourceCheck {
  // For IPv6, the kernel also answers for sources that it does not have.
  if (missing !== null && missing.holder === null) {
    return { verdict: 'not asked', reason: `no packet leaves: ${source} is missing on ${missing.linkName}` };
  }
  if ('refused' in actual) return { verdict: 'not asked', reason: 'no packet leaves' };
  if (actual.table === localTable) return { verdict: 'not asked', reason: 'the packet stays on this host' };
  if (leavesBy === null) {
    return { verdict: 'not asked', reason: `${actual.linkName ?? 'the way out'} is not an ENI of this instance` };
  }
  const name = leavesBy.eni?.eniId ?? leavesBy.mac;
  if (snapshot === null || leavesBy.eni === null) {
    return { verdict: 'not asked', reason: `the metadata of ${name} is not known` };
  }
  if (findOwner(source, [leavesBy]) !== null) return { verdict: 'passes', reason: `${source} is assigned to ${name}` };
  const advice = 'unless the source/destination check of that ENI is off';
  return { verdict: 'drops', reason: `the packet leaves by ${name}, to which ${source} is not assigned, ${advice}` };
}
