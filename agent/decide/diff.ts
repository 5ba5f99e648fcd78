/**
 * What separates the actual from the desired state, in the order it is to be applied. Invariants: an object is removed
 * only where it is our own by mark or ledger and the wishes of its ENI are known; a foreign object is never changed.
 */

import type { Change, Desired, DesiredRoute, KernelState, Ledger, NetworkdState, Route } from '../model.ts';
import { diffAddresses } from './diff-addresses.ts';
import { diffFiles } from './diff-files.ts';
import { diffLeases, isFileInForce } from './diff-leases.ts';
import { identifyAltName, identifyRoute, identifyRule, ownProtocol } from './identity.ts';
import { diffSettings } from './link-settings.ts';
import { mainTable } from './numbers.ts';
import { about, altered, type Conflict, markOf, missing, notWanted, Removable } from './removable.ts';
import { isStillNeeded } from './stand-ins.ts';
import type { OwnFile } from './unit-directory.ts';
import { diffVrfs } from './vrf.ts';

export interface Actual {
  readonly kernel: KernelState;
  /** Files of ours in the unit directory. */
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure: what it makes itself is not made beside it. */
  readonly settling: ReadonlySet<string>;
  /** Files that a reload has offered to networkd in its present run. */
  readonly offered: ReadonlySet<string>;
  /** MACs of ENIs whose files were written while networkd was away. */
  readonly unread: ReadonlySet<string>;
}

export interface Difference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** The step from actual to desired. No changes: converged. */
export function computeDifference(desired: Desired, before: Actual): Difference {
  const conflicts: Conflict[] = [];
  const removable = new Removable(desired, before);
  const fileChanges = diffFiles(desired, before);
  const reloaded = fileChanges.filter(({ kind }) => kind === 'reload').map(({ mac }) => mac);
  const actual = { ...before, settling: new Set([...before.settling, ...reloaded]) };
  // Of a link that is configured already, routes and rules are made before networkd lets go of those that it had.
  const isNew = (mac: string) => desired.enis.some((eni) => eni.mac === mac && !isFileInForce(eni, before.networkd));
  const running = { ...before, settling: new Set([...before.settling, ...reloaded.filter(isNew)]) };
  const changes = [
    ...fileChanges,
    ...diffSettings(desired, actual.kernel),
    ...diffVrfs(desired, actual),
    ...diffAltNames(desired, actual, removable),
    ...diffAddresses(desired, actual, removable, conflicts),
    ...diffRoutes(desired, running, removable, conflicts),
    ...diffRules(desired, running, removable),
    ...diffLeases(desired, actual),
  ];
  changes.sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
  return { changes, conflicts };
}

/**
 * Ways before rules before addresses, and the reverse when they go, so that no packet meets an address without its way
 * out; additions before removals, so that merged rules change hands without a gap.
 */
const order: readonly Change['kind'][] = [
  'write-file',
  // Before networkd reads them: of two files for a renamed link the first by name would win.
  'remove-file',
  // An IPv6 router's stand-in is there before networkd drops the advertised route, and another table before its rules.
  'add-route',
  'add-rule',
  'reload',
  'set-link-setting',
  // Before the routes that go with it.
  'set-master',
  'add-alt-name',
  'add-address',
  'set-address-metric',
  'remove-address',
  'remove-rule',
  'remove-route',
  'remove-alt-name',
];

function diffAltNames(desired: Desired, { kernel, ledger }: Actual, removable: Removable): Change[] {
  const changes: Change[] = [];
  const linkByIndex = new Map(kernel.links.map((link) => [link.index, link]));
  const taken = new Set(kernel.links.flatMap(({ altNames }) => altNames));
  for (const eni of desired.enis) {
    const have = linkByIndex.get(eni.linkIndex)?.altNames ?? [];
    for (const altName of eni.altNames) {
      if (have.includes(altName)) continue;
      // A name that another link still bears is free only after that link lets it go: the next pass gives it.
      if (taken.has(altName)) continue;
      changes.push({ ...about(eni, missing), kind: 'add-alt-name', linkIndex: eni.linkIndex, altName });
    }
  }
  const wanted = new Set(
    desired.enis.flatMap((eni) => eni.altNames.map((name) => identifyAltName(eni.linkIndex, name))),
  );
  for (const link of kernel.links) {
    for (const altName of link.altNames) {
      const key = identifyAltName(link.index, altName);
      if (wanted.has(key) || !(key in ledger)) continue;
      const owner = removable.ownerOf(key, 'unmarked', link.index);
      if (owner === null) continue;
      changes.push({ ...owner, reason: notWanted, kind: 'remove-alt-name', linkIndex: link.index, altName });
    }
  }
  return changes;
}

function diffRoutes(desired: Desired, actual: Actual, removable: Removable, conflicts: Conflict[]): Change[] {
  const changes: Change[] = [];
  const places = new Map<string, Route[]>();
  for (const route of actual.kernel.routes) {
    const key = placeOf(route);
    const others = places.get(key);
    if (others === undefined) places.set(key, [route]);
    else others.push(route);
  }
  const wanted = new Set<string>();
  const unresolved = new Set<string>();
  for (const eni of desired.enis) {
    for (const family of eni.unresolvedFamilies) unresolved.add(`${eni.linkIndex} ${family}`);
    for (const route of eni.routes) {
      wanted.add(identifyRoute(route));
      const present = places.get(placeOf(route)) ?? [];
      // What networkd makes at once is left to it; for an IPv6 router it may ask for a second.
      const isWaitedFor = route.destination === '::/0' || route.isStandIn === true;
      const isLeftToNetworkd = actual.settling.has(eni.mac) && !isWaitedFor;
      if (isLeftToNetworkd || present.some((other) => isSameWay(route, other))) continue;
      const foreign = present.find((other) => other.protocol !== ownProtocol);
      const text = `route to ${route.destination} in table ${route.table}`;
      if (foreign === undefined) {
        changes.push({ ...about(eni, present.length === 0 ? missing : altered), kind: 'add-route', route });
      } else conflicts.push({ mac: eni.mac, reason: `${text} goes another way, put there by another program` });
    }
  }
  for (const route of actual.kernel.routes) {
    const key = identifyRoute(route);
    const isTwin = ({ protocol, ...other }: Route) =>
      protocol !== ownProtocol && identifyRoute(other) === key && other.gateway === route.gateway && !other.isComplex;
    if (wanted.has(key) && route.protocol === ownProtocol && places.get(placeOf(route))?.some(isTwin) === true) {
      const mac = actual.ledger[key] ?? '';
      const linkName = removable.nameOf(mac);
      changes.push({ mac, linkName, reason: 'made by networkd too', kind: 'remove-route', route });
      continue;
    }
    if (wanted.has(key) || isStillNeeded(route, desired, actual.kernel.addresses)) continue;
    if (route.isComplex || unresolved.has(`${route.linkIndex} ${route.family}`)) continue;
    const owner = removable.ownerOf(key, markOf.route(route.protocol), route.linkIndex);
    if (owner === null || isLastDefault(route, actual.kernel.routes)) continue;
    changes.push({ ...owner, reason: notWanted, kind: 'remove-route', route });
  }
  return changes;
}

/** Even where nobody wants it any more: without it the host could not be reached. */
function isLastDefault(route: Route, routes: readonly Route[]): boolean {
  const isDefault = ({ table, family, destination }: Route) =>
    table === mainTable && family === route.family && /^(0\.0\.0\.0|::)\/0$/.test(destination);
  return isDefault(route) && !routes.some((other) => other !== route && isDefault(other));
}

function placeOf(route: Pick<DesiredRoute, 'table' | 'destination' | 'metric'>): string {
  return `${route.table} ${route.destination} ${route.metric}`;
}

function isSameWay(want: DesiredRoute, have: Route): boolean {
  return !have.isComplex && have.linkIndex === want.linkIndex && have.gateway === want.gateway;
}

function diffRules(desired: Desired, actual: Actual, removable: Removable): Change[] {
  const changes: Change[] = [];
  const plain = actual.kernel.rules.filter(
    (rule) => !rule.isComplex && rule.action === 1 && rule.outputInterface === null,
  );
  const present = new Set(plain.map(identifyRule));
  const wanted = new Set<string>();
  for (const eni of desired.enis) {
    for (const rule of eni.rules) {
      const key = identifyRule(rule);
      wanted.add(key);
      if (!present.has(key) && !actual.settling.has(eni.mac)) {
        changes.push({ ...about(eni, missing), kind: 'add-rule', rule });
      }
    }
  }
  const twins = plain.filter(({ protocol }) => markOf.rule(protocol) === 'unmarked');
  const madeByNetworkd = new Set(twins.map(identifyRule));
  for (const rule of plain) {
    const key = identifyRule(rule);
    // The kernel compares the protocol too, so a rule of ours and networkd's twin stand side by side: one is enough.
    if (wanted.has(key) && rule.protocol === ownProtocol && madeByNetworkd.has(key)) {
      const mac = actual.ledger[key] ?? '';
      changes.push({ mac, linkName: removable.nameOf(mac), reason: 'made by networkd too', kind: 'remove-rule', rule });
      continue;
    }
    if (wanted.has(key)) continue;
    const owner = removable.ownerOf(key, markOf.rule(rule.protocol), null);
    if (owner !== null) changes.push({ ...owner, reason: notWanted, kind: 'remove-rule', rule });
  }
  return changes;
}
