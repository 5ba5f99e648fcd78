/**
 * Applies one change by rtnetlink. An object that already is as desired is no error; a change that
 * would affect a foreign object is.
 */

import { familyOf } from '../../lib/ip/address.ts';
import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import {
  FR_ACT_TO_TBL,
  IFA_F_DEPRECATED,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RTN_LOCAL,
  RTN_UNICAST,
} from '../../lib/rtnetlink/constants.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import { isSameRoute } from '../../lib/rtnetlink/route-match.ts';
import { KernelError } from '../errors.ts';
import {
  type Address,
  type Change,
  type DesiredAddress,
  type DesiredRoute,
  type DesiredRule,
  type Route,
  type Rule,
  standInMetric,
} from '../model.ts';
import { accept, acceptAnswer, type NetlinkActOptions } from './kernel-request.ts';
import { Removals } from './removals.ts';
import { addRule } from './rules.ts';

/** The changes that are made in the kernel itself. */
export type KernelChange = Extract<
  Change,
  {
    kind:
      | `${'add' | 'remove'}-${'alt-name' | 'address' | 'route' | 'rule'}`
      | 'set-address-metric'
      | 'set-link-setting'
      | 'set-master'
      | 'set-link-group'
      | 'set-mtu'
      | 'set-route-mtu'
      | 'move-address';
  }
>;

/**
 * True: it was made. False: nothing had to be done. Rejects with a KernelError that has the
 * kernel's reason.
 */
export async function applyKernelChange(change: KernelChange, options: NetlinkActOptions): Promise<boolean> {
  const { client, protocol } = options;
  switch (change.kind) {
    case 'add-alt-name':
      return addAltName(change, client);
    case 'remove-alt-name':
      return accept(['ENOENT', 'EINVAL', 'ENODEV'], client.deleteAltName(change.linkIndex, change.altName));
    case 'add-address':
      return accept([], client.addAddress(toAddress(change.address, protocol)));
    case 'remove-address':
      return accept(['EADDRNOTAVAIL', 'ENODEV'], client.deleteAddress(toAddress(change.address, protocol)));
    case 'move-address':
      return moveAddress(toAddress(change.address, protocol), client);
    case 'set-address-metric':
      return setAddressMetric(change, client);
    case 'set-link-setting':
      return accept([], client.setLinkSetting(change.linkIndex, change.setting, change.value));
    case 'set-master':
      return accept([], client.setMaster(change.linkIndex, change.masterIndex));
    case 'set-link-group':
      return accept([], client.setGroup(change.linkIndex, change.group));
    case 'set-mtu':
      return accept([], client.setMtu(change.linkIndex, change.mtu));
    case 'add-route':
      return addRoute({ ...toRoute(change.route, protocol), isFollowed: change.route.isFollowed === true }, client);
    case 'set-route-mtu':
      return setRouteMtu(change, client);
    case 'add-rule':
      return addRule(toRule(change.rule, protocol), client);
    case 'remove-route':
    case 'remove-rule':
      return new Removals(options).remove(change);
  }
}

/**
 * False: the link already has the name. The kernel answers the same if another link has it, as its
 * own name or as an alternative name.
 */
async function addAltName(
  { linkIndex, altName }: { readonly linkIndex: number; readonly altName: string },
  client: RtnetlinkClient,
): Promise<boolean> {
  if (await accept(['EEXIST'], client.addAltName(linkIndex, altName))) return true;
  const holder = (await client.dumpLinks()).find(
    ({ index, name, altNames }) => name === altName || (index !== linkIndex && altNames.includes(altName)),
  );
  if (holder === undefined) return false;
  const message = `failed to add altname ${altName}: ${holder.name} already has it; remove it there (ip link property del)`;
  throw new KernelError('NAME_TAKEN', `altname ${altName}`, message);
}

/**
 * The mirror keeps the routes of ENIs only, so another program's route by another link may have the
 * same place (table, destination, metric), and a plain replacement would delete it: only our own
 * route is replaced.
 */
async function addRoute(
  { isFollowed, ...route }: Route & { readonly isFollowed: boolean },
  client: RtnetlinkClient,
): Promise<boolean> {
  const isOnLink = isFollowed && route.gateway !== null;
  try {
    await client.addRoute(route, { mode: 'create', isOnLink });
    return true;
  } catch (error) {
    if (!(error instanceof RtnetlinkError) || error.errno !== 'EEXIST') return accept([], Promise.reject(error));
  }
  const { destination, family, table, metric, protocol, linkIndex, gateway } = route;
  const inTable = await client.dumpRoutes(family, { filter: (_family, one) => one === table });
  const present = inTable.filter((other) => other.destination === destination && other.metric === metric);
  const foreign = present.find((other) => other.protocol !== protocol);
  const isSameWay = (way: Pick<Route, 'linkIndex' | 'gateway'>) =>
    way.linkIndex === linkIndex && way.gateway === gateway;
  if (foreign === undefined) {
    if (present.some((own) => !own.isComplex && own.type === route.type && isSameWay(own))) return false;
    const several = present.find(({ paths }) => family === 6 && paths !== undefined);
    if (several !== undefined) return await exchangePath(route, several, { client, isOnLink });
    return await accept([], client.addRoute(route, { mode: 'replace', isOnLink }));
  }
  if (foreign.isComplex ? foreign.paths?.some(isSameWay) === true : isSameWay(foreign)) return false;
  const subject = `route to ${destination} in table ${table}`;
  const message = `failed to add ${subject}: another program's route of metric ${metric} by link ${foreign.linkIndex ?? '?'} has its place; remove that one, or set \`table:\` or \`metric:\` for the ENI`;
  throw new KernelError('PLACE_TAKEN', subject, message);
}

/** Of an IPv4 route each MTU is a route of its own: the new one comes, then the others go. */
async function setRouteMtu(
  { route, mtu }: { readonly route: Route; readonly mtu: number | null },
  client: RtnetlinkClient,
): Promise<boolean> {
  const { mtu: before, ...bare } = route;
  if (route.family === 6) return acceptAnswer(client.addRouteWithMtu(route, mtu));
  for (let isFirst = true; ; isFirst = false) {
    const inTable = await client.dumpRoutes(4, { filter: (_family, one) => one === route.table });
    const twins = inTable.filter(({ mtu: _mtu, ...one }) => isSameRoute(one, bare));
    if (isFirst && !twins.some((one) => one.mtu === before)) return false;
    const [wrong] = twins.filter((one) => (one.mtu ?? null) !== mtu);
    if (wrong === undefined) return true;
    const isMissing = twins.every((one) => (one.mtu ?? null) !== mtu);
    if (isMissing) await acceptAnswer(client.addRouteWithMtu(wrong, mtu), ['EEXIST']);
    // A request without an MTU deletes the first one; if that is right, it is added again.
    if (!(await accept(['ESRCH'], client.deleteRoute(wrong)))) return true;
  }
}

/**
 * Another program has added a next hop to an IPv6 route of ours, and a replacement would remove
 * that next hop, too (fib6_add_rt2node). Each next hop has its own protocol, which only a deletion
 * can select: our next hops that are not desired are removed one by one.
 */
async function exchangePath(
  route: Route,
  { paths = [] }: Route,
  { client, isOnLink }: { readonly client: RtnetlinkClient; readonly isOnLink: boolean },
): Promise<boolean> {
  const isAdded = await accept(['EEXIST'], client.addRoute(route, { mode: 'append', isOnLink }));
  const others = paths.filter(
    ({ gateway, linkIndex }) => gateway !== null && (gateway !== route.gateway || linkIndex !== route.linkIndex),
  );
  const removals = others.map((path) => accept(['ESRCH'], client.deleteRoute({ ...route, ...path })));
  return (await Promise.all(removals)).includes(true) || isAdded;
}

/**
 * Moves an IPv4 address to the end of its link's list: the kernel keeps addresses in the order in
 * which they were added. While the address is absent, a route keeps its packets on the host;
 * sockets and connections that use it do not notice.
 */
async function moveAddress(address: Address, client: RtnetlinkClient): Promise<boolean> {
  const { linkIndex, protocol } = address;
  const destination = `${address.address}/32`;
  const standIn = toRoute(
    { table: RT_TABLE_LOCAL, destination, type: 'local', gateway: null, linkIndex, metric: standInMetric },
    protocol,
  );
  await accept(['EEXIST'], client.addRoute(standIn, { mode: 'create' }));
  await accept(['EADDRNOTAVAIL', 'ENODEV'], client.deleteAddress(address));
  await accept([], client.addAddress(address));
  await accept(['ESRCH', 'ENODEV'], client.deleteRoute(standIn));
  return true;
}

/**
 * Moves the connected route of an address to another metric; the kernel adds the new one before it
 * removes the old (fib_modify_prefix_metric). The request sets the lifetimes too, so they are read
 * at the last moment.
 */
async function setAddressMetric(
  { linkIndex, address, metric }: { linkIndex: number; address: string; metric: number },
  client: RtnetlinkClient,
): Promise<boolean> {
  const present = (await client.dumpAddresses(familyOf(address))).find(
    (one) => one.linkIndex === linkIndex && one.address === address,
  );
  return present !== undefined && (await accept([], client.addAddress({ ...present, metric })));
}

function toAddress(
  { linkIndex, address, prefixLength, isDeprecated, metric = 0 }: DesiredAddress,
  protocol: number,
): Address {
  const family = familyOf(address);
  const isHost = prefixLength === (family === 4 ? 32 : 128);
  return {
    linkIndex,
    family,
    address,
    prefixLength,
    scope: RT_SCOPE_UNIVERSE,
    // EC2 guarantees uniqueness; duplicate detection would keep the address unusable for a second.
    flags:
      (family === 6 ? IFA_F_NODAD : 0) |
      (isHost ? IFA_F_NOPREFIXROUTE : 0) |
      (isDeprecated === true ? IFA_F_DEPRECATED : 0),
    protocol,
    metric,
    validLifetime: null,
  };
}

/** The route as the kernel will have it. */
export function toRoute(route: DesiredRoute, protocol: number): Route {
  const family = familyOf(route.destination);
  const isLocal = route.type === 'local';
  return {
    family,
    table: route.table,
    destination: route.destination,
    type: isLocal ? RTN_LOCAL : RTN_UNICAST,
    protocol,
    // IPv4 wants the narrowest scope that reaches the destination; IPv6 has no scopes.
    scope: family === 6 || route.gateway !== null ? RT_SCOPE_UNIVERSE : isLocal ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    gateway: route.gateway,
    linkIndex: route.linkIndex,
    metric: route.metric,
    ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
    preferredSource: null,
    nextHopId: null,
    isComplex: false,
  };
}

/** The rule as the kernel will have it. */
export function toRule(rule: DesiredRule, protocol: number): Rule {
  return {
    family: rule.family,
    priority: rule.priority,
    source: rule.source,
    destination: rule.destination,
    inputInterface: rule.inputInterface,
    outputInterface: null,
    mark: rule.mark,
    users: rule.users,
    action: FR_ACT_TO_TBL,
    table: rule.table,
    suppressPrefixLength: rule.suppressPrefixLength,
    suppressGroup: rule.suppressGroup,
    protocol,
    isComplex: false,
  };
}
