/** The desired state of one ENI that this program manages. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import type { DesiredEni, EniReport, EniState } from '../../model.ts';
import { computeEniNumber } from '../base/numbers.ts';
import { listLeaving } from '../inputs/routers.ts';
import { declareEni, renderEach } from './declaration.ts';
import type { Routed } from './eni-routes.ts';
import { describeState } from './eni-state.ts';
import { isDefaultWithdrawn } from './gateways.ts';
import { computeMtu } from './link-settings.ts';
import { keepsAddresses } from './network-file.ts';
import { computeMtuOutside } from './outside.ts';
import { computeDetours, followMain } from './own-table.ts';
import { computeReplies } from './reply-rules.ts';
import type { ReplyEni } from './reply-table.ts';
import { computeGroup, describeSituation, type Host, isRouted, listOtherDestinations } from './situation.ts';
import { computeAddressStandIns } from './stand-ins.ts';
import { isInPlace } from './vrf.ts';
import { isVrfOurs } from './whose-file.ts';
import { declarationWithoutIpv6 } from './without-ipv6.ts';
import type { World } from './world.ts';

type Inputs = Omit<World, 'snapshot' | 'departed' | 'isSilent' | 'failures'>;

export interface Standing {
  readonly report: EniReport;
  /** Null: its objects are not changed. */
  readonly desired: DesiredEni | null;
  /** Null: no reply is marked for it. */
  readonly reply: ReplyEni | null;
}

export function decideEni(world: Inputs, { one, defaults, operator, mainRoutes }: Routed, host: Host): Standing {
  const { eni, candidate, isPrimary, policy, tableId, metric } = one;
  const { link } = candidate;
  const report = (state: EniState): EniReport => ({
    mac: eni.mac,
    eni,
    linkIndex: link.index,
    linkName: link.name,
    isPrimary,
    state,
  });

  if (one.collision !== null)
    return { report: report({ kind: 'degraded', reason: one.collision }), desired: null, reply: null };

  const isManaged = policy.manage === 'full';
  const isSelecting = host.selecting.some((mac) => mac !== eni.mac);
  const situation = describeSituation(one, host);
  const kernelHasIpv6 = world.kernel.lacksIpv6 !== true;
  const whole = declareEni(eni, { link, policy, situation: JSON.stringify(situation), isSelecting });
  const declared = kernelHasIpv6 ? whole : declarationWithoutIpv6(whole);
  const number = host.replyNumbers.get(eni.mac) ?? null;
  const replies = computeReplies(eni, {
    ...{ policy, tableId, number, rules: declared.rules, situation: JSON.stringify(situation) },
    eniNumber: computeEniNumber(eni),
    families: world.replyFamilies,
  });
  const group = computeGroup(one, world.foreignGroups);
  const standIns =
    isManaged && !keepsAddresses(world.networkd.version)
      ? computeAddressStandIns(world.kernel.addresses, policy.vrf === null ? declared.addresses : [], {
          linkIndex: link.index,
          ipv6Addresses: eni.ipv6Addresses,
        })
      : [];
  const isFollowing = isRouted(one) && policy.vrf === null;
  const hasDetours = isFollowing && isPrimary && policy.rules === 'standard';
  const inTable = [...declared.subnetRoutes, ...defaults.routes, ...defaults.inside, ...operator.routes].filter(
    (route) => route.table === tableId,
  );
  const table = { routes: inTable, metric, hasDefault: !hasDetours };
  // A table is not used for a family in which no rule leads to it.
  const ruled = new Set(declared.rules.filter(({ table: id }) => id === tableId).map(({ family }) => family));
  const followed = isFollowing
    ? followMain(one, host.main, table, host.eniLinks).filter(({ destination }) => ruled.has(familyOf(destination)))
    : [];
  const detours = hasDetours
    ? computeDetours(one, listOtherDestinations(one, host), { ...table, routes: [...inTable, ...followed] })
    : [];
  // What depends on other ENIs is left out: networkd's reload for one of them reconfigures each
  // link whose files were written since (network_load compares their stat data), and packets are
  // lost.
  const exceptions = new Set(situation.exceptions);
  const lasting =
    exceptions.size === 0
      ? declared
      : {
          ...declared,
          rules: declared.rules.filter(({ destination }) => destination === null || !exceptions.has(destination)),
        };
  const networkFiles = isManaged
    ? renderEach(eni, {
        ...{ link, isPrimary, policy, group, kernelHasIpv6 },
        prefix: world.config.networkd.prefix,
        networkdVersion: world.networkd.version,
        declared: lasting,
        insideRoutes: defaults.inside,
        operatorRoutes: operator.routes,
        makesVrf: policy.vrf !== null && isVrfOurs(world, policy.vrf, world.kernel.links),
      })
    : [];
  const withdrawnFamilies = ([4, 6] as const).filter((family) => isDefaultWithdrawn(world, one, family));
  const leavingRouters = listLeaving(world.routers, link.index);
  // Until the kernel has moved the link, its routes are in the previous table: none is added or
  // removed.
  const takesRoutes = link.isUp && isInPlace(link, policy, world.kernel.links);
  const ofPossible = <Item>(items: readonly Item[], read: (item: Item) => string) =>
    link.isIpv6Off === true ? items.filter((item) => familyOf(read(item)) === 4) : items;
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
      mtuOutside: computeMtuOutside(eni, link, policy),
      vrf: policy.vrf,
      tableId,
      metric,
      networkFiles,
      // The kernel refuses them; once it takes IPv6 again, a link-local address tells.
      addresses: ofPossible(declared.addresses, ({ address }) => address),
      // A down link takes no routes: the kernel answers ENETDOWN. networkd raises it.
      routes: takesRoutes
        ? ofPossible(
            [
              ...[...declared.subnetRoutes, ...declared.localRoutes, ...standIns],
              ...[...defaults.routes, ...defaults.inside, ...mainRoutes],
              ...[...operator.routes, ...followed, ...detours],
            ],
            ({ destination }) => destination,
          )
        : [],
      rules: replies.rules,
      altNames: declared.altNames,
      settings: declared.settings,
      lease: isInPlace(link, policy, world.kernel.links) ? declared.lease : null,
      unresolvedFamilies: takesRoutes ? [...defaults.unresolvedFamilies, ...operator.unresolvedFamilies] : [4, 6],
      ...(withdrawnFamilies.length === 0 ? {} : { withdrawnFamilies }),
      ...(leavingRouters.length === 0 ? {} : { leavingRouters }),
    },
    reply: number === null ? null : { tableId, number, sources: replies.sources },
  };
}
