/**
 * What separates the actual from the desired state, in the order it is to be applied. Invariants: an object is removed
 * only where it is our own by mark or ledger and the wishes of its ENI are known; a foreign object is never changed.
 */

import type { Change, Desired, DesiredRoute, KernelState, Ledger, NetworkdState, Route, Rule } from '../model.ts';
import { AddressDiffer } from './diff-addresses.ts';
import { diffFiles } from './diff-files.ts';
import { diffLeases, isFileInForce } from './diff-leases.ts';
import { groupBy } from './group-by.ts';
import { identifyAltName, identifyRoute, identifyRule, ownProtocol } from './identity.ts';
import { diffGroups, diffSettings, diffUnreloaded } from './link-settings.ts';
import { rememberLast, rememberOf } from './memo.ts';
import { mainTable } from './numbers.ts';
import { holdProvisional, isProvisional } from './provisional.ts';
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
export function computeDifference(desired: Desired, actual: Actual): Difference {
  return new Differ().compute(desired, actual);
}

/** As `computeDifference`, with each part done anew only where its own input has changed: most events concern one kind. */
export class Differ {
  readonly #removable = rememberLast(
    (desired: Desired, links: KernelState['links'], ledger: Ledger) =>
      new Removable(desired, { kernel: { links }, ledger }),
  );
  readonly #settings = rememberLast(diffSettings);
  readonly #groups = rememberLast(diffGroups);
  readonly #vrfs = rememberLast(diffVrfs);
  readonly #altNames = rememberLast(diffAltNames);
  readonly #addressDiffer = new AddressDiffer();
  readonly #addresses = rememberLast((...known: Parameters<AddressDiffer['compute']>) =>
    this.#addressDiffer.compute(...known),
  );
  readonly #routes = rememberLast(diffRoutes);
  readonly #rules = rememberLast(diffRules);
  readonly #leases = rememberLast(diffLeases);

  /** `links`: those of the kernel, as the same object while nothing differs but alternative names and settings. */
  compute(desired: Desired, actual: Actual, links = actual.kernel.links): Difference {
    const { kernel, networkd, ledger } = actual;
    const removable = this.#removable(desired, links, ledger);
    const fileChanges = diffFiles(desired, actual);
    const reloaded = fileChanges.filter(({ kind }) => kind === 'reload').map(({ mac }) => mac);
    const settling = addAll(actual.settling, reloaded);
    // Of a link that is configured already, routes and rules are made before networkd lets go of those that it had.
    const isNew = (mac: string) => desired.enis.some((eni) => eni.mac === mac && !isFileInForce(eni, networkd));
    const untouched = addAll(actual.settling, reloaded.filter(isNew));
    const addresses = this.#addresses(desired, kernel.addresses, ledger, settling, removable);
    const routes = this.#routes(desired, kernel.routes, kernel.addresses, ledger, untouched, removable);
    const changes = [
      ...fileChanges,
      ...this.#settings(desired, kernel.links),
      ...this.#groups(desired, links),
      ...diffUnreloaded(desired, links, { ...actual, settling }),
      ...this.#vrfs(desired, links, networkd, settling),
      ...this.#altNames(desired, kernel.links, ledger, removable),
      ...addresses.changes,
      ...routes.changes,
      ...this.#rules(desired, kernel.rules, ledger, untouched, removable),
      ...this.#leases(desired, links, kernel.addresses, kernel.routes, networkd, ledger, settling),
    ];
    changes.sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
    return { changes: holdProvisional(changes, settling), conflicts: [...addresses.conflicts, ...routes.conflicts] };
  }
}

/** The same object where nothing is added. */
function addAll(before: ReadonlySet<string>, added: readonly string[]): ReadonlySet<string> {
  return added.length === 0 ? before : new Set([...before, ...added]);
}

/**
 * Ways before rules before addresses, and the reverse when they go, so that no packet meets an address without its way
 * out; additions before removals, so that merged rules change hands without a gap.
 */
const order: readonly Change['kind'][] = [
  'write-file',
  // Before networkd reads them: of two files for a renamed link the first by name would win.
  'remove-file',
  // Before the rules that tell ENIs by it.
  'set-link-group',
  // A link is as it shall be before its routes are.
  'set-mtu',
  'set-dns',
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
  'move-address',
  'remove-address',
  'remove-rule',
  'remove-route',
  'remove-alt-name',
];

function diffAltNames(desired: Desired, links: KernelState['links'], ledger: Ledger, removable: Removable): Change[] {
  const changes: Change[] = [];
  const linkByIndex = new Map(links.map((link) => [link.index, link]));
  const taken = new Set(links.flatMap(({ altNames }) => altNames));
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
  for (const link of links) {
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

function diffRoutes(
  desired: Desired,
  actual: readonly Route[],
  addresses: KernelState['addresses'],
  ledger: Ledger,
  settling: ReadonlySet<string>,
  removable: Removable,
): Difference {
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const places = groupBy(actual, placeOf);
  const wanted = new Map<string, DesiredRoute>();
  const unresolved = new Set<string>();
  const withdrawn = new Set<string>();
  for (const eni of desired.enis) {
    for (const family of eni.withdrawnFamilies ?? []) withdrawn.add(`${eni.linkIndex} ${family}`);
    for (const family of eni.unresolvedFamilies) unresolved.add(`${eni.linkIndex} ${family}`);
  }
  for (const eni of [...desired.enis, ...(desired.provisional ?? [])]) {
    for (const route of eni.routes) {
      wanted.set(identifyRoute(route), route);
      const present = places.get(placeOf(route)) ?? [];
      // What networkd makes at once is left to it; for an IPv6 router it may ask for a second.
      const isWaitedFor = route.destination === '::/0' || route.isStandIn === true;
      const isLeftToNetworkd = settling.has(eni.mac) && !isWaitedFor;
      if (isLeftToNetworkd || present.some((other) => isSameWay(route, other))) continue;
      const foreign = present.find((other) => other.protocol !== ownProtocol);
      const text = `route to ${route.destination} in table ${route.table}`;
      if (foreign === undefined) {
        changes.push({ ...about(eni, present.length === 0 ? missing : altered), kind: 'add-route', route });
      } else conflicts.push({ mac: eni.mac, reason: `${text} goes another way, put there by another program` });
    }
  }
  for (const route of actual) {
    const key = identifyRoute(route);
    const want = wanted.get(key);
    // networkd's own, or the one that it made when the lease named another router: IPv4 has them
    // side by side, ours first.
    const isTwin = (other: Route) =>
      want !== undefined && other.protocol !== ownProtocol && !other.isComplex && isSameWay(want, other);
    if (route.protocol === ownProtocol && !route.isComplex && places.get(placeOf(route))?.some(isTwin) === true) {
      const mac = ledger[key] ?? '';
      const linkName = removable.nameOf(mac);
      changes.push({ mac, linkName, reason: 'made by networkd too', kind: 'remove-route', route });
      continue;
    }
    if (want !== undefined || isStillNeeded(route, desired, addresses)) continue;
    if (route.isComplex) continue;
    if (unresolved.has(`${route.linkIndex} ${route.family}`) && !isProvisional(route)) continue;
    const owner = removable.ownerOf(key, markOf.route(route.protocol), route.linkIndex);
    if (owner === null) continue;
    if (!withdrawn.has(`${route.linkIndex} ${route.family}`) && isLastDefault(route, actual)) continue;
    changes.push({ ...owner, reason: notWanted, kind: 'remove-route', route });
  }
  return { changes, conflicts };
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
  const isSame = ({ linkIndex, gateway }: Pick<Route, 'linkIndex' | 'gateway'>) =>
    linkIndex === want.linkIndex && gateway === want.gateway;
  // One of several routers: the others' paths are looked at by diff-leases.
  return have.isComplex ? have.paths?.some(isSame) === true : isSame(have);
}

/** Of other programs' rules there may be thousands. */
const keyOfRule = rememberOf((rule: Rule) => identifyRule(rule));

function diffRules(
  desired: Desired,
  actual: readonly Rule[],
  ledger: Ledger,
  settling: ReadonlySet<string>,
  removable: Removable,
): Change[] {
  const changes: Change[] = [];
  const plain = actual.filter((rule) => !rule.isComplex && rule.action === 1 && rule.outputInterface === null);
  const all = [...desired.enis, ...(desired.provisional ?? [])];
  const wanted = new Set(all.flatMap((eni) => eni.rules.map(identifyRule)));
  const present = plain.filter((rule) => wanted.has(keyOfRule(rule)));
  const presentKeys = new Set(present.map(keyOfRule));
  for (const eni of all) {
    for (const rule of eni.rules) {
      if (presentKeys.has(identifyRule(rule)) || settling.has(eni.mac)) continue;
      changes.push({ ...about(eni, missing), kind: 'add-rule', rule });
    }
  }
  const twins = present.filter(({ protocol }) => markOf.rule(protocol) === 'unmarked');
  const madeByNetworkd = new Set(twins.map(keyOfRule));
  for (const rule of plain) {
    const key = keyOfRule(rule);
    // The kernel compares the protocol too, so a rule of ours and networkd's twin stand side by side: one is enough.
    if (wanted.has(key) && rule.protocol === ownProtocol && madeByNetworkd.has(key)) {
      const mac = ledger[key] ?? '';
      changes.push({ mac, linkName: removable.nameOf(mac), reason: 'made by networkd too', kind: 'remove-rule', rule });
      continue;
    }
    if (wanted.has(key)) continue;
    const owner = removable.ownerOf(key, markOf.rule(rule.protocol), null);
    if (owner !== null) changes.push({ ...owner, reason: notWanted, kind: 'remove-rule', rule });
  }
  return changes;
}
