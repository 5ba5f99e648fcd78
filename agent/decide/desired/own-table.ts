/**
 * What an ENI's own table needs besides its subnets and its default route, so that it leads where
 * main would (docs/decisions/0001-ways.md): only routes that differ from the next wider one in the
 * table. Pure.
 */

import { contains, requireCidr } from '../../../lib/ip/cidr.ts';
import type { DesiredRoute } from '../../model.ts';
import { isAsWideAsDefault, keepFew, listFollowed, type MainTable } from './main-table.ts';
import type { Matched } from './matched.ts';

export interface OwnTable {
  /** Its subnets, its defaults and the operator's routes. */
  readonly routes: readonly DesiredRoute[];
  readonly metric: number;
  /** Whether its default routes count as the next wider route: not if the rules skip them. */
  readonly hasDefault: boolean;
}

/**
 * Main's routes by an ENI: routes of the lease, a router advertisement or the operator there
 * also apply to the ENI's sources. With `rules: classic` the table is the only one that a
 * source is looked up in, so it also repeats the routes by links that are no ENI (`eniLinks` are
 * those that are).
 */
export function followMain(
  { candidate, policy, tableId }: Matched,
  main: MainTable,
  table: OwnTable,
  eniLinks: ReadonlySet<number>,
): DesiredRoute[] {
  const links = policy.rules === 'classic' ? [...main.specific.keys()].filter((by) => !eniLinks.has(by)) : [];
  const foreign = links.flatMap((by) => listFollowed(main, by));
  const own = listFollowed(main, candidate.link.index);
  // The better metric counts, and of equal ones the link that is no ENI.
  const all = [...keepFew(foreign), ...own];
  const best = [...all].sort((left, right) => left.metric - right.metric);
  const wanted = best.flatMap(({ destination, gateway, linkIndex }): DesiredRoute[] => {
    if (linkIndex === null) return [];
    const way = { table: tableId, destination, type: 'unicast', gateway, linkIndex } as const;
    return [{ ...way, metric: table.metric, isFollowed: true }];
  });
  return keepDiffering(wanted, table);
}

/**
 * Routes by the primary to what main may send by other ENIs: the same way as the next wider route
 * of its table.
 */
export function computeDetours(
  { candidate, tableId }: Matched,
  destinations: readonly string[],
  table: OwnTable,
): DesiredRoute[] {
  const linkIndex = candidate.link.index;
  const byLength = sortByLength(table.routes).reverse();
  const wanted = destinations.flatMap((destination): DesiredRoute[] => {
    const around = byLength.find((route) => contains(route.destination, destination));
    // There is none for a family whose router is not known.
    if (around === undefined) return [];
    const { gateway, mtu } = around;
    const way = { table: tableId, destination, type: 'unicast', gateway, linkIndex, metric: table.metric } as const;
    return [mtu === undefined ? way : { ...way, mtu }];
  });
  return keepDiffering(wanted, table);
}

/**
 * The widest first, so that each is compared with the next wider route kept so far; of one
 * destination the first counts.
 */
function keepDiffering(wanted: readonly DesiredRoute[], { routes, hasDefault }: OwnTable): DesiredRoute[] {
  const table = routes.filter((route) => hasDefault || !isAsWideAsDefault(route));
  const kept: DesiredRoute[] = [];
  const decided = new Set(table.map(({ destination }) => destination));
  for (const route of sortByLength(wanted)) {
    const around = sortByLength(table.filter(({ destination }) => contains(destination, route.destination))).at(-1);
    const isSame =
      around?.gateway === route.gateway && around.linkIndex === route.linkIndex && around.mtu === route.mtu;
    if (decided.has(route.destination)) continue;
    decided.add(route.destination);
    if (isSame) continue;
    table.push(route);
    kept.push(route);
  }
  return kept;
}

/** The widest first; stable. */
function sortByLength(routes: readonly DesiredRoute[]): DesiredRoute[] {
  const lengthOf = ({ destination }: DesiredRoute) => requireCidr(destination).length;
  return [...routes].sort((left, right) => lengthOf(left) - lengthOf(right));
}
