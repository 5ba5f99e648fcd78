/** Changes as text in the words of ip(8), for plans, the journal and scenario tests. */

import { describeSelectors } from '../../lib/rtnetlink/describe.ts';
import type { Change, DesiredAddress, DesiredRoute, DesiredRule, Route, Rule } from '../model.ts';

/** One line, without a newline: what an operator would type to do the same. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case 'write-file':
      return `write ${change.file.name}`;
    case 'remove-file':
      return `remove ${change.name}`;
    case 'reload':
      return `networkctl reload (${change.linkName})`;
    case 'add-alt-name':
      return `ip link property add dev ${change.linkName} altname ${change.altName}`;
    case 'remove-alt-name':
      return `ip link property del dev ${change.linkName} altname ${change.altName}`;
    case 'add-address':
      return describeAddition(change.address, change.linkName);
    case 'move-address':
      return `ip address del and add ${change.address.address}/${change.address.prefixLength} dev ${change.linkName}`;
    case 'remove-address':
      return `ip address del ${change.address.address}/${change.address.prefixLength} dev ${change.linkName}`;
    case 'set-link-setting':
      return `sysctl net.ipv4.conf.${change.linkName}.${change.setting}=${change.value}`;
    case 'set-address-metric':
      return `ip address change ${change.address} dev ${change.linkName} metric ${change.metric}`;
    case 'set-master':
      return `ip link set ${change.linkName} master ${change.vrf}`;
    case 'set-link-group':
      return `ip link set dev ${change.linkName} group ${change.group}`;
    case 'add-route':
      return `ip route add ${describeRoute(change.route, change.linkName)}`;
    case 'remove-route':
      return `ip route del ${describeRoute(change.route, change.linkName)}`;
    case 'add-rule':
      return `ip rule add ${describeRule(change.rule)}`;
    case 'remove-rule':
      return `ip rule del ${describeRule(change.rule)}`;
  }
}

function describeAddition({ address, prefixLength, metric, isDeprecated }: DesiredAddress, linkName: string): string {
  const connected = metric === undefined ? 'noprefixroute' : `metric ${metric}`;
  const preference = isDeprecated === true ? ' preferred_lft 0' : '';
  return `ip address add ${address}/${prefixLength} dev ${linkName} ${connected}${preference}`;
}

/** A route in the words of ip-route(8). */
export function describeRoute(route: DesiredRoute | Route, linkName: string): string {
  const isLocal = route.type === 'local' || route.type === 2;
  return [
    isLocal ? 'local' : '',
    /^(0\.0\.0\.0|::)\/0$/.test(route.destination)
      ? `default${route.destination === '::/0' ? ' (IPv6)' : ''}`
      : route.destination,
    route.gateway === null ? '' : `via ${route.gateway}`,
    `dev ${linkName} table ${route.table}`,
    route.metric === 0 ? '' : `metric ${route.metric}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

/** A rule in the words of ip-rule(8). */
export function describeRule(rule: DesiredRule | Rule): string {
  return [
    `pref ${rule.priority} from ${rule.source ?? 'all'}`,
    rule.destination === null ? '' : `to ${rule.destination}`,
    rule.source === null && rule.destination === null && rule.family === 6 ? '(IPv6)' : '',
    rule.inputInterface === null ? '' : `iif ${rule.inputInterface}`,
    ...describeSelectors(rule),
    `lookup ${rule.table === 254 ? 'main' : rule.table}`,
    rule.suppressPrefixLength === null ? '' : `suppress_prefixlength ${rule.suppressPrefixLength}`,
    rule.suppressGroup === null ? '' : `suppress_ifgroup ${rule.suppressGroup}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}
