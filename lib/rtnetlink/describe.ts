/** Kernel objects in the syntax of ip(8), for error messages. */

import type { Address, Route, Rule } from './types.ts';

export function describeAddress(address: Address): string {
  return `address ${address.address}/${address.prefixLength} on link ${address.linkIndex}`;
}

export function describeRoute(route: Route): string {
  const words = [`route ${route.destination}`];
  // The names of RTN_* in iproute2's rtnl_rtntype_n2a.
  const typeNames: Record<number, string> = {
    2: 'local',
    3: 'broadcast',
    6: 'blackhole',
    7: 'unreachable',
    8: 'prohibit',
  };
  if (route.type !== 1) words.push(typeNames[route.type] ?? `type ${route.type}`);
  if (route.gateway !== null) words.push(`via ${route.gateway}`);
  if (route.linkIndex !== null) words.push(`on link ${route.linkIndex}`);
  if (route.preferredSource !== null) words.push(`src ${route.preferredSource}`);
  words.push(`table ${route.table}`);
  if (route.metric !== 0) words.push(`metric ${route.metric}`);
  if (route.mtu !== undefined) words.push(`mtu ${route.mtu}`);
  return words.join(' ');
}

export function describeRule(rule: Rule): string {
  const words = [`IPv${rule.family} rule ${rule.priority}: from ${rule.source ?? 'all'}`];
  if (rule.destination !== null) words.push(`to ${rule.destination}`);
  if (rule.inputInterface !== null) words.push(`iif ${rule.inputInterface}`);
  if (rule.outputInterface !== null) words.push(`oif ${rule.outputInterface}`);
  words.push(...describeSelectors(rule));
  words.push(rule.action === 1 ? `lookup ${rule.table}` : `action ${rule.action}`);
  if (rule.suppressPrefixLength !== null) words.push(`suppress_prefixlength ${rule.suppressPrefixLength}`);
  if (rule.suppressGroup !== null) words.push(`suppress_ifgroup ${rule.suppressGroup}`);
  return words.join(' ');
}

/** `fwmark` and `uidrange` in the syntax of ip-rule(8); empty if the rule has neither. */
export function describeSelectors({ mark, users }: Pick<Rule, 'mark' | 'users'>): string[] {
  const words: string[] = [];
  if (mark !== null) words.push(`fwmark 0x${mark.value.toString(16)}/0x${mark.mask.toString(16)}`);
  if (users !== null) words.push(`uidrange ${users.first}-${users.last}`);
  return words;
}
