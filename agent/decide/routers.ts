/**
 * IPv6 routers by link, remembered beyond their routes. networkd drops what router advertisements brought whenever it
 * configures a link anew and asks for them again up to a second later (sd_ndisc_start): until then the remembered router
 * carries the traffic. Pure.
 */

import type { KernelState } from '../model.ts';
import { ownProtocol } from './identity.ts';

export interface KnownRouter {
  readonly linkIndex: number;
  /** Link-local address. */
  readonly gateway: string;
  /** When its route was last seen, in ms on a clock that only goes forward. */
  readonly seenMs: number;
}

/** RTPROT_RA (linux/rtnetlink.h). */
export const routerAdvertisementProtocol = 9;
/** The lifetime that routers announce by default (RFC 4861, section 6.2.1: AdvDefaultLifetime). */
const trustedForMs = 1_800_000;

/**
 * Default routes of router advertisements, in any table, else our own by the link (where main is to have none, networkd makes
 * none at all), else what was known before; links that are gone are forgotten.
 */
export function rememberRouters(
  before: readonly KnownRouter[],
  kernel: KernelState,
  nowMs: number,
): readonly KnownRouter[] {
  const seen = new Map<number, KnownRouter>();
  for (const source of [ownProtocol, routerAdvertisementProtocol]) {
    for (const { linkIndex, destination, protocol, gateway } of kernel.routes) {
      if (destination !== '::/0' || protocol !== source || linkIndex === null || gateway === null) continue;
      seen.set(linkIndex, { linkIndex, gateway, seenMs: nowMs });
    }
  }
  const present = new Set(kernel.links.map(({ index }) => index));
  const kept = before.filter(
    ({ linkIndex, seenMs }) => !seen.has(linkIndex) && present.has(linkIndex) && nowMs - seenMs < trustedForMs,
  );
  return [...kept, ...seen.values()];
}
