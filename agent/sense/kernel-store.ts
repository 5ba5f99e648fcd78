/**
 * The mirror's records and what an event does to them: pure, no sockets. It also knows changes that
 * the kernel does not announce: routes that vanish without RTM_DELROUTE. Kinds of object whose
 * changes it cannot compute it returns as suspects, to be dumped again; it never guesses, so the
 * mirror stays true.
 */

import { RT_SCOPE_LINK } from '../../lib/rtnetlink/constants.ts';
import type { Address, Link, Route, RtnetlinkEvent, Rule } from '../../lib/rtnetlink/types.ts';

export type KernelKind = 'link' | 'address' | 'route' | 'rule';

interface Records {
  readonly link: Link;
  readonly address: Address;
  readonly route: Route;
  readonly rule: Rule;
}

/** A fresh dump; a kind that is left out was not dumped. */
export type KernelDump = { readonly [K in KernelKind]?: readonly Records[K][] };

/** The effect of an event. */
export interface Effects {
  /** Kinds that changed. */
  readonly changed: Set<KernelKind>;
  /**
   * Indexes of the links whose records or link-local addresses changed; null: something else
   * changed, which may concern any link.
   */
  readonly links: Set<number | null>;
  /** Kinds that may be out of date now. */
  readonly suspects: Set<KernelKind>;
}

export function noEffects(): Effects {
  return { changed: new Set(), links: new Set(), suspects: new Set() };
}

const linkOf: { readonly [K in KernelKind]: (record: Records[K]) => number | null } = {
  link: ({ index }) => index,
  // IPv4 allows any scope for any address.
  address: ({ family, scope, linkIndex }) => (family === 6 && scope === RT_SCOPE_LINK ? linkIndex : null),
  route: () => null,
  rule: () => null,
};

function noteChange(effects: Effects, kind: KernelKind, linkIndex: number | null): void {
  effects.changed.add(kind);
  effects.links.add(linkIndex);
}

const identify: { readonly [K in KernelKind]: (record: Records[K]) => string } = {
  link: (link) => String(link.index),
  address: (address) => `${address.linkIndex} ${address.address}/${address.prefixLength}`,
  route: (route) =>
    [
      ...[slotOf(route), route.type, route.scope, route.protocol, route.gateway, route.linkIndex],
      ...[route.nextHopId, route.isComplex],
      // Of IPv4 a slot has the same route once for each MTU (fib_find_info compares fib_metrics).
      route.family === 4 ? route.mtu : undefined,
    ].join(' '),
  rule: (rule) =>
    [
      ...[rule.family, rule.priority, rule.source, rule.destination, rule.inputInterface, rule.outputInterface],
      ...[rule.mark?.value, rule.mark?.mask, rule.users?.first, rule.users?.last],
      ...[rule.action, rule.table, rule.suppressPrefixLength, rule.suppressGroup, rule.protocol, rule.isComplex],
    ].join(' '),
};

/**
 * Whether a route can change without an event of its own: one of several next hops goes, or the
 * next hop object does (of IPv4 routes silently: __remove_nexthop_fib).
 */
function isHidden(route: Route): boolean {
  return route.isComplex || (route.family === 4 && route.nextHopId !== null);
}

/** Where a route can replace another one (fib_table_insert, fib6_add_rt2node). */
function slotOf(route: Route): string {
  return `${route.family} ${route.table} ${route.destination} ${route.metric}`;
}

/** A renewed lease is no change: only whether the lifetime is limited counts. */
function isSame(left: object, right: object): boolean {
  return JSON.stringify(left, comparable) === JSON.stringify(right, comparable);
}

function comparable(key: string, value: unknown): unknown {
  return key === 'validLifetime' ? value !== null : value;
}

export class KernelStore {
  #link = new Map<string, Link>();
  #address = new Map<string, Address>();
  #route = new Map<string, Route>();
  /** Keys of `#route` by slot; only read by `#siblingsOf`, so keys of removed routes do no harm. */
  #slots = new Map<string, Set<string>>();
  #rule = new Map<string, Rule>();

  links(): Link[] {
    return [...this.#link.values()];
  }

  addresses(): Address[] {
    return [...this.#address.values()];
  }

  routes(): Route[] {
    return [...this.#route.values()];
  }

  /** In the kernel's order: by family and priority, then by age. */
  rules(): Rule[] {
    return [...this.#rule.values()].sort((left, right) => left.family - right.family || left.priority - right.priority);
  }

  /** Forgets routes that are no longer wanted. */
  retainRoutes(isWanted: (route: Route) => boolean, effects: Effects): void {
    for (const [key, route] of this.#route) {
      if (isWanted(route)) continue;
      this.#route.delete(key);
      noteChange(effects, 'route', null);
    }
  }

  /** Stores a dump and replays the events since it began; only net differences count as changed. */
  load(dump: KernelDump, replay: readonly RtnetlinkEvent[], effects: Effects): void {
    const fresh = new KernelStore();
    fresh.#link = indexed('link', dump.link);
    fresh.#address = indexed('address', dump.address);
    fresh.#setRoutes(indexed('route', dump.route));
    fresh.#rule = indexed('rule', dump.rule);
    // Suspicions were raised when the events first arrived.
    for (const event of replay) fresh.apply(event, noEffects());
    if (dump.link !== undefined) this.#link = swapped('link', this.#link, fresh.#link, effects);
    if (dump.address !== undefined) this.#address = swapped('address', this.#address, fresh.#address, effects);
    if (dump.route !== undefined) this.#setRoutes(swapped('route', this.#route, fresh.#route, effects));
    if (dump.rule !== undefined) this.#rule = swapped('rule', this.#rule, fresh.#rule, effects);
  }

  /** Applies one event. Applying it twice, or to a state that already has it, is no error. */
  apply(event: RtnetlinkEvent, effects: Effects): void {
    const isNew = event.change === 'new';
    switch (event.kind) {
      case 'link':
        if (isNew) this.#putLink(event.link, effects);
        else this.#dropLink(event.link, effects);
        break;
      case 'setting':
        this.#putSetting(event.setting, effects);
        break;
      case 'address':
        this.#doubtIpv6(event.address, isNew, effects);
        if (isNew) put('address', this.#address, event.address, effects);
        else this.#dropAddress(event.address, effects);
        break;
      case 'route':
        if (isNew) this.#putRoute(event.route, event.isReplacement, effects);
        else this.#dropRoute(event.route, effects);
        break;
      case 'rule':
        // Two complex rules can differ in fields that the record does not have.
        if (event.rule.isComplex) effects.suspects.add('rule');
        if (isNew) put('rule', this.#rule, event.rule, effects);
        else drop('rule', this.#rule, event.rule, effects);
        break;
    }
  }

  #putLink(link: Link, effects: Effects): void {
    const before = this.#link.get(identify.link(link));
    put('link', this.#link, link, effects);
    // A link that goes down loses its IPv4 routes silently (fib_sync_down_dev; IPv6 too with
    // skip_notify_on_dev_down). Asked of the state, not of the transition: a replayed event has
    // none.
    if (!link.isUp && this.#hasRoute((route) => route.linkIndex === link.index || isHidden(route))) {
      effects.suspects.add('route');
    }
    // rtnetlink announces an MTU before IPv6 brings the link up again for it (both hear
    // NETDEV_CHANGEMTU, addrconf_notify later).
    if (link.isIpv6Off === true && before !== undefined && before.mtu !== link.mtu) effects.suspects.add('link');
    // Entering or leaving a VRF moves connected routes to another table and cycles IPv6 addresses
    // (cycle_netdev).
    if (before === undefined || before.masterIndex === link.masterIndex) return;
    if (this.#canBeVrf(before.masterIndex) || this.#canBeVrf(link.masterIndex)) {
      effects.suspects.add('route').add('address');
    }
  }

  /** A link that is not known, or no longer known, may be one. */
  #canBeVrf(index: number | null): boolean {
    const link = this.#link.get(String(index));
    return index !== null && (link === undefined || link.kind === 'vrf');
  }

  /** For a link that is not known yet, its own event reports it. */
  #putSetting(
    { linkIndex, reversePathFilter }: Extract<RtnetlinkEvent, { kind: 'setting' }>['setting'],
    effects: Effects,
  ): void {
    for (const link of this.#link.values()) {
      if (link.index !== linkIndex || link.settings === undefined) continue;
      put('link', this.#link, { ...link, settings: { ...link.settings, rp_filter: reversePathFilter } }, effects);
    }
  }

  /**
   * net.ipv6.conf.<link>.disable_ipv6 changes without an event of its own: its link-local address
   * goes and comes with it, while the link stays up (addrconf_ifdown, addrconf_dev_config).
   */
  #doubtIpv6({ family, scope, linkIndex }: Address, isNew: boolean, effects: Effects): void {
    if (family !== 6) return;
    const link = this.#link.get(String(linkIndex));
    const isToldOtherwise = isNew ? link?.isIpv6Off === true : link?.isUp === true && link.isIpv6Off !== true;
    if (isToldOtherwise && (isNew || scope === RT_SCOPE_LINK)) effects.suspects.add('link');
  }

  /**
   * The kernel sends no RTM_DELROUTE for IPv4 routes of a link that is removed (fib_disable_ip).
   */
  #dropLink(link: Link, effects: Effects): void {
    drop('link', this.#link, link, effects);
    for (const address of this.#address.values()) {
      if (address.linkIndex === link.index) this.#dropAddress(address, effects);
    }
    for (const [key, route] of this.#route) {
      if (isHidden(route)) effects.suspects.add('route');
      if (route.linkIndex !== link.index) continue;
      this.#route.delete(key);
      noteChange(effects, 'route', null);
    }
  }

  /**
   * Routes with the address as preferred source are removed (IPv4: fib_sync_down_addr, silent
   * before 6.7) or lose it (IPv6: fib6_remove_prefsrc, always silent); with the last IPv4 address
   * all IPv4 routes of the link are removed (fib_disable_ip).
   */
  #dropAddress(address: Address, effects: Effects): void {
    drop('address', this.#address, address, effects);
    const isLast =
      address.family === 4 &&
      !this.addresses().some((other) => other.family === 4 && other.linkIndex === address.linkIndex);
    const isSuspect = (route: Route) =>
      route.preferredSource === address.address ||
      (route.family === 4 && isLast && (route.linkIndex === address.linkIndex || isHidden(route)));
    if (this.#hasRoute(isSuspect)) effects.suspects.add('route');
  }

  #putRoute(route: Route, isReplacement: boolean, effects: Effects): void {
    const siblings = this.#siblingsOf(route);
    if (isReplacement && siblings.length === 1) {
      for (const sibling of siblings) drop('route', this.#route, sibling, effects);
    } else if (isReplacement && siblings.length > 1) {
      // The first route of the slot was removed; which one that was cannot be determined.
      effects.suspects.add('route');
    } else if (route.family === 6 && siblings.length > 0) {
      // IPv6 merges routes of a slot into one multipath route (rt6_qualify_for_ecmp).
      effects.suspects.add('route');
    }
    if (isHidden(route)) effects.suspects.add('route');
    put('route', this.#route, route, effects);
    this.#noteSlot(identify.route(route), route);
  }

  #dropRoute(route: Route, effects: Effects): void {
    // One path of an IPv6 multipath route is announced as a route of its own.
    if (this.#siblingsOf(route).some(isHidden) || isHidden(route)) effects.suspects.add('route');
    drop('route', this.#route, route, effects);
    if (this.#siblingsOf(route).length === 0) this.#slots.delete(slotOf(route));
  }

  #setRoutes(routes: Map<string, Route>): void {
    this.#route = routes;
    this.#slots = new Map();
    for (const [key, route] of routes) this.#noteSlot(key, route);
  }

  #noteSlot(key: string, route: Route): void {
    const slot = slotOf(route);
    const keys = this.#slots.get(slot);
    if (keys === undefined) this.#slots.set(slot, new Set([key]));
    else keys.add(key);
  }

  /** The other routes of its slot. */
  #siblingsOf(route: Route): Route[] {
    const slot = slotOf(route);
    const own = identify.route(route);
    const siblings: Route[] = [];
    for (const key of this.#slots.get(slot) ?? []) {
      const sibling = this.#route.get(key);
      if (sibling === undefined) this.#slots.get(slot)?.delete(key);
      else if (key !== own) siblings.push(sibling);
    }
    return siblings;
  }

  #hasRoute(isWanted: (route: Route) => boolean): boolean {
    for (const route of this.#route.values()) if (isWanted(route)) return true;
    return false;
  }
}

function put<K extends KernelKind>(kind: K, map: Map<string, Records[K]>, record: Records[K], effects: Effects): void {
  const key = identify[kind](record);
  const before = map.get(key);
  map.set(key, record);
  if (before === undefined || !isSame(before, record)) noteChange(effects, kind, linkOf[kind](record));
}

function drop<K extends KernelKind>(kind: K, map: Map<string, Records[K]>, record: Records[K], effects: Effects): void {
  if (map.delete(identify[kind](record))) noteChange(effects, kind, linkOf[kind](record));
}

/** Complex records can look alike; each is kept, so that their number is correct. */
function indexed<K extends KernelKind>(kind: K, records: readonly Records[K][] = []): Map<string, Records[K]> {
  const map = new Map<string, Records[K]>();
  for (const record of records) {
    let key = identify[kind](record);
    while (map.has(key)) key += '#';
    map.set(key, record);
  }
  return map;
}

function swapped<K extends KernelKind>(
  kind: K,
  before: ReadonlyMap<string, Records[K]>,
  after: Map<string, Records[K]>,
  effects: Effects,
): Map<string, Records[K]> {
  for (const [key, record] of after) {
    const old = before.get(key);
    if (old === undefined || !isSame(old, record)) noteChange(effects, kind, linkOf[kind](record));
  }
  for (const [key, record] of before) if (!after.has(key)) noteChange(effects, kind, linkOf[kind](record));
  return after;
}
