/** Why a packet goes where it goes: the kernel's answer beside the wish, and what EC2 will do with it. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import { contains, hostCidr, parseCidr } from '../../lib/ip/cidr.ts';
import type {
  Desired,
  DesiredEni,
  DesiredRoute,
  DesiredRule,
  EniMetadata,
  EniReport,
  KernelState,
  Route,
  Rule,
  Snapshot,
  Way,
} from '../model.ts';
import { localTable, mainTable } from './numbers.ts';

/** A packet that is asked about. */
export interface Packet {
  readonly source: string;
  readonly destination: string;
  /** Where it comes in by, for one that this host forwards; null: this host sends it. */
  readonly inputLink: string | null;
  /** User id of the sender. */
  readonly userId: number;
}

/** What the kernel said to RTM_GETROUTE. */
export type KernelAnswer =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'refused'; readonly reason: string };

/** What the source address is to this instance. */
export interface SourceOwner {
  readonly role: 'primary address' | 'secondary address' | 'IPv6 address' | 'within a delegated prefix';
  readonly report: EniReport;
}

/** `drops`: with the source/destination check on, which is the default of every ENI. */
export interface SourceCheck {
  readonly verdict: 'passes' | 'drops' | 'not asked';
  readonly reason: string;
}

export interface Explanation {
  readonly packet: Packet;
  readonly owner: SourceOwner | null;
  readonly actual: Way | { readonly refused: string };
  /** The ENI that the kernel's way leaves by. */
  readonly leavesBy: EniReport | null;
  readonly wanted: Way | null;
  /** Why nothing is wished for this source; null where something is. */
  readonly notHandled: string | null;
  readonly sourceCheck: SourceCheck;
  /** The source is one of the instance's and leaves as wished. */
  readonly isRight: boolean;
}

export interface ExplainInput {
  readonly packet: Packet;
  readonly answer: KernelAnswer;
  readonly kernel: KernelState;
  readonly desired: Desired;
  readonly snapshot: Snapshot | null;
}

const toTable = 1;

export function explainPacket(input: ExplainInput): Explanation {
  const { packet, desired, snapshot, answer } = input;
  const owner = findOwner(packet.source, desired.reports);
  const actual = answer.kind === 'route' ? readActual(input, answer.route) : { refused: answer.reason };
  const wanted = owner === null ? null : computeWanted(input, owner);
  const leavesBy = 'refused' in actual ? null : findReport(desired.reports, actual.linkName);
  const notHandled = owner === null ? explainUnknown(input) : wanted === null ? explainIdle(owner.report) : null;
  const sourceCheck = checkSource(packet.source, actual, leavesBy, snapshot);
  const isSame =
    !('refused' in actual) &&
    wanted !== null &&
    actual.linkName === wanted.linkName &&
    actual.gateway === wanted.gateway;
  const isRight = owner !== null && sourceCheck.verdict !== 'drops' && isSame;
  return { packet, owner, actual, leavesBy, wanted, notHandled, sourceCheck, isRight };
}

function findOwner(source: string, reports: readonly EniReport[]): SourceOwner | null {
  for (const report of reports) {
    const { eni } = report;
    if (eni === null) continue;
    if (eni.ipv4Addresses[0] === source) return { role: 'primary address', report };
    if (eni.ipv4Addresses.includes(source)) return { role: 'secondary address', report };
    if (eni.ipv6Addresses.includes(source)) return { role: 'IPv6 address', report };
    if (listPrefixes(eni).some((prefix) => contains(prefix, hostCidr(source)))) {
      return { role: 'within a delegated prefix', report };
    }
  }
  return null;
}

function listPrefixes(eni: EniMetadata): string[] {
  return [...eni.ipv4Prefixes, ...eni.ipv6Prefixes];
}

function findReport(reports: readonly EniReport[], linkName: string | null): EniReport | null {
  return reports.find((report) => linkName !== null && report.linkName === linkName) ?? null;
}

/** The kernel tells table, gateway and link, but neither rule nor route: they are found as it finds them. */
function readActual({ packet, kernel }: ExplainInput, found: Route): Way {
  const rules = kernel.rules.filter((rule) => rule.action === toTable && !rule.isComplex);
  const way = walk(packet, rules, kernel.routes, found.table);
  const link = kernel.links.find(({ index }) => index === found.linkIndex);
  return { ...way, table: found.table, linkName: link?.name ?? null, gateway: found.gateway };
}

/** The wished rules over the kernel's main table, for what the ENIs' own tables and rules do not decide. */
function computeWanted({ packet, kernel, desired }: ExplainInput, { report }: SourceOwner): Way | null {
  const managed = desired.enis.find(({ mac }) => mac === report.mac);
  if (managed === undefined) return null;
  const rules = desired.enis.flatMap((eni) => eni.rules).sort((left, right) => left.priority - right.priority);
  const routes = desired.enis.flatMap((eni) => eni.routes);
  if (managed.vrf !== null) return computeWayInVrf(packet, kernel, managed);
  const shared = kernel.routes.filter(({ table }) => table === mainTable || table === localTable);
  const local = pickRoute(packet.destination, shared, localTable);
  if (local !== null) return { rule: null, route: local, table: localTable, linkName: 'lo', gateway: null };
  const { rule, route, table } = walk(packet, rules, [...routes, ...shared], null);
  const linkName = kernel.links.find(({ index }) => index === route?.linkIndex)?.name ?? null;
  return { rule, route, table, linkName, gateway: route?.gateway ?? null };
}

/** The VRF's table alone counts, for who is bound to it; the kernel's own rule leads there. */
function computeWayInVrf({ destination }: Packet, { routes, links }: KernelState, eni: DesiredEni): Way | null {
  const route = pickRoute(destination, [...eni.routes, ...routes], eni.tableId);
  const linkName = links.find(({ index }) => index === route?.linkIndex)?.name ?? null;
  return { rule: null, route, table: eni.tableId, linkName, gateway: route?.gateway ?? null };
}

/** The first rule whose table has a route for the packet. `wantedTable`: rules that lead elsewhere are passed over. */
function walk(
  packet: Packet,
  rules: readonly (Rule | DesiredRule)[],
  routes: readonly (Route | DesiredRoute)[],
  wantedTable: number | null,
): Pick<Way, 'rule' | 'route' | 'table'> {
  for (const rule of rules) {
    if ((wantedTable !== null && rule.table !== wantedTable) || !isSelected(packet, rule)) continue;
    const route = pickRoute(packet.destination, routes, rule.table);
    if (route === null || lengthOf(route) <= (rule.suppressPrefixLength ?? -1)) continue;
    return { rule, route, table: rule.table };
  }
  const table = wantedTable ?? mainTable;
  return { rule: null, route: pickRoute(packet.destination, routes, table), table };
}

function isSelected(packet: Packet, rule: Rule | DesiredRule): boolean {
  const within = (prefix: string | null, address: string) => prefix === null || contains(prefix, hostCidr(address));
  // A mark of 0 is what an unmarked packet has.
  const isUnmarked = rule.mark === null || rule.mark.value === 0;
  const isUser =
    rule.users === null ||
    (packet.inputLink === null && rule.users.first <= packet.userId && packet.userId <= rule.users.last);
  return (
    rule.family === familyOf(packet.source) &&
    within(rule.source, packet.source) &&
    within(rule.destination, packet.destination) &&
    (rule.inputInterface === null || rule.inputInterface === (packet.inputLink ?? 'lo')) &&
    (!('outputInterface' in rule) || rule.outputInterface === null) &&
    isUnmarked &&
    isUser
  );
}

/** The longest prefix, then the lowest metric. */
function pickRoute<T extends Route | DesiredRoute>(destination: string, routes: readonly T[], table: number): T | null {
  const fitting = routes.filter((route) => route.table === table && contains(route.destination, hostCidr(destination)));
  fitting.sort((left, right) => lengthOf(right) - lengthOf(left) || left.metric - right.metric);
  return fitting[0] ?? null;
}

function lengthOf(route: Route | DesiredRoute): number {
  return parseCidr(route.destination)?.length ?? 0;
}

function explainIdle(report: EniReport): string {
  const reason = 'reason' in report.state ? `: ${report.state.reason}` : '';
  return `its ENI is ${report.state.kind}${reason}`;
}

/** Why no ENI of the metadata has this address. */
function explainUnknown({ packet, desired, kernel, snapshot }: ExplainInput): string {
  const { source } = packet;
  if (snapshot === null) return 'the metadata have never been read: no address of the instance is known';
  const enis = desired.reports.flatMap(({ eni }) => (eni === null ? [] : [eni]));
  const translated = enis.flatMap(({ publicIpv4 }) => publicIpv4[source] ?? [])[0];
  if (translated !== undefined) {
    return `it is the public address of ${translated}: EC2 translates it, and no packet on this host has it. Ask about ${translated}`;
  }
  const unread = snapshot.enis.find((reading) => reading.kind !== 'ready');
  const holder = kernel.addresses.find(({ address }) => address === source);
  const linkName = kernel.links.find(({ index }) => index === holder?.linkIndex)?.name;
  const place = linkName === undefined ? 'no link has it' : `link ${linkName} has it`;
  const subnet = enis.find(({ subnetIpv4, subnetIpv6 }) =>
    [subnetIpv4, ...subnetIpv6].some((cidr) => cidr !== null && contains(cidr, hostCidr(source))),
  );
  if (unread !== undefined && 'reason' in unread) {
    return `no ENI that was read has it (${place}), and the metadata of ${unread.mac} are not whole yet: ${unread.reason}`;
  }
  if (subnet !== undefined) {
    const command = familyOf(source) === 4 ? 'assign-private-ip-addresses' : 'assign-ipv6-addresses';
    return `it lies in the subnet of ${subnet.eniId ?? subnet.mac}, but EC2 has assigned it to no ENI of this instance (${place}). Assign it: aws ec2 ${command}`;
  }
  return `EC2 has assigned it to no ENI of this instance (${place}). Sources of containers or tunnels are named by \`sources:\` in the configuration`;
}

function checkSource(
  source: string,
  actual: Explanation['actual'],
  leavesBy: EniReport | null,
  snapshot: Snapshot | null,
): SourceCheck {
  if ('refused' in actual) return { verdict: 'not asked', reason: 'no packet leaves' };
  if (actual.table === localTable) return { verdict: 'not asked', reason: 'the packet stays on this host' };
  if (leavesBy === null) {
    return { verdict: 'not asked', reason: `${actual.linkName ?? 'the way out'} is no ENI of this instance` };
  }
  const name = leavesBy.eni?.eniId ?? leavesBy.mac;
  if (snapshot === null || leavesBy.eni === null) {
    return { verdict: 'not asked', reason: `the metadata of ${name} are not known` };
  }
  if (findOwner(source, [leavesBy]) !== null) return { verdict: 'passes', reason: `${source} is assigned to ${name}` };
  const advice = 'unless its source/destination check is off';
  return { verdict: 'drops', reason: `${source} is not assigned to ${name}, which it leaves by, ${advice}` };
}
