/** Routes and rules in the syntax of ip(8), as an operator types them. */

import { isDefaultRoute } from '../ip/default-route.ts';
import { describeSelectors } from '../rtnetlink/describe.ts';
import type { Rule } from '../rtnetlink/types.ts';

/**
 * The fields of a route that its text needs: both the kernel's records and desired routes have
 * them.
 */
export interface RouteWords {
  readonly table: number;
  readonly destination: string;
  /** As in rtnetlink, or by name. */
  readonly type: number | string;
  readonly gateway: string | null;
  readonly metric: number;
  readonly mtu?: number;
}

export type RuleWords = Omit<Rule, 'outputInterface' | 'action' | 'protocol' | 'isComplex'>;

/** A route in the syntax of ip-route(8). */
export function describeRoute(route: RouteWords, linkName: string): string {
  const isLocal = route.type === 'local' || route.type === 2;
  return [
    isLocal ? 'local' : '',
    isDefaultRoute(route) ? 'default' : route.destination,
    route.gateway === null ? '' : `via ${nameGateway(route.destination, route.gateway)}`,
    `dev ${linkName} table ${route.table}`,
    route.metric === 0 ? '' : `metric ${route.metric}`,
    route.mtu === undefined ? '' : `mtu ${route.mtu}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

/** An IPv4 route by an IPv6 router (RFC 5549) says so. */
function nameGateway(destination: string, gateway: string): string {
  return gateway.includes(':') && !destination.includes(':') ? `inet6 ${gateway}` : gateway;
}

/** A rule in the words of ip-rule(8). */
export function describeRule(rule: RuleWords): string {
  return [
    `pref ${rule.priority} from ${rule.source ?? 'all'}`,
    rule.destination === null ? '' : `to ${rule.destination}`,
    rule.inputInterface === null ? '' : `iif ${rule.inputInterface}`,
    ...describeSelectors(rule),
    `lookup ${rule.table === 254 ? 'main' : rule.table}`,
    rule.suppressPrefixLength === null ? '' : `suppress_prefixlength ${rule.suppressPrefixLength}`,
    rule.suppressGroup === null ? '' : `suppress_ifgroup ${rule.suppressGroup}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

/** RTPROT_* by the names of iproute2's rt_protos; a number without a name stays one. */
const protocolNames: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  12: 'bird',
  16: 'dhcp',
  18: 'keepalived',
  186: 'bgp',
  188: 'ospf',
};

/** `protocol static`: the origin of a route or a rule, as far as the kernel keeps it. */
export function nameProtocol(protocol: number): string {
  return `protocol ${protocolNames[protocol] ?? protocol}`;
}
