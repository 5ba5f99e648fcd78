/** Which policy holds for an ENI: the first matching entry of the configuration over the defaults. */

import { contains } from '../../lib/ip/cidr.ts';
import type { Config, InterfaceMatch, InterfacePolicy } from '../config/types.ts';
import type { EniMetadata } from '../model.ts';

/** What a match can look at. */
export interface PolicySubject {
  readonly eni: EniMetadata;
  readonly isPrimary: boolean;
  readonly linkName: string;
  readonly driver: string | null;
}

const defaults: InterfacePolicy = {
  manage: 'full',
  secondary: 'local',
  exclude: [],
  prefixes: 'rules',
  sources: [],
  routes: [],
  select: [],
  rules: 'standard',
  table: null,
  metric: null,
  vrf: null,
  // The jumbo frame that every ENI of a Nitro instance carries inside its VPC (EC2 user guide, "network MTU").
  mtu: 9001,
  dns: true,
  defaultRoute: true,
};

/**
 * The policy of one ENI. The primary meets no rule unless an entry that matches it asks for `rules:` (a rule for the
 * primary's own address overrules the routes of containers and VPNs in main).
 */
export function resolvePolicy(config: Config, subject: PolicySubject): InterfacePolicy {
  const entry = config.interfaces.find((candidate) => isMatch(candidate.match, subject));
  return { ...defaults, rules: subject.isPrimary ? 'none' : 'standard', ...entry?.policy };
}

/**
 * Whether an entry says `manage: none` of a link whatever its metadata will be. An earlier entry that asks for something
 * only the metadata knows leaves it open.
 */
export function isIgnoredLink(config: Config, link: { mac: string; name: string; driver: string }): boolean {
  for (const { match, policy } of config.interfaces) {
    const { mac, name, driver, ...ofMetadata } = match;
    const isOurs =
      (mac === undefined || mac === link.mac) &&
      (name === undefined || isGlobMatch(name, link.name)) &&
      (driver === undefined || driver === link.driver);
    if (!isOurs) continue;
    return Object.keys(ofMetadata).length === 0 && policy.manage === 'none';
  }
  return false;
}

function isMatch(match: InterfaceMatch, { eni, linkName, driver }: PolicySubject): boolean {
  return (
    (match.eni === undefined || match.eni === eni.eniId) &&
    (match.mac === undefined || match.mac === eni.mac) &&
    (match.device === undefined || match.device === eni.deviceNumber) &&
    (match.card === undefined || match.card === eni.networkCard) &&
    (match.name === undefined || isGlobMatch(match.name, linkName)) &&
    (match.subnet === undefined || isInSubnet(match.subnet, eni)) &&
    (match.driver === undefined || match.driver === driver)
  );
}

function isInSubnet(wanted: string, eni: EniMetadata): boolean {
  if (wanted.startsWith('subnet-')) return wanted === eni.subnetId;
  return [eni.subnetIpv4, ...eni.subnetIpv6].some((subnet) => subnet !== null && contains(wanted, subnet));
}

function isGlobMatch(glob: string, text: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(text);
}
