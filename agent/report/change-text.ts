/**
 * Changes as commands that a root shell takes as they are printed: for plans, the journal and
 * scenario tests.
 */

import { familyOf } from '../../lib/ip/address.ts';
import { describeRoute, describeRule } from '../../lib/text/ip-words.ts';
import { shellWord } from '../../lib/text/shell-word.ts';
import { defaultConfig } from '../config/defaults.ts';
import type { Change, DesiredAddress, DesiredRoute, Route } from '../model.ts';
import { ownProtocol, replyNames } from '../model.ts';
import { describeReplyStep } from './reply-text.ts';

/**
 * One line, without a newline: what an operator would type to do the same. A file that is written
 * is named only (`write PATH`): its text is no line. `directory`: of networkd's files.
 *
 * The protocol of an address has no word in iproute2 before 6.3.
 */
export function describeChange(change: Change, directory: string = defaultConfig.networkd.unitDirectory): string {
  const link = shellWord(change.linkName);
  switch (change.kind) {
    case 'write-file':
      return `write ${shellWord(`${directory}/${change.file.name}`)}`;
    case 'remove-file':
      return `rm ${shellWord(`${directory}/${change.name}`)}`;
    case 'reload':
      return 'networkctl reload';
    case 'add-alt-name':
      return `ip link property add dev ${link} altname ${shellWord(change.altName)}`;
    case 'remove-alt-name':
      return `ip link property del dev ${link} altname ${shellWord(change.altName)}`;
    case 'add-address':
      return describeAddition(change.address, link);
    case 'move-address':
      return `${describeRemoval(change.address, link)} && ${describeAddition(change.address, link)}`;
    case 'remove-address':
      return describeRemoval(change.address, link);
    case 'set-link-setting':
      // sysctl(8) takes `/` between the words, where a name may have dots.
      return `sysctl -w ${shellWord(`net/ipv4/conf/${change.linkName}/${change.setting}=${change.value}`)}`;
    case 'set-address-metric':
      return `ip address change ${change.address}/${change.prefixLength} dev ${link} metric ${change.metric}`;
    case 'set-master':
      return `ip link set dev ${link} master ${shellWord(change.vrf)}`;
    case 'set-link-group':
      return `ip link set dev ${link} group ${change.group}`;
    case 'set-mtu':
      return `ip link set dev ${link} mtu ${change.mtu}`;
    case 'set-dns':
      return change.isUsed
        ? `resolvectl revert ${link}`
        : `resolvectl dns ${link} '' && resolvectl domain ${link} '' && resolvectl default-route ${link} no`;
    case 'add-route':
      return `${ip(familyOf(change.route.destination))} route add ${describeWholeRoute(change.route, link)} proto ${ownProtocol}`;
    case 'set-route-mtu': {
      const { mtu: _before, ...route } = change.route;
      const wanted = change.mtu === null ? route : { ...route, mtu: change.mtu };
      return `${ip(route.family)} route change ${describeWholeRoute(wanted, link)} proto ${route.protocol}`;
    }
    case 'remove-route':
      return `${ip(change.route.family)} route del ${describeWholeRoute(change.route, link)} proto ${change.route.protocol}`;
    case 'add-rule':
      return `${ip(change.rule.family)} rule add ${describeRule(change.rule)} protocol ${ownProtocol}`;
    case 'set-replies':
      return `nft ${shellWord(change.steps.map(describeReplyStep).join('; '))}`;
    case 'remove-replies':
      return `nft delete table inet ${replyNames.table}`;
    case 'remove-rule':
      return `${ip(change.rule.family)} rule del ${describeRule(change.rule)} protocol ${change.rule.protocol}`;
  }
}

/** For a route or a rule without an address ip(8) cannot tell the family. */
function ip(family: 4 | 6): string {
  return family === 6 ? 'ip -6' : 'ip';
}

/** A gateway that is followed from main need not be in a subnet of the link. */
function describeWholeRoute(route: DesiredRoute | Route, link: string): string {
  const isOnLink = 'isFollowed' in route && route.isFollowed === true && route.gateway !== null;
  return `${describeRoute(route, link)}${isOnLink ? ' onlink' : ''}`;
}

function describeRemoval({ address, prefixLength }: DesiredAddress, link: string): string {
  return `ip address del ${address}/${prefixLength} dev ${link}`;
}

function describeAddition({ address, prefixLength, metric, isDeprecated }: DesiredAddress, link: string): string {
  const isHost = prefixLength === (familyOf(address) === 4 ? 32 : 128);
  return [
    `ip address add ${address}/${prefixLength} dev ${link}`,
    isHost ? 'noprefixroute' : '',
    metric === undefined ? '' : `metric ${metric}`,
    familyOf(address) === 6 ? 'nodad' : '',
    isDeprecated === true ? 'preferred_lft 0' : '',
  ]
    .filter((word) => word !== '')
    .join(' ');
}
