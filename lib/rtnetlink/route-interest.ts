/**
 * Which routes of the host concern a listener, as data: for a filter here, and for one in the
 * kernel (socket-filter.ts).
 */

import type { RouteFilter } from './route.ts';
import type { Route } from './types.ts';

/** Tables from the first up to, but not including, the second. */
export interface TableRange {
  readonly from: number;
  readonly to: number;
}

export interface RouteInterest {
  /** Every route in these tables. A range of more than one table ends below 65536. */
  readonly tables: readonly TableRange[];
  /**
   * In one table, whose number is below 256: routes with at most this prefix length, by any link
   * and of any protocol.
   */
  readonly widePlaces: readonly WidePlace[];
  /**
   * In all tables: routes by these links. Multipath routes have no single link and are not among
   * them.
   */
  readonly linkIndexes: readonly number[];
  /** Except routes of these protocols, unless they are default routes. */
  readonly ignoredProtocols: readonly number[];
  /** And except routes of one protocol in one table, whose number is below 256. */
  readonly ignoredPlaces: readonly IgnoredPlace[];
}

export interface WidePlace {
  readonly table: number;
  readonly prefixLength: number;
}

export interface IgnoredPlace {
  readonly table: number;
  readonly protocol: number;
}

/** The same as the kernel's filter lets through. */
export function makeRouteFilter({
  tables,
  widePlaces,
  linkIndexes,
  ignoredProtocols,
  ignoredPlaces,
}: RouteInterest): RouteFilter {
  const links = new Set(linkIndexes);
  const ignored = new Set(ignoredProtocols);
  return (_family, table, linkIndex, protocol, prefixLength) =>
    tables.some(({ from, to }) => table >= from && table < to) ||
    widePlaces.some((place) => place.table === table && prefixLength <= place.prefixLength) ||
    (linkIndex !== null &&
      links.has(linkIndex) &&
      (prefixLength === 0 || !ignored.has(protocol)) &&
      !ignoredPlaces.some((place) => place.table === table && place.protocol === protocol));
}

export function isWantedRoute(filter: RouteFilter, route: Route): boolean {
  const { family, table, linkIndex, protocol, destination } = route;
  return filter(family, table, linkIndex, protocol, Number(destination.split('/')[1]));
}
