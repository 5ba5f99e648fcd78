/**
 * IPv6 routers by link, remembered beyond their routes. networkd drops what router advertisements
 * brought whenever it configures a link again and asks for them up to a second later
 * (sd_ndisc_start): until then the remembered router carries the traffic. But what the network
 * itself withdraws is gone: a router that says so or whose lifetime ends, and one that another
 * router has taken the place of. Pure.
 */

import type { KernelState, LostRouter, NetworkdState, Route } from '../../model.ts';
import { ownProtocol } from '../base/identity.ts';
import { RTPROT_RA } from '../base/kernel-numbers.ts';

export interface KnownRouter {
  readonly linkIndex: number;
  /** Link-local address. */
  readonly gateway: string;
  /** When its route was last seen, in ms on a clock that only goes forward. */
  readonly seenMs: number;
  /** When its route came. Of several routers of a link the last one that came is followed. */
  readonly sinceMs: number;
  /** It advertises itself beside a younger one, as it came back after its route was removed. */
  readonly isLasting?: true;
  /** Its route went, so that it can be seen to come back. */
  readonly isMissing?: true;
  /** The network has withdrawn it. */
  readonly isWithdrawn?: true;
  /** Losses of its route up to then are networkd's work on the link. */
  readonly excusedMs?: number;
}

export interface RouterNews {
  readonly lost: readonly LostRouter[];
  readonly networkd: NetworkdState;
}

/** The lifetime that routers announce by default (RFC 4861, section 6.2.1: AdvDefaultLifetime). */
const trustedForMs = 1_800_000;
/**
 * networkd tells on the bus that it configures a link after it has dropped the routes: a few ms,
 * more on a busy machine.
 */
const withdrawnAfterMs = 2_000;
/** It is told by two ways, which may come in any order. */
const unrestMs = 500;

const noNews: RouterNews = { lost: [], networkd: { kind: 'unknown', version: null, links: [] } };

/**
 * Default routes of router advertisements, in any table, and what was known before; links that are
 * gone are forgotten. Of a link that nothing is known of, our own routes tell (where main is to
 * have none, networkd makes none at all).
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
    if (destination !== '::/0' || protocol !== ownProtocol || linkIndex === null || gateway === null) continue;
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
    if (route.destination !== '::/0' || route.protocol !== RTPROT_RA) continue;
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

/** Withdrawn where networkd removed the route and did not configure the link meanwhile. */
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
 * Whether what networkd drops from the link comes back by its own doing, or the link cannot carry
 * it.
 */
function isAtWork({ linkIndex, lostMs }: LostRouter, { links }: KernelState, networkd: NetworkdState): boolean {
  const link = links.find(({ index }) => index === linkIndex);
  const told = networkd.links.find((one) => one.linkIndex === linkIndex);
  if (link === undefined || !link.isUp || !link.hasCarrier) return true;
  if (networkd.kind !== 'present' || told === undefined) return true;
  return told.unsettledMs !== undefined && told.unsettledMs >= lostMs - unrestMs;
}

/** When a router that is missing now may be withdrawn; null: none is in question. */
export function whenWithdrawn(routers: readonly KnownRouter[], news: RouterNews): number | null {
  const due = routers
    .filter(({ isMissing, isWithdrawn }) => isMissing && !isWithdrawn)
    .flatMap((router) => findLoss(router, news) ?? [])
    .map(({ lostMs }) => lostMs + withdrawnAfterMs);
  return due.length === 0 ? null : Math.min(...due);
}

/** The router of a link to go by; null: none is known, or the network has withdrawn them all. */
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
 * Routers of a link whose routes are to go: withdrawn ones, and those in whose place another one
 * advertises itself. networkd keeps the routes of the latter until their lifetimes end, up to
 * hours, and the kernel sends each flow by one of the two whether it answers or not (measured on
 * 252). One that lives comes back with its next advertisement, and stays then.
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
