/** Desired state: what follows from configuration, metadata, links and networkd's word. Pure. */

import type { Desired, DesiredEni, EniMetadata, EniReport, EniState, Link } from '../../model.ts';
import { isMadeByNetworkd } from '../base/kernel-numbers.ts';
import { findCandidates } from '../inputs/match-links.ts';
import { computeNumbers } from './declaration.ts';
import { computeRoutes, computeSubstitutes, decideEni, type Routed } from './desired-eni.ts';
import { yieldDuplicates } from './duplicates.ts';
import { findCollision } from './eni-state.ts';
import { listForeignRoutes, type MainTable, readMainTable } from './main-table.ts';
import type { Matched } from './matched.ts';
import { findOverride } from './override.ts';
import { findIgnoringEntry, isUndecided, resolvePolicy } from './policy.ts';
import { computeProvisional } from './provisional.ts';
import { describeHost, listPeers } from './situation.ts';
import { isAddressless } from './sources.ts';
import { applyVrf, findVrfObstacle } from './vrf.ts';
import { findOwnFile } from './whose-file.ts';
import type { World } from './world.ts';

/** The whole desired state and how each ENI stands. The order of the input lists does not matter. */
export function computeDesired(world: World): Desired {
  const candidates = findCandidates(world.kernel, world.config.drivers);
  const present: Matched[] = [];
  const reports: EniReport[] = [];
  const unknownMacs: string[] = [];
  /** Of links that the operator calls none of ours, and the metadata does not list. */
  const strangers = new Set<string>();
  const setAside = (mac: string, eni: EniMetadata | null, link: Link | null, state: EniState, isUnknown: boolean) => {
    reports.push({
      mac,
      eni,
      linkIndex: link?.index ?? null,
      linkName: link?.name ?? null,
      isPrimary: mac === world.snapshot?.primaryMac,
      state,
    });
    if (isUnknown && link !== null) unknownMacs.push(mac);
  };

  for (const [mac, links] of sortByKey(candidates)) {
    const [candidate, twin] = links;
    if (candidate === undefined) continue;
    const reading = readMetadata(world, mac);
    const eni = reading.kind === 'unknown' ? null : reading.eni;
    if (twin !== undefined) {
      const names = links.map(({ link }) => link.name).sort();
      const reason = `links ${names.join(' and ')} both have MAC ${mac}: expected one; neither is changed. Remove or rename the MAC of one`;
      setAside(mac, eni, candidate.link, { kind: 'degraded', reason }, true);
    } else if (reading.kind === 'unknown') {
      const { link, driver } = candidate;
      const isIgnored =
        world.failures?.has(mac) !== true && findIgnoringEntry(world.config, { mac, name: link.name, driver }) !== -1;
      if (isIgnored && !isListed(world, mac)) strangers.add(mac);
      const ignored: EniState = { kind: 'ignored', reason: 'manage: none in the configuration' };
      setAside(mac, null, link, isIgnored ? ignored : reading.state, !isIgnored);
    } else {
      const isPrimary = mac === world.snapshot?.primaryMac;
      const { link, driver } = candidate;
      const subject = { eni: reading.eni, isPrimary, linkName: link.name, driver, tags: world.snapshot?.tags };
      if (isUndecided(world.config, subject)) {
        const reason = 'an entry of the configuration asks for tags of the instance, which were not read yet';
        setAside(mac, reading.eni, link, { kind: 'waiting', reason }, true);
        continue;
      }
      const policy = applyVrf(resolvePolicy(world.config, subject), world.kernel.links);
      const override =
        findVrfObstacle(policy, world.kernel.links, isPrimary) ??
        findOverride(link, world.kernel.links, world.networkd, findOwnFile(world, link), policy);
      if (override === null) {
        const { tableId, leaseTable } = computeNumbers(reading.eni, policy);
        const isLeaving = reading.kind === 'departed';
        present.push({
          eni: reading.eni,
          candidate,
          isPrimary,
          isLeaving,
          policy,
          tableId,
          leaseTable,
          contested: world.snapshot?.contested?.[mac] ?? [],
          duplicates: [],
        });
      } else setAside(mac, reading.eni, link, override.state, override.isUnknown);
    }
  }
  for (const reading of world.snapshot?.enis ?? []) {
    const mac = reading.kind === 'ready' ? reading.eni.mac : reading.mac;
    if (candidates.has(mac)) continue;
    const eni = reading.kind === 'ready' && world.failures?.has(mac) !== true ? reading.eni : null;
    // With newer versions of libfabric an EFA-only ENI has no network device at all: that is how it stays.
    const isFinal = eni !== null && isAddressless(eni);
    const state: EniState = isFinal
      ? { kind: 'ignored', reason: 'no network device: EFA-only' }
      : { kind: 'waiting', reason: 'no link with this MAC yet' };
    setAside(mac, eni, null, state, false);
  }

  const matched = yieldDuplicates(present);
  // One that has lost its table to another ENI is left as it stands: neither its group nor its
  // routes are to be counted on.
  const settled = matched.filter((one) => findCollision(one, matched) === null);
  const substitutes = computeSubstitutes(world, settled);
  const routed = matched.map((one) => computeRoutes(world, one, substitutes));
  const main = computeMainTable(
    world,
    routed.filter(({ one }) => settled.includes(one)),
  );
  const knownEni = (mac: string) => {
    const reading = readMetadata(world, mac);
    return reading.kind === 'unknown' ? null : reading.eni;
  };
  const known = new Map([...candidates].filter(([mac]) => !strangers.has(mac)));
  const peers = listPeers(
    { candidates: known, matched: settled, links: world.kernel.links },
    knownEni,
    world.foreignGroups,
  );
  const eniLinks = new Set([...known.values()].flat().map(({ link }) => link.index));
  const host = describeHost({ peers, eniLinks, addresses: world.kernel.addresses, main }, matched);
  const enis: DesiredEni[] = [];
  for (const mine of routed) {
    const { report, desired } = decideEni(world, mine, matched, host);
    reports.push(report);
    if (desired === null) unknownMacs.push(report.mac);
    else enis.push(desired);
  }
  reports.sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
  const provisional = computeProvisional(world);
  const added = provisional.length === 0 ? {} : { provisional };
  return { enis, reports, unknownMacs: unknownMacs.sort(), ...added };
}

/** Without the defaults by ENIs that are to have none, which diff-leases removes. */
function computeMainTable(world: World, routed: readonly Routed[]): MainTable {
  const leaving = new Set(
    routed.flatMap(({ one: { policy, candidate }, isTakenUp }) =>
      policy.manage === 'full' && !policy.defaultRoute && isTakenUp ? [candidate.link.index] : [],
    ),
  );
  const staying = listForeignRoutes(world.kernel.routes).filter(
    (route) =>
      !(leaving.has(route.linkIndex ?? 0) && isMadeByNetworkd(route) && /^(0\.0\.0\.0|::)\/0$/.test(route.destination)),
  );
  return readMainTable(
    staying,
    routed.flatMap(({ mainRoutes, operator }) => [...mainRoutes, ...operator.routes]),
  );
}

function isListed({ snapshot }: World, wanted: string): boolean {
  return (snapshot?.enis ?? []).some(
    (reading) => (reading.kind === 'ready' ? reading.eni.mac : reading.mac) === wanted,
  );
}

/** As an operator counts them: by card and device; what the metadata do not know comes last. As text, to compare. */
function placeOf({ mac, eni, linkName }: EniReport): string {
  if (eni === null) return `unknown ${linkName ?? ''} ${mac}`;
  return `${String(eni.networkCard).padStart(4, '0')} ${String(eni.deviceNumber).padStart(4, '0')} ${mac}`;
}

function sortByKey<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}

type MetadataOfMac =
  | { readonly kind: 'known' | 'departed'; readonly eni: EniMetadata }
  | { readonly kind: 'unknown'; readonly state: EniState };

function readMetadata(world: World, mac: string): MetadataOfMac {
  const failure = world.failures?.get(mac);
  if (failure !== undefined) {
    const reason = `internal error: ${failure}; what was made for it before is kept. Please report it`;
    return { kind: 'unknown', state: { kind: 'degraded', reason } };
  }
  if (world.snapshot === null) {
    return { kind: 'unknown', state: { kind: 'waiting', reason: 'the metadata service has not answered yet' } };
  }
  for (const reading of world.snapshot.enis) {
    if (reading.kind === 'ready' && reading.eni.mac === mac) return { kind: 'known', eni: reading.eni };
    if (reading.kind === 'pending' && reading.mac === mac) {
      return { kind: 'unknown', state: { kind: 'waiting', reason: `metadata has not propagated: ${reading.reason}` } };
    }
    if (reading.kind === 'invalid' && reading.mac === mac) {
      return { kind: 'unknown', state: { kind: 'degraded', reason: reading.reason } };
    }
  }
  const departed = world.departed.find((eni) => eni.mac === mac);
  if (departed !== undefined) return { kind: 'departed', eni: departed };
  return { kind: 'unknown', state: { kind: 'waiting', reason: 'the metadata does not list this MAC yet' } };
}
