/**
 * Identity text of what the program declares or installs: the keys of the ledger and of every
 * comparison.
 */

import type { DesiredAddress, DesiredRoute, DesiredRule } from '../../model.ts';

/**
 * Regardless of the prefix length: the kernel can hold the same address on a link once per length.
 */
export function identifyAddress(address: Pick<DesiredAddress, 'linkIndex' | 'address'>): string {
  return `address ${address.linkIndex} ${address.address}`;
}

/**
 * The kernel's key of a route (table, destination, metric) and its link; the gateway is compared
 * separately.
 */
export function identifyRoute(
  route: Pick<DesiredRoute, 'table' | 'destination' | 'metric'> & { readonly linkIndex: number | null },
): string {
  return `route ${route.table} ${route.destination} ${route.metric} ${route.linkIndex}`;
}

/** That a route has an MTU of its own. */
export function identifyRouteMtu(route: Parameters<typeof identifyRoute>[0], mtu: number): string {
  return `route-mtu ${identifyRoute(route).replace(/^route /, '')} ${mtu}`;
}

/** All that the kernel compares when it refuses a second rule (fib_rules.c, rule_exists). */
export function identifyRule(
  rule: Omit<DesiredRule, 'inputInterface'> & { readonly inputInterface: string | null },
): string {
  const { family, mark, users, destination } = rule;
  const text = `rule ${rule.priority} ${rule.source} ${rule.inputInterface} ${rule.table} ${nameSuppression(rule)}`;
  if (destination === null && mark === null && users === null && rule.source !== null) return text;
  return `${text} IPv${family} ${destination} ${mark?.value}/${mark?.mask} ${users?.first}-${users?.last}`;
}

/** As in the ledgers of enid 0.1.0, which had no link group. */
function nameSuppression({
  suppressPrefixLength,
  suppressGroup,
}: Pick<DesiredRule, 'suppressPrefixLength' | 'suppressGroup'>): string {
  return suppressGroup === null ? `${suppressPrefixLength}` : `${suppressPrefixLength}/${suppressGroup}`;
}

/** `name` is relative to the unit directory. */
export function identifyFile(name: string): string {
  return `file ${name}`;
}

/** An alternative name on a link. */
export function identifyAltName(linkIndex: number, altName: string): string {
  return `altname ${linkIndex} ${altName}`;
}

/** That a link is in a link group. */
export function identifyGroup(linkIndex: number, group: number): string {
  return `group ${linkIndex} ${group}`;
}

/** That a link has an MTU. */
export function identifyMtu(linkIndex: number, mtu: number): string {
  return `mtu ${linkIndex} ${mtu}`;
}

/** That DNS is off for a link. */
export function identifyDnsOff(linkIndex: number): string {
  return `dns off ${linkIndex}`;
}

/** That a link is in a VRF. */
export function identifyMaster(linkIndex: number, vrf: string): string {
  return `master ${linkIndex} ${vrf}`;
}

/** A setting of net.ipv4.conf.<link>. */
export function identifySetting(linkIndex: number, setting: string): string {
  return `setting ${linkIndex} ${setting}`;
}
