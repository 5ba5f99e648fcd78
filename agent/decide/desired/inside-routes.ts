/**
 * The routes to the blocks of the VPC in main, where a default there has a smaller MTU
 * (`mtuOutside`). Pure.
 */

import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import type { DesiredRoute, Family } from '../../model.ts';
import { mainTable } from '../base/numbers.ts';
import { findGateway, type Surroundings } from './gateways.ts';
import { isAsWideAsDefault, listForeignRoutes } from './main-table.ts';
import { hasMainDefault, type Matched } from './matched.ts';
import { computeMtuOutside, listInside } from './outside.ts';
import { listSubnets } from './sources.ts';

/**
 * For every ENI of the VPC whose default main has: by the same metrics, so that main's choice among
 * them is the one that it makes for a default. None where main's default leads another way: what a
 * VPN takes over it takes for the VPC as well.
 */
export function computeInsideRoutes(
  surroundings: Surroundings,
  matched: readonly Matched[],
): ReadonlyMap<Matched, readonly DesiredRoute[]> {
  const all = matched.filter(hasMainDefault);
  // The default of a dead link is still in main, behind the next one's (eni-routes.ts).
  const leading = all.filter(({ candidate }) => candidate.link.hasCarrier);
  const routes = new Map<Matched, DesiredRoute[]>();
  if (!leading.some(isAsking)) return routes;
  for (const family of [4, 6] as const) {
    const ways = leading.flatMap((one) => {
      const gateway = findGateway(surroundings, one, family);
      return gateway === null ? [] : [{ one, gateway, metric: one.metric }];
    });
    const best = ways.reduce<(typeof ways)[number] | null>(
      (least, way) => (least === null || way.metric < least.metric ? way : least),
      null,
    );
    if (best === null || isElsewhere(surroundings, { family, all, metric: best.metric })) continue;
    const peers = ways.filter(({ one }) => one === best.one || isSameVpc(one, best.one));
    if (!peers.some(({ one }) => isAsking(one))) continue;
    const subnets = new Set(peers.flatMap(({ one }) => listSubnets(one.eni)));
    const blocks = new Set(peers.flatMap(({ one }) => listInside(one.eni, family)));
    const inside = [...blocks].filter((destination) => !subnets.has(destination));
    for (const { one, gateway, metric } of peers) {
      const way = { table: mainTable, type: 'unicast', gateway, linkIndex: one.candidate.link.index, metric } as const;
      routes.set(one, [...(routes.get(one) ?? []), ...inside.map((destination) => ({ ...way, destination }))]);
    }
  }
  return routes;
}

function isAsking({ eni, candidate, policy }: Matched): boolean {
  return computeMtuOutside(eni, candidate.link, policy) !== null;
}

function isSameVpc(one: Matched, other: Matched): boolean {
  return one.eni.vpcId !== null && one.eni.vpcId === other.eni.vpcId;
}

interface Defaults {
  readonly family: Family;
  /** ENIs that have a default in main. */
  readonly all: readonly Matched[];
  /** The least of those that lead somewhere. */
  readonly metric: number;
}

/** Whether another link has a better default in main, or a part of one. */
function isElsewhere({ kernel }: Surroundings, { family, all, metric }: Defaults): boolean {
  const links = new Set(all.map(({ candidate }) => candidate.link.index));
  return listForeignRoutes(kernel.routes).some(
    (route) =>
      route.family === family &&
      !links.has(route.linkIndex ?? 0) &&
      isAsWideAsDefault(route) &&
      (!isDefaultRoute(route) || route.metric < metric),
  );
}
