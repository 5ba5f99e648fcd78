/**
 * IPv6 routers by link, remembered beyond their routes. networkd drops what router advertisements
 * brought whenever it configures a link again and asks for them up to a second later
 * (sd_ndisc_start): until then the remembered router carries the traffic. But a router that the
 * network itself withdraws is gone: one that announces it, whose lifetime ends, or that another
 * router has replaced. Pure.
 */

import { defaultDestination } from '../../../lib/ip/default-route.ts';
import { type KernelState, type LostRouter, type NetworkdState, ownProtocol, type Route } from '../../model.ts';
import { RTPROT_RA } from '../base/kernel-numbers.ts';

export interface KnownRouter {
  readonly linkIndex: number;
  /** Link-local address. */
  readonly gateway: string;
  /** When its route was last seen, in ms on a monotonic clock. */
  readonly seenMs: number;
  /** When its route appeared. Of several routers of a link the latest one is used. */
  readonly sinceMs: number;
  /** It advertises itself in addition to a later one: it came back after its route was removed. */
  readonly isLasting?: true;
  /** Its route is gone, so that its return can be noticed. */
  readonly isMissing?: true;
  /** The network has withdrawn it. */
  readonly isWithdrawn?: true;
  /** Losses of its route up to then were caused by networkd configuring the link. */
  readonly excusedMs?: number;
}

export interface RouterNews {
  readonly lost: readonly LostRouter[];
  readonly networkd: NetworkdState;
}

/** The lifetime that routers announce by default (RFC 4861, section 6.2.1: AdvDefaultLifetime). */
const trustedForMs = 1_800_000;
/**
 * networkd announces on the bus that it configures a link only after it has dropped the routes: a
 * few ms, more on a busy machine.
 */
const withdrawnAfterMs = 2_000;
/** The loss and the announcement arrive by two sockets, in any order. */
const unrestMs = 500;

const noNews: RouterNews = { lost: [], networkd: { kind: 'unknown', version: null, links: [] } };

/**
 * Default routes of router advertisements, in any table, and what was known before; links that are
 * gone are forgotten. For a link without a known router, our own routes are used (if main should
 * have no default route, networkd makes none at all).
 */
export function rememberRouters(
  before: readonly KnownRouter[],
  kernel: KernelState,
  nowMs: number,
  news: RouterNews = noNews,
): readonly KnownRouter[] {
  const seen = listAdvertised(kernel.routes);
  const present = new Set(kernel.links.map(({ index }) => index));
  const known = new Map<string, KnownRouter>();
  for (const router of before) {
    if (!present.has(router.linkIndex)) continue;
    const key = identify(router);
    if (seen.has(key)) known.set(key, renew(router, before, nowMs));
    else if (nowMs - router.seenMs < trustedForMs) known.set(key, judgeMissing(router, kernel, news, nowMs));
  }
  const isKnownLink = (linkIndex: number) => [...known.values()].some((router) => router.linkIndex === linkIndex);
  for (const [key, way] of seen) if (!known.has(key)) known.set(key, { ...way, seenMs: nowMs, sinceMs: nowMs });
  for (const { linkIndex, destination, protocol, gateway } of kernel.routes) {
    if (destination !== defaultDestination[6] || protocol !== ownProtocol || linkIndex === null || gateway === null)
      continue;
    const way = { linkIndex, gateway };
    if (!isKnownLink(linkIndex)) known.set(identify(way), { ...way, seenMs: nowMs, sinceMs: nowMs });
  }
  return [...known.values()];
}

interface Way {
  readonly linkIndex: number;
  readonly gateway: string;
}

function identify({ linkIndex, gateway }: Way): string {
  return `${linkIndex} ${gateway}`;
}

function listAdvertised(routes: readonly Route[]): ReadonlyMap<string, Way> {
  const ways = new Map<string, Way>();
  for (const route of routes) {
    if (route.destination !== defaultDestination[6] || route.protocol !== RTPROT_RA) continue;
    for (const { linkIndex, gateway } of route.paths ?? [route]) {
      if (linkIndex === null || gateway === null) continue;
      ways.set(identify({ linkIndex, gateway }), { linkIndex, gateway });
    }
  }
  return ways;
}

function renew(router: KnownRouter, all: readonly KnownRouter[], nowMs: number): KnownRouter {
  const { isMissing, isWithdrawn, excusedMs: _excusedMs, ...rest } = router;
  if (isWithdrawn) return { ...rest, seenMs: nowMs, sinceMs: nowMs };
  return { ...rest, seenMs: nowMs, ...(isMissing && isReplaced(router, all) ? { isLasting: true } : {}) };
}

/** Withdrawn if networkd removed the route and did not configure the link meanwhile. */
function judgeMissing(router: KnownRouter, kernel: KernelState, news: RouterNews, nowMs: number): KnownRouter {
  if (router.isWithdrawn) return router;
  const missing: KnownRouter = { ...router, isMissing: true };
  const lost = findLoss(router, news);
  if (lost === undefined) return missing;
  if (isAtWork(lost, kernel, news.networkd)) return { ...missing, excusedMs: lost.lostMs };
  return nowMs - lost.lostMs < withdrawnAfterMs ? missing : { ...missing, isWithdrawn: true };
}

function findLoss(router: KnownRouter, { lost }: RouterNews): LostRouter | undefined {
  return lost.find(
    (one) =>
      one.linkIndex === router.linkIndex && one.gateway === router.gateway && one.lostMs > (router.excusedMs ?? 0),
  );
}

/**
 * Whether networkd is configuring the link and will restore its routes, or the link cannot carry
 * them.
 */
function isAtWork({ linkIndex, lostMs }: LostRouter, { links }: KernelState, networkd: NetworkdState): boolean {
  const link = links.find(({ index }) => index === linkIndex);
  const told = networkd.links.find((one) => one.linkIndex === linkIndex);
  if (link === undefined || !link.isUp || !link.hasCarrier) return true;
  if (networkd.kind !== 'present' || told === undefined) return true;
  return told.unsettledMs !== undefined && told.unsettledMs >= lostMs - unrestMs;
}

/** When a router that is missing now may count as withdrawn; null: no router is missing. */
export function whenWithdrawn(routers: readonly KnownRouter[], news: RouterNews): number | null {
  const due = routers
    .filter(({ isMissing, isWithdrawn }) => isMissing && !isWithdrawn)
    .flatMap((router) => findLoss(router, news) ?? [])
    .map(({ lostMs }) => lostMs + withdrawnAfterMs);
  return due.length === 0 ? null : Math.min(...due);
}

/** The router of a link to use; null: none is known, or the network has withdrawn them all. */
export function findRouter(routers: readonly KnownRouter[], linkIndex: number): string | null {
  const [first, ...others] = routers.filter((router) => router.linkIndex === linkIndex && !router.isWithdrawn);
  if (first === undefined) return null;
  return others.reduce((best, router) => (router.sinceMs >= best.sinceMs ? router : best), first).gateway;
}

/** Whether a link had routers, and the network has withdrawn every one. */
export function isWithdrawn(routers: readonly KnownRouter[], linkIndex: number): boolean {
  const ofLink = routers.filter((router) => router.linkIndex === linkIndex);
  return ofLink.length > 0 && ofLink.every((router) => router.isWithdrawn === true);
}

/**
 * Routers of a link whose routes should be removed: withdrawn ones, and those that another router
 * has replaced. networkd keeps the routes of the latter until their lifetimes end, up to
 * hours, and the kernel sends each flow by one of the two whether it answers or not (measured on
 * 252). A router that is still alive comes back with its next advertisement, and stays then.
 */
export function listLeaving(routers: readonly KnownRouter[], linkIndex: number): string[] {
  return routers
    .filter((router) => router.linkIndex === linkIndex && (router.isWithdrawn || isReplaced(router, routers)))
    .map(({ gateway }) => gateway);
}

function isReplaced({ linkIndex, sinceMs, isLasting }: KnownRouter, all: readonly KnownRouter[]): boolean {
  if (isLasting) return false;
  return all.some((other) => other.linkIndex === linkIndex && !other.isWithdrawn && other.sinceMs > sinceMs);
}
