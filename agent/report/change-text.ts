/** Changes as text in the syntax of ip(8), for plans, the journal and scenario tests. */

import { describeRoute, describeRule } from '../../lib/text/ip-words.ts';
import type { Change, DesiredAddress } from '../model.ts';

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
    case 'set-mtu':
      return `ip link set dev ${change.linkName} mtu ${change.mtu}`;
    case 'set-dns':
      return change.isUsed
        ? `resolvectl revert ${change.linkName}`
        : `resolvectl dns ${change.linkName} '', domain ${change.linkName} '', default-route ${change.linkName} no`;
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
