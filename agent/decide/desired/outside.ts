/**
 * `mtuOutside`: a smaller MTU for what leaves the VPC. Every default route of the ENI has it, and
 * the blocks of its VPC get routes of their own by the same router, without it. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { InterfacePolicy } from '../../config/types.ts';
import type { DesiredEni, EniMetadata, Family, Link } from '../../model.ts';
import { type identifyRoute, identifyRouteMtu } from '../base/identity.ts';
import { leaseMetric } from '../base/numbers.ts';
import { computeMtu } from './link-settings.ts';
import { listSubnets } from './sources.ts';

/**
 * The MTU of the default routes; null: that of the link, which is no larger, or the VPC is not
 * known yet.
 */
export function computeMtuOutside(eni: EniMetadata, link: Link, policy: InterfacePolicy): number | null {
  const { manage, mtuOutside } = policy;
  const isRouted = manage === 'full' || manage === 'rules';
  if (mtuOutside === null || !isRouted || eni.vpcCidrs === undefined) return null;
  const inside = manage === 'full' ? computeMtu(eni, link, policy) : link.mtu;
  return mtuOutside < inside ? mtuOutside : null;
}

/** The blocks of its VPC that need a route: a subnet of the ENI has one. */
export function listInside(eni: EniMetadata, family: Family): readonly string[] {
  const subnets = listSubnets(eni);
  return (eni.vpcCidrs ?? []).filter((cidr) => familyOf(cidr) === family && !subnets.includes(cidr));
}

/** The default routes that networkd makes for an ENI, where they have an MTU of their own. */
export function listLeasedDefaults({ lease, linkIndex }: DesiredEni): Parameters<typeof identifyRoute>[0][] {
  if (lease === null || lease.mtu === null) return [];
  const { table, metric, address } = lease;
  return [
    { table, linkIndex, destination: defaultDestination[4], metric: leaseMetric(metric, address !== null) },
    { table, linkIndex, destination: defaultDestination[6], metric },
  ];
}

/** Ledger keys: which routes have an MTU by this program. */
export function listRouteMtus(eni: DesiredEni): string[] {
  const own = eni.routes.flatMap((route) => (route.mtu === undefined ? [] : [identifyRouteMtu(route, route.mtu)]));
  return [...own, ...listLeasedDefaults(eni).map((route) => identifyRouteMtu(route, eni.lease?.mtu ?? 0))];
}
