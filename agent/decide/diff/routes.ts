/** Which routes to add and to remove. Pure. */

import { defaultDestination, isDefaultRoute } from '../../../lib/ip/default-route.ts';
import {
  type Change,
  type Desired,
  type DesiredRoute,
  type KernelState,
  type Ledger,
  ownProtocol,
  type Route,
} from '../../model.ts';
import { groupBy } from '../base/group-by.ts';
import { identifyRoute } from '../base/identity.ts';
import { isMadeByNetworkd } from '../base/kernel-numbers.ts';
import { mainTable } from '../base/numbers.ts';
import { isProvisional } from '../desired/provisional.ts';
import { isStillNeeded } from '../desired/stand-ins.ts';
import { about, altered, type Conflict, markOf, missing, notDesired, type Ownership } from './ownership.ts';
import { correctMtu } from './route-mtu.ts';

interface RouteState extends Pick<KernelState, 'routes' | 'addresses'> {
  readonly desired: Desired;
  readonly ledger: Ledger;
  /** MACs of links whose routes networkd is about to make. */
  readonly settling: ReadonlySet<string>;
  readonly ownership: Ownership;
}

interface RouteDifference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

export function diffRoutes({ desired, routes, addresses, ledger, settling, ownership }: RouteState): RouteDifference {
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const places = groupBy(routes, placeOf);
  const wanted = new Map<string, DesiredRoute>();
  const unresolved = new Set<string>();
  const withdrawn = new Set<string>();
  for (const eni of desired.enis) {
    for (const family of eni.withdrawnFamilies ?? []) withdrawn.add(`${eni.linkIndex} ${family}`);
    for (const family of eni.unresolvedFamilies) unresolved.add(`${eni.linkIndex} ${family}`);
  }
  const leaseTables = new Map(desired.enis.map(({ mac, lease }) => [mac, lease?.table]));
  for (const eni of [...desired.enis, ...desired.provisional]) {
    const leaseTable = leaseTables.get(eni.mac);
    for (const route of eni.routes) {
      wanted.set(identifyRoute(route), route);
      const present = places.get(placeOf(route)) ?? [];
      // What networkd makes at once is left to it; for an IPv6 router it may wait up to a second.
      const isWaitedFor = route.destination === defaultDestination[6] || route.isStandIn === true;
      const isLeftToNetworkd = settling.has(eni.mac) && !isWaitedFor;
      if (isLeftToNetworkd) continue;
      const same = present.filter((other) => isSameWay(route, other));
      if (same.length > 0) {
        // networkd's of lease and router advertisement are in diff/leases.ts. In the ENI's own
        // table they may have networkd's mark, too.
        const isOurs = (one: Route) =>
          one.protocol === ownProtocol ||
          (isMadeByNetworkd(one) && one.table !== mainTable && one.table !== leaseTable);
        changes.push(...same.filter(isOurs).flatMap((one) => correctMtu(eni, one, route.mtu ?? null, ledger)));
        continue;
      }
      const foreign = present.find((other) => other.protocol !== ownProtocol);
      const text = `route to ${route.destination} in table ${route.table}`;
      if (foreign === undefined) {
        changes.push({ ...about(eni, present.length === 0 ? missing : altered), kind: 'add-route', route });
      } else conflicts.push({ mac: eni.mac, reason: `${text} goes another way: another program added it` });
    }
  }
  for (const route of routes) {
    const key = identifyRoute(route);
    const want = wanted.get(key);
    // networkd's own, or the one that it made when the lease named another router: IPv4 keeps both,
    // ours first.
    const isTwin = (other: Route) =>
      want !== undefined && other.protocol !== ownProtocol && !other.isComplex && isSameWay(want, other);
    if (route.protocol === ownProtocol && !route.isComplex && places.get(placeOf(route))?.some(isTwin) === true) {
      const mac = ledger[key] ?? '';
      const linkName = ownership.nameOf(mac);
      changes.push({ mac, linkName, reason: "duplicate of networkd's own route", kind: 'remove-route', route });
      continue;
    }
    if (want !== undefined || isStillNeeded(route, desired, addresses)) continue;
    if (route.isComplex) continue;
    if (unresolved.has(`${route.linkIndex} ${route.family}`) && !isProvisional(route)) continue;
    const owner = ownership.ownerOf(key, markOf.route(route.protocol), route.linkIndex);
    if (owner === null) continue;
    if (!withdrawn.has(`${route.linkIndex} ${route.family}`) && isLastDefault(route, routes)) continue;
    changes.push({ ...owner, reason: notDesired, kind: 'remove-route', route });
  }
  return { changes, conflicts };
}

/** Kept even if it is no longer desired: without it the host could not be reached. */
function isLastDefault(route: Route, routes: readonly Route[]): boolean {
  const isDefault = (one: Route) => one.table === mainTable && one.family === route.family && isDefaultRoute(one);
  return isDefault(route) && !routes.some((other) => other !== route && isDefault(other));
}

function placeOf(route: Pick<DesiredRoute, 'table' | 'destination' | 'metric'>): string {
  return `${route.table} ${route.destination} ${route.metric}`;
}

function isSameWay(want: DesiredRoute, have: Route): boolean {
  const isSame = ({ linkIndex, gateway }: Pick<Route, 'linkIndex' | 'gateway'>) =>
    linkIndex === want.linkIndex && gateway === want.gateway;
  // One of several routers: diff/leases.ts handles the others' paths.
  return have.isComplex ? have.paths?.some(isSame) === true : isSame(have);
}
