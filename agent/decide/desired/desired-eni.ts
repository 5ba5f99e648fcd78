/** What should be for one ENI that is taken care of. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import type { DesiredEni, DesiredRoute, EniReport, EniState } from '../../model.ts';
import { mainTable } from '../base/numbers.ts';
import { listLeaving } from '../inputs/routers.ts';
import { computeNumbers, declareEni, renderEach } from './declaration.ts';
import {
  computeDefaultRoutes,
  computeMainRoutes,
  computeOperatorRoutes,
  type DefaultRoutes,
  noDefaults,
  noOperatorRoutes,
  type OperatorRoutes,
} from './eni-objects.ts';
import { describeState, findCollision } from './eni-state.ts';
import { findGateway, isDefaultWithdrawn } from './gateways.ts';
import { computeMtu } from './link-settings.ts';
import type { Matched } from './matched.ts';
import { keepsAddresses, nameNetworkFile } from './network-file.ts';
import { computeDetours, followMain } from './own-table.ts';
import { computeGroup, describeSituation, type Host, isRouted, listOtherDestinations } from './situation.ts';
import { computeAddressStandIns } from './stand-ins.ts';
import { isInPlace } from './vrf.ts';
import { isVrfOurs } from './whose-file.ts';
import type { World } from './world.ts';

export interface Standing {
  readonly report: EniReport;
  /** Null: what stands for it is left as it is. */
  readonly desired: DesiredEni | null;
}

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

/** `substitutes`: of `computeSubstitutes`. */
export function computeRoutes(
  world: World,
  one: Matched,
  substitutes: ReadonlyMap<Matched, readonly DesiredRoute[]>,
): Routed {
  const { eni, candidate, policy } = one;
  const { metric } = computeNumbers(eni, policy);
  const isManaged = policy.manage === 'full';
  const fileName = nameNetworkFile(world.config.networkd.prefix, candidate.link.name);
  const inForce = world.networkd.links.find(({ linkIndex }) => linkIndex === candidate.link.index)?.networkFile ?? '';
  const isTakenUp = inForce.endsWith(`/${fileName}`);
  return {
    one,
    defaults: isRouted(one) ? computeDefaultRoutes(world, one, metric) : noDefaults,
    operator: isManaged || policy.manage === 'rules' ? computeOperatorRoutes(world, one, metric) : noOperatorRoutes,
    isTakenUp,
    mainRoutes: isManaged
      ? [...computeMainRoutes(world, one, { metric, isTakenUp }), ...(substitutes.get(one) ?? [])]
      : [],
  };
}

export function decideEni(
  world: World,
  { one, defaults, operator, mainRoutes }: Routed,
  all: readonly Matched[],
  host: Host,
): Standing {
  const { eni, candidate, isPrimary, policy, tableId } = one;
  const { link } = candidate;
  const { metric } = computeNumbers(eni, policy);
  const report = (state: EniState): EniReport => ({
    mac: eni.mac,
    eni,
    linkIndex: link.index,
    linkName: link.name,
    isPrimary,
    state,
  });

  const collision = findCollision(one, all);
  if (collision !== null) return { report: report({ kind: 'degraded', reason: collision }), desired: null };

  const isManaged = policy.manage === 'full';
  const isSelecting = all.some((other) => other !== one && other.policy.select.length > 0);
  const situation = describeSituation(one, host);
  const declared = declareEni(eni, link, policy, JSON.stringify(situation), isSelecting);
  const group = computeGroup(one, world.foreignGroups);
  const standIns =
    isManaged && !keepsAddresses(world.networkd.version)
      ? computeAddressStandIns(world.kernel.addresses, link.index, eni.ipv6Addresses)
      : [];
  const isFollowing = isRouted(one) && policy.vrf === null;
  const hasDetours = isFollowing && isPrimary && policy.rules === 'standard';
  const inTable = [...declared.subnetRoutes, ...defaults.routes, ...operator.routes].filter(
    (route) => route.table === tableId,
  );
  const table = { routes: inTable, metric, hasDefault: !hasDetours };
  // Nobody asks a table of a family in which no rule leads there.
  const ruled = new Set(declared.rules.filter(({ table: id }) => id === tableId).map(({ family }) => family));
  const followed = isFollowing
    ? followMain(one, host.main, table, host.eniLinks).filter(({ destination }) => ruled.has(familyOf(destination)))
    : [];
  const detours = hasDetours
    ? computeDetours(one, listOtherDestinations(one, host), { ...table, routes: [...inTable, ...followed] })
    : [];
  // What other ENIs bring is left out: networkd's reload for one of them configures each link anew
  // whose files were written since (network_load compares their stat data), and packets are lost.
  const exceptions = new Set(situation.exceptions);
  const lasting =
    exceptions.size === 0
      ? declared
      : {
          ...declared,
          rules: declared.rules.filter(({ destination }) => destination === null || !exceptions.has(destination)),
        };
  const networkFiles = isManaged
    ? renderEach(
        eni,
        world.config.networkd.prefix,
        link,
        isPrimary,
        world.networkd.version,
        policy,
        lasting,
        operator.routes,
        policy.vrf !== null && isVrfOurs(world, policy.vrf, world.kernel.links),
        group,
      )
    : [];
  const withdrawnFamilies = ([4, 6] as const).filter((family) => isDefaultWithdrawn(world, one, family));
  const leavingRouters = listLeaving(world.routers, link.index);
  // Until the kernel has moved the link, every route is in the table of before: none is made, and
  // none removed.
  const takesRoutes = link.isUp && isInPlace(link, policy, world.kernel.links);
  return {
    report: report(describeState(world, one, defaults.unresolvedFamilies)),
    desired: {
      mac: eni.mac,
      eniId: eni.eniId,
      linkIndex: link.index,
      linkName: link.name,
      isPrimary,
      group,
      mtu: isManaged ? computeMtu(eni, link, policy) : null,
      vrf: policy.vrf,
      tableId,
      metric,
      networkFiles,
      addresses: declared.addresses,
      // A down link takes no routes: the kernel answers ENETDOWN. networkd raises it.
      routes: takesRoutes
        ? [
            ...[...declared.subnetRoutes, ...declared.localRoutes, ...standIns],
            ...[...defaults.routes, ...mainRoutes, ...operator.routes, ...followed, ...detours],
          ]
        : [],
      rules: declared.rules,
      altNames: declared.altNames,
      settings: declared.settings,
      lease: isInPlace(link, policy, world.kernel.links) ? declared.lease : null,
      unresolvedFamilies: takesRoutes ? [...defaults.unresolvedFamilies, ...operator.unresolvedFamilies] : [4, 6],
      ...(withdrawnFamilies.length === 0 ? {} : { withdrawnFamilies }),
      ...(leavingRouters.length === 0 ? {} : { leavingRouters }),
    },
  };
}

/**
 * The next ENI's default in front of those of links without carrier, family by family: nothing of
 * those is taken away, so that nothing has to be made again when the carrier is back.
 */
export function computeSubstitutes(
  world: World,
  all: readonly Matched[],
): ReadonlyMap<Matched, readonly DesiredRoute[]> {
  const leading = all.filter(
    ({ policy, isLeaving }) => policy.manage === 'full' && policy.defaultRoute && policy.vrf === null && !isLeaving,
  );
  const metricOf = ({ eni, policy }: Matched) => computeNumbers(eni, policy).metric;
  const dead = leading.filter(({ candidate }) => !candidate.link.hasCarrier).map(metricOf);
  const substitutes = new Map<Matched, DesiredRoute[]>();
  if (dead.length === 0) return substitutes;
  const metric = Math.max(1, Math.min(...dead) - 1);
  const alive = leading
    .filter(({ candidate }) => candidate.link.hasCarrier)
    .sort((left, right) => metricOf(left) - metricOf(right));
  for (const family of [4, 6] as const) {
    const next = alive.find((one) => findGateway(world, one, family) !== null);
    if (next === undefined || metricOf(next) <= metric) continue;
    const way = { destination: everywhere[family], gateway: findGateway(world, next, family) };
    const route = { table: mainTable, type: 'unicast', linkIndex: next.candidate.link.index, metric } as const;
    substitutes.set(next, [...(substitutes.get(next) ?? []), { ...route, ...way }]);
  }
  return substitutes;
}

const everywhere = { 4: '0.0.0.0/0', 6: '::/0' } as const;
