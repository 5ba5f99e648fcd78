/** The MTU of a route that goes the desired way. Pure. */

import type { Change, DesiredEni, Ledger, Route } from '../../model.ts';
import { identifyRouteMtu } from '../base/identity.ts';

/**
 * `mtu` null: that of the link. networkd 252 writes the MTU of a router advertisement into its
 * routes, and an operator may have one: only what this program has set is taken away again.
 */
export function correctMtu(
  { mac, linkName }: Pick<DesiredEni, 'mac' | 'linkName'>,
  route: Route,
  mtu: number | null,
  ledger: Ledger,
): Change[] {
  const before = route.mtu ?? null;
  // The kernel puts a route in the place of one with several next hops as a whole.
  if (before === mtu || route.isComplex) return [];
  if (mtu === null && before !== null && !(identifyRouteMtu(route, before) in ledger)) return [];
  const reason = `its MTU is ${before ?? 'that of the link'}`;
  return [{ mac, linkName, reason, kind: 'set-route-mtu', route, mtu }];
}
