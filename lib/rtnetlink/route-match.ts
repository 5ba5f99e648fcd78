/**
 * Which route a delete request would delete: the kernel's own matching, so that no other program's
 * route is lost.
 */

import type { Route } from './types.ts';

/**
 * Whether RTM_DELROUTE for `wanted` deletes exactly that route. `routes` are all of its slot
 * (table, destination, metric) in the kernel's order. `absent`: it does not exist, and the request
 * must not be sent; `shadowed`: the kernel would delete `by` instead.
 */
export function foretellDeletion(
  wanted: Route,
  routes: readonly Route[],
): { readonly kind: 'exact' | 'absent' } | { readonly kind: 'shadowed'; readonly by: Route } {
  const isWanted = (route: Route) => isSameRoute(wanted, route) || hasPath(route, wanted);
  if (!routes.some(isWanted)) return { kind: 'absent' };
  const by = routes.find((route) => isHit(wanted, route) || isWanted(route));
  return by === undefined || isWanted(by) ? { kind: 'exact' } : { kind: 'shadowed', by };
}

export function isSameRoute(left: Route, right: Route): boolean {
  return (
    isSameSlot(left, right) &&
    left.metric === right.metric &&
    left.mtu === right.mtu &&
    left.type === right.type &&
    left.protocol === right.protocol &&
    left.scope === right.scope &&
    left.gateway === right.gateway &&
    left.linkIndex === right.linkIndex &&
    left.preferredSource === right.preferredSource &&
    left.nextHopId === right.nextHopId &&
    left.isComplex === right.isComplex
  );
}

function isSameSlot(left: Route, right: Route): boolean {
  return left.family === right.family && left.table === right.table && left.destination === right.destination;
}

/**
 * One of several next hops: for the kernel each IPv6 next hop is a route of its own, with a
 * protocol that no dump shows (rt6_fill_node shows that of the first), and a request with a gateway
 * deletes only that one (ip6_route_del).
 */
function hasPath(route: Route, { family, gateway, linkIndex, metric }: Route): boolean {
  return (
    family === 6 &&
    route.family === 6 &&
    gateway !== null &&
    route.metric === metric &&
    (route.paths ?? []).some((path) => path.gateway === gateway && path.linkIndex === linkIndex)
  );
}

/** fib_table_delete and fib_nh_match of IPv4, ip6_route_del of IPv6. */
function isHit(wanted: Route, route: Route): boolean {
  const fits = <T>(want: T, got: T, unset: T) => want === unset || want === got;
  if (!isSameSlot(wanted, route) || !fits(wanted.metric, route.metric, 0)) return false;
  if (!fits(wanted.protocol, route.protocol, 0)) return false;
  if (wanted.family === 6) {
    // A route with a next hop object matches whatever its gateway and link.
    if (route.nextHopId !== null) return fits(wanted.nextHopId, route.nextHopId, null);
    return wanted.nextHopId === null && goesSameWay(wanted, route);
  }
  return (
    fits(wanted.type, route.type, 0) &&
    wanted.scope === route.scope &&
    fits(wanted.mtu, route.mtu, undefined) &&
    fits(wanted.preferredSource, route.preferredSource, null) &&
    (wanted.nextHopId === null ? route.nextHopId === null : wanted.nextHopId === route.nextHopId) &&
    goesSameWay(wanted, route)
  );
}

/** Of several IPv4 next hops the first one counts. */
function goesSameWay({ linkIndex, gateway }: Route, route: Route): boolean {
  const way = route.paths?.[0] ?? route;
  return (linkIndex === null || linkIndex === way.linkIndex) && (gateway === null || gateway === way.gateway);
}
