/** What should be for one ENI that is taken care of. Pure. */

import type { DesiredEni, DesiredRoute, EniReport, EniState } from '../model.ts';
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
import { isDefaultWithdrawn } from './gateways.ts';
import type { Matched } from './matched.ts';
import { keepsAddresses, nameNetworkFile } from './network-file.ts';
import { computeDetours, followMain } from './own-table.ts';
import { listLeaving } from './routers.ts';
import {
  computeGroup,
  describeSituation,
  type Host,
  isRouted,
  listOtherDestinations,
  listOtherSubnets,
} from './situation.ts';
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
  /** Whether its default is to be in main. */
  readonly hasDefault: boolean;
  /** Of main, or of the table of its VRF. */
  readonly mainRoutes: readonly DesiredRoute[];
}

/** `all`: every ENI that is taken care of. */
export function computeRoutes(world: World, one: Matched, all: readonly Matched[]): Routed {
  const { eni, candidate, policy } = one;
  const { metric } = computeNumbers(eni, policy);
  const isManaged = policy.manage === 'full';
  const hasDefault = policy.defaultRoute && !isReplaced(one, all);
  const fileName = nameNetworkFile(world.config.networkd.prefix, candidate.link.name);
  const inForce = world.networkd.links.find(({ linkIndex }) => linkIndex === candidate.link.index)?.networkFile ?? '';
  const isTakenUp = inForce.endsWith(`/${fileName}`);
  return {
    one,
    defaults: isRouted(one) ? computeDefaultRoutes(world, one, metric) : noDefaults,
    operator: isManaged || policy.manage === 'rules' ? computeOperatorRoutes(world, one, metric) : noOperatorRoutes,
    hasDefault,
    mainRoutes: isManaged ? computeMainRoutes(world, one, { metric, isTakenUp, hasDefault }) : [],
  };
}

export function decideEni(
  world: World,
  { one, defaults, operator, hasDefault, mainRoutes }: Routed,
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
  const eniLinks = new Set(host.peers.map(({ linkIndex }) => linkIndex));
  const followed = isFollowing ? followMain(one, host.main, table, eniLinks) : [];
  const detours = hasDetours
    ? computeDetours(one, listOtherDestinations(one, host), { ...table, routes: [...inTable, ...followed] })
    : [];
  const otherSubnets = listOtherSubnets(one, host.peers);
  const declaredDetours = detours.filter(({ destination }) => otherSubnets.has(destination));
  const networkFiles = isManaged
    ? renderEach(
        eni,
        world.config.networkd.prefix,
        link,
        isPrimary,
        world.networkd.version,
        policy,
        declared,
        declaredDetours.length === 0 ? operator.routes : [...operator.routes, ...declaredDetours],
        policy.vrf !== null && isVrfOurs(world, policy.vrf, world.kernel.links),
        group,
      )
    : [];
  const withdrawnFamilies = ([4, 6] as const).filter((family) => isDefaultWithdrawn(world, one, family));
  const leavingRouters = listLeaving(world.routers, link.index);
  // Until the kernel has moved the link, every route is in the table of before: none is made, and none removed.
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
      lease:
        isInPlace(link, policy, world.kernel.links) && declared.lease !== null
          ? { ...declared.lease, hasDefaultRoute: hasDefault }
          : null,
      unresolvedFamilies: takesRoutes ? [...defaults.unresolvedFamilies, ...operator.unresolvedFamilies] : [4, 6],
      ...(withdrawnFamilies.length === 0 ? {} : { withdrawnFamilies }),
      ...(leavingRouters.length === 0 ? {} : { leavingRouters }),
    },
  };
}

/** Whether its default gives way in main: the link has no carrier, and another ENI's has one and a default. */
function isReplaced(one: Matched, all: readonly Matched[]): boolean {
  if (one.candidate.link.hasCarrier) return false;
  return all.some(
    ({ candidate, policy }) =>
      candidate.link.hasCarrier && policy.manage === 'full' && policy.defaultRoute && policy.vrf === null,
  );
}
