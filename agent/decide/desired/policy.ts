/**
 * Which policy applies to an ENI: the first matching entry of the configuration, over the defaults.
 */

import { contains } from '../../../lib/ip/cidr.ts';
import { matchesWildcards } from '../../../lib/text/pattern.ts';
import type { Config, InterfaceMatch, InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata, Snapshot } from '../../model.ts';
import { rememberEach } from '../base/memo.ts';

/** What a match can refer to. */
export interface PolicySubject {
  readonly eni: EniMetadata;
  readonly isPrimary: boolean;
  readonly linkName: string;
  readonly driver: string | null;
  /**
   * Of the instance; null: it does not expose them, so nothing matches by them; undefined: not read
   * yet.
   */
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
  // The jumbo frame that every ENI of a Nitro instance carries inside its VPC (EC2 user guide,
  // "network MTU").
  mtu: 9001,
  mtuOutside: null,
  dns: true,
  defaultRoute: true,
  requiredForOnline: null,
};

/**
 * The policy of one ENI: the first entry that matches it, over the defaults.
 */
export function resolvePolicy(config: Config, { eni, ...rest }: PolicySubject): InterfacePolicy {
  return resolveEach(eni, { config, ...rest });
}

const resolveEach = rememberEach(
  (
    eni: EniMetadata,
    { config, ...rest }: Omit<PolicySubject, 'eni'> & { readonly config: Config },
  ): InterfacePolicy => {
    const entry = config.interfaces[findEntry(config, { eni, ...rest })];
    return { ...defaults, ...entry?.policy };
  },
);

/**
 * An entry matches tags that were not read yet, and all its other keys match: whether it decides is
 * unknown, unless an earlier entry decides.
 */
export function isUndecided(config: Config, subject: PolicySubject): boolean {
  for (const { match } of config.interfaces) {
    const { tag, ...rest } = match;
    if (!isMatch(rest, subject)) continue;
    const fit = tag === undefined ? true : fitTags(tag, subject.tags);
    if (fit !== false) return fit === null;
  }
  return false;
}

/** Index of the entry of `interfaces` that decides about an ENI; -1: none matches. */
export function findEntry(config: Config, subject: PolicySubject): number {
  return config.interfaces.findIndex(({ match }) => isMatch(match, subject));
}

/** Whether an entry depends on the blocks of the VPC, which are read only then. */
export function asksForVpc(config: Config): boolean {
  return config.interfaces.some(({ policy }) => (policy.mtuOutside ?? null) !== null);
}

/** Keys of the instance's tags that the configuration matches. */
export function listTagKeys(config: Config): string[] {
  return [...new Set(config.interfaces.flatMap(({ match }) => Object.keys(match.tag ?? {})))].sort();
}

/**
 * The entry that sets `manage: none` for a link regardless of its metadata; -1: none does. An
 * earlier entry that matches by metadata leaves it undecided.
 */
export function findIgnoringEntry(config: Config, link: { mac: string; name: string; driver: string }): number {
  for (const [index, { match, policy }] of config.interfaces.entries()) {
    const { mac: _mac, name: _name, driver: _driver, ...ofMetadata } = match;
    if (!fitsLink(match, link)) continue;
    return Object.keys(ofMetadata).length === 0 && policy.manage === 'none' ? index : -1;
  }
  return -1;
}

/**
 * The policy of a link regardless of its metadata, as far as rules and routes are concerned; null:
 * an entry that may match excludes the link, or its rules, from this program.
 */
export function findPlainPolicy(
  config: Config,
  link: { mac: string; name: string; driver: string },
): InterfacePolicy | null {
  const mayHold = config.interfaces.filter(({ match }) => fitsLink(match, link));
  const isPlain = mayHold.every(
    ({ policy: { manage, rules, vrf } }) =>
      (manage ?? defaults.manage) === 'full' && rules !== 'none' && (vrf ?? null) === null,
  );
  return isPlain ? defaults : null;
}

function fitsLink({ mac, name, driver }: InterfaceMatch, link: { mac: string; name: string; driver: string }): boolean {
  return (
    (mac === undefined || mac === link.mac) &&
    (name === undefined || matchesWildcards(name, link.name)) &&
    (driver === undefined || driver === link.driver)
  );
}

function isMatch(match: InterfaceMatch, { eni, linkName, driver, tags }: PolicySubject): boolean {
  return (
    (match.eni === undefined || match.eni === eni.eniId) &&
    (match.mac === undefined || match.mac === eni.mac) &&
    (match.device === undefined || match.device === eni.deviceNumber) &&
    (match.card === undefined || match.card === eni.networkCard) &&
    (match.name === undefined || matchesWildcards(match.name, linkName)) &&
    (match.subnet === undefined || isInSubnet(match.subnet, eni)) &&
    (match.driver === undefined || match.driver === driver) &&
    (match.tag === undefined || fitTags(match.tag, tags) === true)
  );
}

/** Null: whether they match is not known, since some were not read yet. */
function fitTags(wanted: Readonly<Record<string, string>>, tags: Snapshot['tags']): boolean | null {
  if (tags === undefined) return null;
  if (tags === null) return false;
  const fits = Object.entries(wanted).map(([key, glob]) => {
    if (!Object.hasOwn(tags, key)) return null;
    const value = tags[key] ?? null;
    return value !== null && matchesWildcards(glob, value);
  });
  if (fits.includes(false)) return false;
  return fits.includes(null) ? null : true;
}

function isInSubnet(wanted: string, eni: EniMetadata): boolean {
  if (wanted.startsWith('subnet-')) return wanted === eni.subnetId;
  return [eni.subnetIpv4, ...eni.subnetIpv6].some((subnet) => subnet !== null && contains(wanted, subnet));
}
