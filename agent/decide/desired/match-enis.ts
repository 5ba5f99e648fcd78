/**
 * The first steps of a decision: which link is which ENI, which policy holds for it, and whether
 * this program decides about it at all. Pure.
 */

import type { EniMetadata, EniReport, EniState, Link } from '../../model.ts';
import { type CandidateLink, findCandidates } from '../inputs/match-links.ts';
import { computeNumbers } from './declaration.ts';
import { findLocalNetwork } from './local-network.ts';
import type { Matched } from './matched.ts';
import { findOverride } from './override.ts';
import { findIgnoringEntry, isUndecided, resolvePolicy } from './policy.ts';
import { isAddressless } from './sources.ts';
import { applyVrf, findVrfObstacle } from './vrf.ts';
import { findOwnFile } from './whose-file.ts';
import { withoutIpv6 } from './without-ipv6.ts';
import type { World } from './world.ts';

type Inputs = Omit<World, 'isSilent' | 'routers' | 'foreignGroups'>;

/** An ENI that is not configured by this program. */
export interface AsideEni {
  readonly report: EniReport;
  /** It is present, and what is desired for it is not known: its objects are kept. */
  readonly isUnknown: boolean;
}

export interface MatchedEnis {
  /** Sorted by MAC. */
  readonly present: readonly Matched[];
  readonly aside: readonly AsideEni[];
  /**
   * Links that can be an ENI, by MAC, without those that the operator excludes and the metadata
   * does not list.
   */
  readonly known: ReadonlyMap<string, readonly CandidateLink[]>;
}

type Standing =
  | { readonly kind: 'present'; readonly one: Matched }
  | { readonly kind: 'aside'; readonly aside: AsideEni; readonly isStranger?: true };

const nothingContested: Matched['contested'] = [];

export function matchEnis(world: Inputs): MatchedEnis {
  const candidates = findCandidates(world.kernel, world.config.drivers);
  const standings = [...candidates]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([mac, links]) => {
      const [candidate, twin] = links;
      if (candidate === undefined) return [];
      const standing = twin === undefined ? standOne(world, mac, candidate) : refuseTwins(world, mac, links);
      return [{ mac, standing }];
    });
  const strangers = new Set(
    standings.flatMap(({ mac, standing }) => (standing.kind === 'aside' && standing.isStranger === true ? [mac] : [])),
  );
  return {
    present: standings.flatMap(({ standing }) => (standing.kind === 'present' ? [standing.one] : [])),
    aside: [
      ...standings.flatMap(({ standing }) => (standing.kind === 'aside' ? [standing.aside] : [])),
      ...listAbsent(world, candidates),
    ],
    known: new Map([...candidates].filter(([mac]) => !strangers.has(mac))),
  };
}

/** Policy and standing of the one link with this MAC. */
function standOne(world: Inputs, mac: string, candidate: CandidateLink): Standing {
  const { config, kernel, networkd, snapshot } = world;
  const { link, driver } = candidate;
  const reading = findMetadata(world, mac);
  const aside = (eni: EniMetadata | null, state: EniState, isUnknown: boolean): Standing => ({
    kind: 'aside',
    aside: { report: reportOf(world, { mac, eni, link, state }), isUnknown },
  });
  if (reading.kind === 'unknown') {
    const isIgnored = !world.failures.has(mac) && findIgnoringEntry(config, { mac, name: link.name, driver }) !== -1;
    if (!isIgnored) return aside(null, reading.state, true);
    const ignored = aside(null, { kind: 'ignored', reason: 'manage: none in the configuration' }, false);
    return isListed(world, mac) || ignored.kind !== 'aside' ? ignored : { ...ignored, isStranger: true };
  }
  const local = findLocalNetwork(world, reading.eni, link);
  const eni = local ?? reading.eni;
  const isPrimary = mac === snapshot?.primaryMac;
  const subject = { eni, isPrimary, linkName: link.name, driver, tags: snapshot?.tags };
  if (isUndecided(config, subject)) {
    const reason = 'an entry of the configuration matches instance tags, which were not read yet';
    return aside(eni, { kind: 'waiting', reason }, true);
  }
  const policy = applyVrf(resolvePolicy(config, subject), kernel.links);
  const override =
    findVrfObstacle(policy, kernel.links, isPrimary) ??
    findOverride({ link, links: kernel.links, networkd, ownFile: findOwnFile(world, link), policy });
  if (override !== null) return aside(eni, override.state, override.isUnknown);
  const { tableId, leaseTable, metric } = computeNumbers(eni, policy);
  const isLeaving = reading.kind === 'departed';
  const contested = snapshot?.contested?.[mac] ?? nothingContested;
  const rest = { isPrimary, isLeaving, isLocalNetwork: local !== null, policy, tableId, leaseTable, metric, contested };
  return { kind: 'present', one: { eni, candidate, ...rest, duplicates: [], collision: null } };
}

function refuseTwins(world: Inputs, mac: string, links: readonly CandidateLink[]): Standing {
  const reading = findMetadata(world, mac);
  const eni = reading.kind === 'unknown' ? null : reading.eni;
  const names = links.map(({ link }) => link.name).sort();
  const reason = `links ${names.join(' and ')} both have MAC ${mac}: expected one; neither is changed. Remove one, or change its MAC`;
  const state = { kind: 'degraded', reason } as const;
  const report = reportOf(world, { mac, eni, link: links[0]?.link ?? null, state });
  return { kind: 'aside', aside: { report, isUnknown: true } };
}

/** ENIs in the metadata without a link. */
function listAbsent(world: Inputs, candidates: ReadonlyMap<string, unknown>): AsideEni[] {
  return (world.snapshot?.enis ?? []).flatMap((reading) => {
    const mac = reading.kind === 'ready' ? reading.eni.mac : reading.mac;
    if (candidates.has(mac)) return [];
    const eni = reading.kind === 'ready' && !world.failures.has(mac) ? reading.eni : null;
    // With newer versions of libfabric an EFA-only ENI never has a network device.
    const isFinal = eni !== null && isAddressless(eni);
    const state: EniState = isFinal
      ? { kind: 'ignored', reason: 'no network device: EFA-only' }
      : { kind: 'waiting', reason: 'no link with this MAC yet' };
    return [{ report: reportOf(world, { mac, eni, link: null, state }), isUnknown: false }];
  });
}

interface Reported {
  readonly mac: string;
  readonly eni: EniMetadata | null;
  readonly link: Link | null;
  readonly state: EniState;
}

function reportOf({ snapshot }: Pick<World, 'snapshot'>, { mac, eni, link, state }: Reported): EniReport {
  const isPrimary = mac === snapshot?.primaryMac;
  return { mac, eni, linkIndex: link?.index ?? null, linkName: link?.name ?? null, isPrimary, state };
}

function isListed({ snapshot }: Pick<World, 'snapshot'>, wanted: string): boolean {
  return (snapshot?.enis ?? []).some(
    (reading) => (reading.kind === 'ready' ? reading.eni.mac : reading.mac) === wanted,
  );
}

type MetadataOfMac =
  | { readonly kind: 'known' | 'departed'; readonly eni: EniMetadata }
  | { readonly kind: 'unknown'; readonly state: EniState };

export function findMetadata(
  { kernel, snapshot, departed, failures }: Pick<World, 'kernel' | 'snapshot' | 'departed' | 'failures'>,
  mac: string,
): MetadataOfMac {
  const failure = failures.get(mac);
  if (failure !== undefined) {
    const reason = `internal error: ${failure}; its present configuration is kept. Please report it`;
    return { kind: 'unknown', state: { kind: 'degraded', reason } };
  }
  if (snapshot === null) {
    return { kind: 'unknown', state: { kind: 'waiting', reason: 'the metadata service has not answered yet' } };
  }
  for (const reading of snapshot.enis) {
    if (reading.kind === 'ready' && reading.eni.mac === mac) return describeUsable(kernel, 'known', reading.eni);
    if (reading.kind === 'pending' && reading.mac === mac) {
      return { kind: 'unknown', state: { kind: 'waiting', reason: `metadata has not propagated: ${reading.reason}` } };
    }
    if (reading.kind === 'invalid' && reading.mac === mac) {
      return { kind: 'unknown', state: { kind: 'degraded', reason: reading.reason } };
    }
  }
  const gone = departed.find((eni) => eni.mac === mac);
  if (gone !== undefined) return describeUsable(kernel, 'departed', gone);
  return { kind: 'unknown', state: { kind: 'waiting', reason: 'the metadata does not list this MAC yet' } };
}

function describeUsable(kernel: World['kernel'], kind: 'known' | 'departed', eni: EniMetadata): MetadataOfMac {
  if (kernel.lacksIpv6 !== true) return { kind, eni };
  const usable = withoutIpv6(eni);
  if (!isAddressless(usable) || isAddressless(eni)) return { kind, eni: usable };
  const reason = 'all its addresses are IPv6, and this kernel has no IPv6; what stands for it is kept';
  return { kind: 'unknown', state: { kind: 'degraded', reason } };
}
