/**
 * The routes of each ENI from its own lease, routers and policy, and the default routes that
 * replace those of dead links. Pure.
 */

import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { DesiredRoute } from '../../model.ts';
import { mainTable } from '../base/numbers.ts';
import {
  computeDefaultRoutes,
  computeMainRoutes,
  computeOperatorRoutes,
  computeVrfRoutes,
  type DefaultRoutes,
  noDefaults,
  noOperatorRoutes,
  type OperatorRoutes,
  withMtuOutside,
} from './eni-objects.ts';
import { findGateway, type Surroundings } from './gateways.ts';
import { computeInsideRoutes } from './inside-routes.ts';
import { hasMainDefault, type Matched } from './matched.ts';
import { nameNetworkFile } from './network-file.ts';
import { isRouted } from './situation.ts';
import type { World } from './world.ts';

/** An ENI with the routes that follow from its own lease, routers and policy. */
export interface Routed {
  readonly one: Matched;
  readonly defaults: DefaultRoutes;
  readonly operator: OperatorRoutes;
  /** networkd has our file in force. */
  readonly isTakenUp: boolean;
  /** Of main, or of the table of its VRF. */
  readonly mainRoutes: readonly DesiredRoute[];
}

type Inputs = Pick<World, 'config' | 'kernel' | 'routers' | 'networkd'>;

/** One for each ENI, in their order. */
export function routeEach(world: Inputs, matched: readonly Matched[]): Routed[] {
  const substitutes = computeSubstitutes(world, matched.filter(hasMainDefault));
  const leading = findLeading(world, matched);
  const inside = computeInsideRoutes(world, matched);
  return matched.map((one) => {
    const further = [...(substitutes.get(one) ?? []), ...(inside.get(one) ?? [])];
    return routeOne(world, one, { further, isLeading: one === leading });
  });
}

/** The one whose default route main prefers for IPv6. */
function findLeading(world: Inputs, matched: readonly Matched[]): Matched | null {
  const able = matched.filter((one) => hasMainDefault(one) && mayLead(one) && findGateway(world, one, 6) !== null);
  return able.reduce<Matched | null>((best, one) => (best === null || one.metric < best.metric ? one : best), null);
}

/** Whether main's default may be moved to it: not to one that EC2 is taking away. */
function mayLead({ candidate, isLeaving }: Matched): boolean {
  return candidate.link.hasCarrier && !isLeaving;
}

interface RouteOptions {
  /** Of main, beside those of its own lease and routers. */
  readonly further: readonly DesiredRoute[];
  readonly isLeading: boolean;
}

function routeOne(world: Inputs, one: Matched, { further, isLeading }: RouteOptions): Routed {
  const { candidate, policy, metric } = one;
  const isManaged = policy.manage === 'full';
  const fileName = nameNetworkFile(world.config.networkd.prefix, candidate.link.name);
  const inForce = world.networkd.links.find(({ linkIndex }) => linkIndex === candidate.link.index)?.networkFile ?? '';
  const isTakenUp = inForce.endsWith(`/${fileName}`);
  return {
    one,
    defaults: computeDefaults(world, one),
    operator: isManaged || policy.manage === 'rules' ? computeOperatorRoutes(world, one, metric) : noOperatorRoutes,
    isTakenUp,
    mainRoutes: isManaged ? [...computeMainRoutes(world, one, { metric, isTakenUp, isLeading }), ...further] : [],
  };
}

/** Of the ENI's own table. */
function computeDefaults(world: Inputs, one: Matched): DefaultRoutes {
  if (isRouted(one)) return computeDefaultRoutes(world, one, one.metric);
  return one.policy.vrf === null ? noDefaults : computeVrfRoutes(world, one, one.metric);
}

/**
 * The next ENI's default route before those of links without carrier, family by family: those
 * are not removed, so that they need not be added again when the carrier is back.
 */
function computeSubstitutes(
  surroundings: Surroundings,
  withDefault: readonly Matched[],
): ReadonlyMap<Matched, readonly DesiredRoute[]> {
  const dead = withDefault.filter(({ candidate }) => !candidate.link.hasCarrier).map(({ metric }) => metric);
  const substitutes = new Map<Matched, DesiredRoute[]>();
  if (dead.length === 0) return substitutes;
  const metric = Math.max(1, Math.min(...dead) - 1);
  const alive = withDefault.filter(mayLead).sort((left, right) => left.metric - right.metric);
  for (const family of [4, 6] as const) {
    const next = alive.find((one) => findGateway(surroundings, one, family) !== null);
    if (next === undefined || next.metric <= metric) continue;
    const way = { destination: defaultDestination[family], gateway: findGateway(surroundings, next, family) };
    const route = { table: mainTable, type: 'unicast', linkIndex: next.candidate.link.index, metric } as const;
    const substitute = { ...route, ...way, ...withMtuOutside(next) };
    substitutes.set(next, [...(substitutes.get(next) ?? []), substitute]);
  }
  return substitutes;
}
