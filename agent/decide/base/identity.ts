/**
 * Identity text of what the program declares or installs: the keys of the ledger and of every
 * comparison.
 */

import type { DesiredAddress, DesiredRoute, DesiredRule } from '../../model.ts';

/** The first words of identities: a ledger with any other entry is not read. */
export const identityKinds = [
  'address',
  'route',
  'rule',
  'file',
  'altname',
  'group',
  'mtu',
  'dns off',
  'master',
  'setting',
] as const;
type Identity = `${(typeof identityKinds)[number]} ${string}`;

/**
 * The protocol number (rtm_protocol, FRA_PROTOCOL, IFA_PROTO) that marks what this program
 * installs. Not used by any program in iproute2's rt_protos or linux/rtnetlink.h.
 */
export const ownProtocol = 236;

/**
 * Regardless of the prefix length: the kernel can hold the same address on a link once per length.
 */
export function identifyAddress(address: Pick<DesiredAddress, 'linkIndex' | 'address'>): Identity {
  return `address ${address.linkIndex} ${address.address}`;
}

/**
 * The kernel's key of a route (table, destination, metric) and its link; the gateway is compared
 * separately.
 */
export function identifyRoute(
  route: Pick<DesiredRoute, 'table' | 'destination' | 'metric'> & { readonly linkIndex: number | null },
): Identity {
  return `route ${route.table} ${route.destination} ${route.metric} ${route.linkIndex}`;
}

/** All that the kernel compares when it refuses a second rule (fib_rules.c, rule_exists). */
export function identifyRule(
  rule: Omit<DesiredRule, 'inputInterface'> & { readonly inputInterface: string | null },
): Identity {
  const { family, mark, users, destination } = rule;
  const text: Identity = `rule ${rule.priority} ${rule.source} ${rule.inputInterface} ${rule.table} ${nameSuppression(rule)}`;
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
export function identifyFile(name: string): Identity {
  return `file ${name}`;
}

/** An alternative name on a link. */
export function identifyAltName(linkIndex: number, altName: string): Identity {
  return `altname ${linkIndex} ${altName}`;
}

/** That a link is in a link group. */
export function identifyGroup(linkIndex: number, group: number): Identity {
  return `group ${linkIndex} ${group}`;
}

/** That a link has an MTU. */
export function identifyMtu(linkIndex: number, mtu: number): Identity {
  return `mtu ${linkIndex} ${mtu}`;
}

/** That DNS is off for a link. */
export function identifyDnsOff(linkIndex: number): Identity {
  return `dns off ${linkIndex}`;
}

/** That a link is in a VRF. */
export function identifyMaster(linkIndex: number, vrf: string): Identity {
  return `master ${linkIndex} ${vrf}`;
}

/** A setting of net.ipv4.conf.<link>. */
export function identifySetting(linkIndex: number, setting: string): Identity {
  return `setting ${linkIndex} ${setting}`;
}
