/** Requests to the kernel: dumps, changes and look-ups, with records instead of bytes. */

import { decodeAddress, encodeAddress, encodeAddressKey, familyNumber } from './address.ts';
import {
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_DELLINKPROP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_F_CLONED,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWLINKPROP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTM_SETLINK,
} from './constants.ts';
import { describeAddress, describeRoute, describeRule } from './describe.ts';
import { missingFamily, RtnetlinkError } from './errors.ts';
import { decodeLink, encodeAltName, encodeGroup, encodeLinkHeader, encodeMaster, encodeMtu } from './link.ts';
import { encodeSetting } from './link-settings.ts';
import { RequestSocket } from './request-socket.ts';
import {
  decodeLookup,
  decodeRoute,
  encodeLookup,
  encodeRoute,
  isWantedRoute,
  type RouteEncoding,
  type RouteFilter,
  type RouteLookup,
} from './route.ts';
import { isSameRoute } from './route-match.ts';
import { encodeWithMtu } from './route-mtu.ts';
import { decodeRule, encodeRule, encodeRuleHeader } from './rule.ts';
import type { Address, Family, Link, LinkSettings, Route, Rule } from './types.ts';

const DEFAULT_TIMEOUT_MS = 5000;
/** Without a family: both, in this order. */
const FAMILIES: readonly Family[] = [4, 6];
export interface RtnetlinkClientOptions {
  /** For the answer to a request, and for each further part of a dump. */
  readonly timeoutMs?: number;
}

export interface AddRouteOptions extends RouteEncoding {
  /**
   * `create`: EEXIST if the slot (table, destination, metric) is taken. `replace`: replaces the
   * first route of its slot, whoever made that. `append`: adds a further route to the slot.
   */
  readonly mode: 'create' | 'replace' | 'append';
}

/**
 * Every method throws an RtnetlinkError when the kernel refuses. Requests are sent in order and
 * need not be awaited.
 */
export class RtnetlinkClient {
  readonly #socket: RequestSocket;

  constructor(options: RtnetlinkClientOptions = {}) {
    this.#socket = new RequestSocket(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  }

  close(): void {
    this.#socket.close();
  }

  dumpLinks(): Promise<Link[]> {
    return this.#dump('list links', RTM_GETLINK, encodeLinkHeader(0), decodeLink);
  }

  /**
   * If the kernel lacks IPv6, the result has none of that family; the same holds for routes and
   * rules.
   */
  async dumpAddresses(family?: Family): Promise<Address[]> {
    return this.#dumpFamilies('addresses', RTM_GETADDR, family, (one) => familyHeader(one, 8), decodeAddress);
  }

  /** Every route of a family that the filter wants; the others are not decoded. */
  async dumpRoutes(family: Family, options: { readonly filter?: RouteFilter } = {}): Promise<Route[]> {
    const filter = options.filter;
    const decode: Decoder<Route> =
      filter === undefined
        ? decodeRoute
        : (buffer, start, end) => (isWantedRoute(filter, buffer, start, end) ? decodeRoute(buffer, start, end) : null);
    return this.#dumpFamily(`list IPv${family} routes`, RTM_GETROUTE, family, familyHeader(family, 12), decode);
  }

  /**
   * Destinations with a path MTU of their own, which the kernel keeps beside the routes: learnt by
   * "packet too big", for ten minutes each (net.ipv4.route.mtu_expires), and of IPv4 used since.
   */
  async countPathMtus(family: Family): Promise<number> {
    const header = familyHeader(family, 12);
    header.writeUInt32LE(RTM_F_CLONED, 8);
    const decode = (buffer: Buffer, start: number, end: number) => {
      const isCached = (buffer.readUInt32LE(start + 8) & RTM_F_CLONED) !== 0;
      const route = isCached ? decodeLookup(buffer, start, end) : null;
      return route?.mtu === undefined ? null : route;
    };
    const found = await this.#dumpFamily(`list IPv${family} path MTUs`, RTM_GETROUTE, family, header, decode);
    return found.length;
  }

  async dumpRules(family?: Family): Promise<Rule[]> {
    return this.#dumpFamilies('rules', RTM_GETRULE, family, encodeRuleHeader, decodeRule);
  }

  /**
   * Adds an address, or sets flags and lifetime of an existing one (the protocol of an existing
   * IPv4 address stays: inet_rtm_newaddr). Only flags that a request may set are sent, such as
   * IFA_F_NOPREFIXROUTE and IFA_F_NODAD.
   */
  addAddress(address: Address): Promise<void> {
    const flags = NLM_F_CREATE | NLM_F_REPLACE;
    return this.#request(`add ${describeAddress(address)}`, RTM_NEWADDR, flags, () => encodeAddress(address));
  }

  /** EADDRNOTAVAIL if it does not exist. */
  deleteAddress(address: Address): Promise<void> {
    return this.#request(`delete ${describeAddress(address)}`, RTM_DELADDR, 0, () => encodeAddressKey(address));
  }

  /** IPv6 routes with metric 0 get 1024 (IP6_RT_PRIO_USER). */
  addRoute(route: Route, options: AddRouteOptions): Promise<void> {
    const flags = NLM_F_CREATE | { create: NLM_F_EXCL, replace: NLM_F_REPLACE, append: NLM_F_APPEND }[options.mode];
    return this.#request(`${options.mode} ${describeRoute(route)}`, RTM_NEWROUTE, flags, () =>
      encodeRoute(route, options),
    );
  }

  /**
   * ESRCH if it does not exist. All fields of the record must match, but the kernel treats metric 0
   * as "any" (fib_nh_match, ip6_route_del): the protocol keeps such a request from deleting other
   * programs' routes.
   */
  deleteRoute(route: Route): Promise<void> {
    return this.#request(`delete ${describeRoute(route)}`, RTM_DELROUTE, 0, () => encodeRoute(route));
  }

  /**
   * Adds a route that is there once more with another path MTU, null: none; all else of it stays.
   * Of IPv6 it takes its place, which the kernel has for one MTU only; of IPv4 it comes behind it:
   * a replacement would hit the first route of the slot (fib_table_insert). False: it is not there.
   */
  async addRouteWithMtu(route: Route, mtu: number | null): Promise<boolean> {
    const { family, table } = route;
    const description = `set the MTU of ${describeRoute(route)} to ${mtu ?? 'that of its link'}`;
    const inTable: RouteFilter = (_family, one) => one === table;
    const decode = (buffer: Buffer, start: number, end: number) => {
      const found = isWantedRoute(inTable, buffer, start, end) ? decodeRoute(buffer, start, end) : null;
      if (found === null || !isSameRoute(found, route)) return null;
      return { family, body: encodeWithMtu(buffer, start, end, mtu) };
    };
    const [found] = await this.#dumpFamily(description, RTM_GETROUTE, family, familyHeader(family, 12), decode);
    if (found === undefined) return false;
    const flags = NLM_F_CREATE | (family === 4 ? NLM_F_APPEND : NLM_F_REPLACE);
    await this.#request(description, RTM_NEWROUTE, flags, () => found.body);
    return true;
  }

  /**
   * With `create`: EEXIST where the same rule is there, and where one is that differs only by a
   * destination or a TOS that this one does not have (rule_exists, fib4_rule_compare). With
   * `append`: a further one, also of the same.
   */
  addRule(rule: Rule, mode: 'create' | 'append' = 'create'): Promise<void> {
    const flags = NLM_F_CREATE | (mode === 'create' ? NLM_F_EXCL : 0);
    return this.#request(`add ${describeRule(rule)}`, RTM_NEWRULE, flags, () => encodeRule(rule));
  }

  /**
   * ENOENT if it does not exist. For the kernel, a selector that the request lacks matches
   * anything, and it deletes the first rule that matches (rule_find): call `findDeletedRule` first
   * if other rules share the priority.
   */
  deleteRule(rule: Rule): Promise<void> {
    return this.#request(`delete ${describeRule(rule)}`, RTM_DELRULE, 0, () => encodeRule(rule));
  }

  /**
   * EEXIST if the name is taken in this namespace. A link that is down sends no event of it
   * (netdev_state_change): only a dump shows the new name.
   */
  addAltName(linkIndex: number, altName: string): Promise<void> {
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    return this.#request(`add altname ${altName} to link ${linkIndex}`, RTM_NEWLINKPROP, flags, () =>
      encodeAltName(linkIndex, altName),
    );
  }

  /** ENOENT or EINVAL if the link does not have it. */
  deleteAltName(linkIndex: number, altName: string): Promise<void> {
    return this.#request(`delete altname ${altName} of link ${linkIndex}`, RTM_DELLINKPROP, 0, () =>
      encodeAltName(linkIndex, altName),
    );
  }

  /** Sets one setting of net.ipv4.conf.<link>; the rest of the link stays. */
  setLinkSetting(linkIndex: number, name: keyof LinkSettings, value: number): Promise<void> {
    return this.#request(`set ${name} of link ${linkIndex} to ${value}`, RTM_SETLINK, 0, () => [
      encodeLinkHeader(linkIndex),
      ...encodeSetting(name, value),
    ]);
  }

  /**
   * Puts a link into a VRF (or bridge, …): the kernel brings it down and up again, with its routes
   * and IPv6 addresses.
   */
  setMaster(linkIndex: number, masterIndex: number): Promise<void> {
    return this.#request(`put link ${linkIndex} into link ${masterIndex}`, RTM_SETLINK, 0, () => [
      encodeLinkHeader(linkIndex),
      encodeMaster(masterIndex),
    ]);
  }

  /** Puts a link into a group; the link stays up and nothing is lost. */
  setGroup(linkIndex: number, group: number): Promise<void> {
    return this.#request(`put link ${linkIndex} into link group ${group}`, RTM_SETLINK, 0, () => [
      encodeLinkHeader(linkIndex),
      encodeGroup(group),
    ]);
  }

  /** EINVAL outside of the driver's range. Below 1280 the kernel disables IPv6 on the link. */
  setMtu(linkIndex: number, mtu: number): Promise<void> {
    return this.#request(`set the MTU of link ${linkIndex} to ${mtu}`, RTM_SETLINK, 0, () => [
      encodeLinkHeader(linkIndex),
      encodeMtu(mtu),
    ]);
  }

  /**
   * The route that the kernel chooses for a packet, with the table it was found in; ENETUNREACH, …
   * if there is none.
   */
  async getRoute(lookup: RouteLookup): Promise<Route> {
    const from = lookup.source === undefined ? '' : ` from ${lookup.source}`;
    const description = `look up the route to ${lookup.destination}${from}`;
    const found: Route[] = [];
    await this.#socket.query(description, RTM_GETROUTE, encodeLookup(lookup), (type, buffer, start, end) => {
      const route = type === RTM_NEWROUTE ? decodeLookup(buffer, start, end) : null;
      if (route !== null) found.push(route);
    });
    const route = found[0];
    if (route === undefined) throw new RtnetlinkError('EBADMSG', description);
    return route;
  }

  /**
   * Whether the kernel has IPv6 at all: built without it, or booted with `ipv6.disable=1`, it knows
   * no such request (rtnetlink_rcv_msg). Any other answer, no route among them, comes from IPv6
   * itself.
   */
  async hasIpv6(): Promise<boolean> {
    try {
      await this.getRoute({ family: 6, destination: '::1' });
    } catch (error) {
      return !(error instanceof RtnetlinkError && missingFamily.has(error.errno));
    }
    return true;
  }

  /**
   * Waits until the kernel is between two changes. RTM_GETLINK takes the rtnl lock, which dumps of
   * IPv4 routes no longer do (since 6.9): consequences of an event under the same lock are complete
   * when this returns.
   */
  async waitForLock(): Promise<void> {
    await this.#socket.query('look up the loopback device', RTM_GETLINK, [encodeLinkHeader(1)], () => undefined);
  }

  async #request(description: string, type: number, flags: number, encode: () => readonly Buffer[]): Promise<void> {
    let body: readonly Buffer[];
    try {
      body = encode();
    } catch (error) {
      // A record that netlink cannot express: refused here as the kernel would refuse it.
      throw new RtnetlinkError('EINVAL', description, { cause: error });
    }
    await this.#socket.request(description, type, flags, body);
  }

  async #dump<T>(description: string, type: number, header: Buffer, decode: Decoder<T>): Promise<T[]> {
    let records: T[] = [];
    await this.#socket.dump(description, type, [header], () => {
      const attempt: T[] = [];
      records = attempt;
      return (_type, buffer, start, end) => {
        const record = decode(buffer, start, end);
        if (record !== null) attempt.push(record);
      };
    });
    return records;
  }

  async #dumpFamilies<T extends { readonly family: Family }>(
    noun: string,
    type: number,
    family: Family | undefined,
    header: (family: Family) => Buffer,
    decode: Decoder<T>,
  ): Promise<T[]> {
    const families = family === undefined ? FAMILIES : [family];
    const parts = families.map((one) => this.#dumpFamily(`list IPv${one} ${noun}`, type, one, header(one), decode));
    return (await Promise.all(parts)).flat();
  }

  /**
   * A kernel without the family (`ipv6.disable=1`) refuses to list its rules (fib_nl_dumprule), and
   * answers requests for its addresses and routes with those of all other families (rtnl_dump_all).
   */
  async #dumpFamily<T extends { readonly family: Family }>(
    description: string,
    type: number,
    family: Family,
    header: Buffer,
    decode: Decoder<T>,
  ): Promise<T[]> {
    try {
      return (await this.#dump(description, type, header, decode)).filter((record) => record.family === family);
    } catch (error) {
      if (family === 6 && error instanceof RtnetlinkError && missingFamily.has(error.errno)) return [];
      throw error;
    }
  }
}

type Decoder<T> = (buffer: Buffer, start: number, end: number) => T | null;

function familyHeader(family: Family, length: number): Buffer {
  const header = Buffer.alloc(length);
  header.writeUInt8(familyNumber(family), 0);
  return header;
}
