/**
 * What the ENIs' rules and tables need from the main table: an ENI's own routes there are repeated
 * in its table, the primary's table leads to what main would send by another ENI, and what no link
 * group can express becomes a rule of its own (docs/decisions/0001-ways.md). Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { contains, requireCidr } from '../../../lib/ip/cidr.ts';
import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import { type DesiredRoute, type Family, ownProtocol, type Route } from '../../model.ts';
import { groupBy } from '../base/group-by.ts';
import { RTN_UNICAST } from '../base/kernel-numbers.ts';
import { rememberOf } from '../base/memo.ts';
import { defaultWidth, mainTable } from '../base/numbers.ts';

/**
 * The most routes of main by one ENI that are followed: leases, router advertisements and operators
 * bring a handful, and each costs one more in a table. For an ENI with more, none is followed.
 */
export const mostFollowedRoutes = 256;

/** The routes, or none if there are too many to follow. */
export function keepFew<Followed>(routes: readonly Followed[]): readonly Followed[] {
  return routes.length > mostFollowedRoutes ? [] : routes;
}

/**
 * GateD, MRT, Zebra, BIRD, XORP, keepalived, Babel, Open/R, BGP, IS-IS, OSPF, RIP and EIGRP
 * (RTPROT_* in linux/rtnetlink.h). Routing daemons install hundreds of thousands of routes, which
 * come and go in floods: their events are not even received.
 */
export const routingDaemonProtocols = [8, 10, 11, 12, 14, 18, 42, 99, 186, 187, 188, 189, 192];

/** Whether a routing daemon installed it. A default route counts in any case. */
function isLearnt(route: Route): boolean {
  return routingDaemonProtocols.includes(route.protocol) && !isDefaultRoute(route);
}

/** The part of a route that determines its way. */
export type MainRoute = Pick<Route, 'destination' | 'gateway' | 'metric'> & { readonly linkIndex: number | null };

/**
 * Main's routes as this program relies on them: foreign routes as they are, its own as
 * desired.
 */
export interface MainTable {
  /** As wide as a default, by any link. */
  readonly defaults: readonly MainRoute[];
  /** All others, by the link of an ENI. */
  readonly specific: ReadonlyMap<number, readonly MainRoute[]>;
}

/** Our own routes in the kernel are left out: they come and go with every repair. */
export function listForeignRoutes(routes: readonly Route[]): readonly Route[] {
  return routes
    .filter(({ table, protocol, type }) => table === mainTable && protocol !== ownProtocol && type === RTN_UNICAST)
    .filter((route) => !isLearnt(route))
    .flatMap(splitPaths);
}

/**
 * A route with several next hops counts as one route for each; any other complex route is
 * ignored.
 */
function splitPaths(route: Route): readonly Route[] {
  if (!route.isComplex) return [route];
  return (route.paths ?? []).map(({ linkIndex, gateway }) => ({ ...route, linkIndex, gateway, isComplex: false }));
}

export function readMainTable(foreign: readonly Route[], own: readonly DesiredRoute[]): MainTable {
  const defaults: MainRoute[] = [];
  const specific = new Map<number, MainRoute[]>();
  for (const route of [...foreign, ...own.filter(({ table }) => table === mainTable)]) {
    if (isAsWideAsDefault(route)) defaults.push(route);
    else if (route.linkIndex !== null) {
      const others = specific.get(route.linkIndex);
      if (others === undefined) specific.set(route.linkIndex, [route]);
      else others.push(route);
    }
  }
  return { defaults, specific };
}

export const isAsWideAsDefault = rememberOf(({ destination }: { readonly destination: string }) => {
  const { family, length } = requireCidr(destination);
  return length <= defaultWidth[family];
});

/** Routes by a link to repeat in another table, the best of each destination. */
export function listFollowed(main: MainTable, linkIndex: number): readonly MainRoute[] {
  const followed = new Map<string, MainRoute>();
  for (const route of keepFew(main.specific.get(linkIndex) ?? [])) {
    const best = followed.get(route.destination);
    if (best === undefined || route.metric < best.metric) followed.set(route.destination, route);
  }
  return [...followed.values()];
}

/**
 * Destinations that main may send by one of these links: the subnets of their ENIs and their routes
 * in main. Not link-local ones: the sender specifies the link.
 */
export function listDestinations(
  main: MainTable,
  enis: readonly { readonly linkIndex: number; readonly subnets: readonly string[] }[],
): string[] {
  const all = enis.flatMap(({ linkIndex, subnets }) => {
    const routes = keepFew(main.specific.get(linkIndex) ?? []);
    return [...subnets, ...routes.map(({ destination }) => destination)];
  });
  return [...new Set(all)].filter((destination) => !contains(linkLocal, destination)).sort();
}

export const linkLocal = 'fe80::/10';

/**
 * Whether main has a default of a family, or a part of one, whose best route leads by another ENI
 * than the primary's. `fallback`: the answer where main has none. Of equal metrics the primary's
 * counts.
 */
export function isDefaultDiverted(
  { defaults }: MainTable,
  family: Family,
  links: { readonly primary: number; readonly others: ReadonlySet<number>; readonly fallback: boolean },
): boolean {
  const ofFamily = defaults.filter(({ destination }) => familyOf(destination) === family);
  if (ofFamily.length === 0) return links.fallback;
  return [...groupBy(ofFamily, ({ destination }) => destination).values()].some((rivals) => {
    const best = Math.min(...rivals.map(({ metric }) => metric));
    const winners = rivals.filter(({ metric }) => metric === best).map(({ linkIndex }) => linkIndex);
    return !winners.includes(links.primary) && winners.some((index) => index !== null && links.others.has(index));
  });
}
