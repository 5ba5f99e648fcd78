/**
 * Before the metadata service has answered for the first time: each leased address uses its own
 * link. networkd gives every new link a default route of the same metric, so main sends everything
 * by the link that got its lease first, and EC2 drops packets with another ENI's source. Which ENI
 * a link is need not be known for this: its own addresses and routes suffice. Invariant: what is
 * made here is removed only when the ENI's own rules and routes are in place.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { hostCidr } from '../../../lib/ip/cidr.ts';
import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { Change, DesiredRoute, DesiredRule, EniReport, Family, KernelState, ProvisionalEni } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { globalScope } from '../base/kernel-numbers.ts';
import { defaultWidth, eniGroup, mainTable, provisionalTables, rulePriorityOf } from '../base/numbers.ts';
import { type CandidateLink, findCandidates } from '../inputs/match-links.ts';
import { listFollowed, listForeignRoutes, type MainTable, readMainTable } from './main-table.ts';
import { findOverride } from './override.ts';
import { findPlainPolicy } from './policy.ts';
import { findOwnFile } from './whose-file.ts';
import type { World } from './world.ts';

const families = [4, 6] as const;
/** Of the routes in a provisional table; IPv6 has no metric 0. */
const metric = 1024;

/**
 * None if a snapshot was ever accepted or may arrive soon, or if one link has all default routes.
 */
export function computeProvisional(world: World): ProvisionalEni[] {
  const { config, snapshot, isSilent, kernel, foreignGroups } = world;
  if (!isSilent) return [];
  // Main's routes by a link in one of the operator's groups cannot be distinguished from those of
  // other links.
  if (snapshot !== null || foreignGroups.size > 0) return [];
  const main = readMainTable(listForeignRoutes(kernel.routes), []);
  const candidates = [...findCandidates(kernel, config.drivers).values()];
  const indexes = candidates.flat().map(({ link }) => link.index);
  const contested = families.filter(
    (family) => indexes.filter((index) => findDefault(main, index, family) !== null).length > 1,
  );
  if (contested.length === 0) return [];
  return candidates.flatMap(([candidate, twin]) => {
    if (candidate === undefined || twin !== undefined || !isOnFallback(world, candidate)) return [];
    return computeOne(kernel, candidate, main, contested) ?? [];
  });
}

/** networkd configured it by a file that one of this program's would replace. */
function isOnFallback(world: World, { link, mac, driver }: CandidateLink): boolean {
  const policy = findPlainPolicy(world.config, { mac, name: link.name, driver });
  if (policy === null) return false;
  const ownFile = findOwnFile(world, link);
  const inForce = world.networkd.links.find(({ linkIndex }) => linkIndex === link.index)?.networkFile ?? null;
  if (inForce === null || inForce === ownFile.path || ownFile.isFormer(inForce)) return false;
  return findOverride({ link, links: world.kernel.links, networkd: world.networkd, ownFile, policy }) === null;
}

function computeOne(
  { addresses }: Pick<KernelState, 'addresses'>,
  { link, mac }: CandidateLink,
  main: MainTable,
  contested: readonly Family[],
): ProvisionalEni | null {
  const table = provisionalTables.from + link.index;
  if (table >= provisionalTables.to || !link.isUp) return null;
  const routes: DesiredRoute[] = [];
  const rules: DesiredRule[] = [];
  for (const family of contested) {
    const gateway = findDefault(main, link.index, family);
    const sources = listOfLink(addresses, link.index).filter(
      (one) => one.family === family && one.scope === globalScope && isAlone(addresses, one.address),
    );
    if (gateway === null || sources.length === 0) continue;
    const way = { table, type: 'unicast', linkIndex: link.index, metric } as const;
    const near = listFollowed(main, link.index).filter(({ destination }) => familyOf(destination) === family);
    for (const { destination, gateway: by } of near) {
      routes.push({ ...way, destination, gateway: by, isFollowed: true });
    }
    routes.push({ ...way, destination: defaultDestination[family], gateway });
    rules.push(...sources.flatMap(({ address }) => computeRules(hostCidr(address), family, table)));
  }
  if (rules.length === 0) return null;
  return { mac, linkIndex: link.index, linkName: link.name, group: eniGroup, routes, rules };
}

/** Like an ENI's own (docs/decisions/0001-ways.md), behind all of those. */
function computeRules(source: string, family: Family, table: number): DesiredRule[] {
  const base = { family, source, destination: null, mark: null, users: null, inputInterface: 'lo' } as const;
  const { provisionalMain, provisionalOwn } = rulePriorityOf;
  const better = { table: mainTable, suppressPrefixLength: defaultWidth[family], suppressGroup: eniGroup };
  return [
    { ...base, ...better, priority: provisionalMain },
    { ...base, table, suppressPrefixLength: null, suppressGroup: null, priority: provisionalOwn },
  ];
}

function findDefault({ defaults }: MainTable, linkIndex: number, family: Family): string | null {
  const mine = defaults.find(
    (route) => route.linkIndex === linkIndex && route.destination === defaultDestination[family],
  );
  return mine?.gateway ?? null;
}

/** Two ENIs with one address (two VPCs) cannot be told apart by rules. */
function isAlone(addresses: KernelState['addresses'], wanted: string): boolean {
  return addresses.filter(({ address }) => address === wanted).length === 1;
}

/**
 * Says in an ENI's state, beside what it waits for, which of its addresses have a way of their own
 * meanwhile.
 */
export function tellProvisional(report: EniReport, provisional: readonly ProvisionalEni[]): EniReport {
  const mine = provisional.find(({ mac }) => mac === report.mac);
  if (mine === undefined || report.state.kind !== 'waiting') return report;
  const rules = mine.rules.filter(({ priority }) => priority === rulePriorityOf.provisionalOwn);
  const sources = rules.map(({ source }) => source?.split('/')[0]).join(', ');
  const way = `meanwhile ${sources} ${rules.length === 1 ? 'leaves' : 'leave'} by ${mine.linkName}`;
  const reason = `${report.state.reason}; ${way} (provisional rules, table ${rules[0]?.table})`;
  return { ...report, state: { kind: 'waiting', reason } };
}

/**
 * Holds back removals of provisional objects while anything else is to be added or networkd is
 * configuring: an ENI's own rules and routes may not be there yet, and main's default may lead by
 * another ENI whose router advertised itself first.
 */
export function holdProvisional(changes: readonly Change[], settling: ReadonlySet<string>): readonly Change[] {
  if (!changes.some(isProvisionalRemoval)) return changes;
  const isUnfinished = settling.size > 0 || changes.some(({ kind }) => making.has(kind));
  return isUnfinished ? changes.filter((change) => !isProvisionalRemoval(change)) : changes;
}

const making: ReadonlySet<Change['kind']> = new Set([
  'write-file',
  'reload',
  'set-link-group',
  'set-master',
  'add-route',
  'add-rule',
  'add-address',
  'set-address-metric',
]);

function isProvisionalRemoval(change: Change): boolean {
  if (change.kind === 'remove-rule') {
    const { priority } = change.rule;
    return priority === rulePriorityOf.provisionalMain || priority === rulePriorityOf.provisionalOwn;
  }
  return change.kind === 'remove-route' && isProvisional(change.route);
}

export function isProvisional({ table }: { readonly table: number }): boolean {
  return table >= provisionalTables.from && table < provisionalTables.to;
}
