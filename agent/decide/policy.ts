/** Which policy holds for an ENI: the first matching entry of the configuration over the defaults. */

import { contains } from '../../lib/ip/cidr.ts';
import type { Config, InterfaceMatch, InterfacePolicy } from '../config/types.ts';
import type { EniMetadata, Snapshot } from '../model.ts';

/** What a match can look at. */
export interface PolicySubject {
  readonly eni: EniMetadata;
  readonly isPrimary: boolean;
  readonly linkName: string;
  readonly driver: string | null;
  /** Of the instance; null: it does not offer them, so nothing matches by them; undefined: not read yet. */
  readonly tags: Snapshot['tags'];
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
  reversePathFilter: 'keep',
  arp: 'keep',
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
  const entry = config.interfaces[findEntry(config, subject)];
  return { ...defaults, rules: subject.isPrimary ? 'none' : 'standard', ...entry?.policy };
}

/**
 * An entry asks for tags that were not read yet, and all else that it asks for fits: whether it decides is unknown, unless
 * an entry before it does.
 */
export function isUndecided(config: Config, subject: PolicySubject): boolean {
  if (subject.tags !== undefined) return false;
  const first = config.interfaces.find(({ match: { tag: _tag, ...rest } }) => isMatch(rest, subject));
  return first?.match.tag !== undefined;
}

/** Index of the entry of `interfaces` that decides about an ENI; -1: none matches. */
export function findEntry(config: Config, subject: PolicySubject): number {
  return config.interfaces.findIndex(({ match }) => isMatch(match, subject));
}

/** Keys of the instance's tags that the configuration asks for. */
export function listTagKeys(config: Config): string[] {
  return [...new Set(config.interfaces.flatMap(({ match }) => Object.keys(match.tag ?? {})))].sort();
}

/**
 * The entry that says `manage: none` of a link whatever its metadata will be; -1: none does. An earlier entry that asks for
 * something only the metadata knows leaves it open.
 */
export function findIgnoringEntry(config: Config, link: { mac: string; name: string; driver: string }): number {
  for (const [index, { match, policy }] of config.interfaces.entries()) {
    const { mac, name, driver, ...ofMetadata } = match;
    const isOurs =
      (mac === undefined || mac === link.mac) &&
      (name === undefined || isGlobMatch(name, link.name)) &&
      (driver === undefined || driver === link.driver);
    if (!isOurs) continue;
    return Object.keys(ofMetadata).length === 0 && policy.manage === 'none' ? index : -1;
  }
  return -1;
}

function isMatch(match: InterfaceMatch, { eni, linkName, driver, tags }: PolicySubject): boolean {
  return (
    (match.eni === undefined || match.eni === eni.eniId) &&
    (match.mac === undefined || match.mac === eni.mac) &&
    (match.device === undefined || match.device === eni.deviceNumber) &&
    (match.card === undefined || match.card === eni.networkCard) &&
    (match.name === undefined || isGlobMatch(match.name, linkName)) &&
    (match.subnet === undefined || isInSubnet(match.subnet, eni)) &&
    (match.driver === undefined || match.driver === driver) &&
    (match.tag === undefined || hasTags(match.tag, tags ?? {}))
  );
}

function hasTags(wanted: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, glob]) => {
    const value = Object.hasOwn(tags, key) ? tags[key] : undefined;
    return value !== undefined && isGlobMatch(glob, value);
  });
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
  return new RegExp(`^${pattern}$`, 's').test(text);
}
