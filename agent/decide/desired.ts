/** Desired state: what follows from configuration, metadata, links and networkd's word. Pure. */

import type { Config } from '../config/types.ts';
import type {
  Desired,
  DesiredEni,
  EniMetadata,
  EniReport,
  EniState,
  KernelState,
  Link,
  NetworkdState,
  Snapshot,
} from '../model.ts';
import { computeNumbers, declareEni, renderEach } from './declaration.ts';
import {
  computeDefaultRoutes,
  computeMainRoutes,
  computeOperatorRoutes,
  hasLease,
  type Matched,
  noDefaults,
  noOperatorRoutes,
} from './eni-objects.ts';
import { findCandidates } from './match-links.ts';
import { keepsAddresses, nameNetworkFile } from './network-file.ts';
import { findOverride } from './override.ts';
import { findIgnoringEntry, isUndecided, resolvePolicy } from './policy.ts';
import type { KnownRouter } from './routers.ts';
import { findSubnetHolders, listSubnets, type SubnetHolders } from './sources.ts';
import { computeAddressStandIns } from './stand-ins.ts';
import type { OwnFile } from './unit-directory.ts';
import { applyVrf, findVrfObstacle, isInPlace } from './vrf.ts';
import { findOwnFile, isVrfOurs } from './whose-file.ts';

export interface World {
  readonly config: Config;
  /** Null: the metadata was never read. */
  readonly snapshot: Snapshot | null;
  /** ENIs that the metadata listed before and lists no more; they stay as they are while their link is there. */
  readonly departed: readonly EniMetadata[];
  readonly kernel: KernelState;
  /** IPv6 routers that were seen, also where their route is gone for the moment. */
  readonly routers: readonly KnownRouter[];
  readonly networkd: NetworkdState;
  /** This program's files in the unit directory. */
  readonly ownFiles: readonly OwnFile[];
  /** Names of other programs' files there that begin as ours do. */
  readonly foreignFiles: readonly string[];
}

type Standing = { readonly report: EniReport; readonly desired: DesiredEni | null };

/** The whole desired state and how each ENI stands. The order of the input lists does not matter. */
export function computeDesired(world: World): Desired {
  const candidates = findCandidates(world.kernel, world.config.drivers);
  const matched: Matched[] = [];
  const reports: EniReport[] = [];
  const unknownMacs: string[] = [];
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
      const isIgnored = findIgnoringEntry(world.config, { mac, name: link.name, driver }) !== -1;
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
        matched.push({ eni: reading.eni, candidate, isPrimary, isLeaving, policy, tableId, leaseTable });
      } else setAside(mac, reading.eni, link, override.state, override.isUnknown);
    }
  }
  for (const reading of world.snapshot?.enis ?? []) {
    const mac = reading.kind === 'ready' ? reading.eni.mac : reading.mac;
    if (candidates.has(mac)) continue;
    const eni = reading.kind === 'ready' ? reading.eni : null;
    setAside(mac, eni, null, { kind: 'waiting', reason: 'no link with this MAC yet' }, false);
  }

  const holders = findSubnetHolders(
    matched.map(({ eni }) => eni),
    world.kernel.addresses,
  );
  const enis: DesiredEni[] = [];
  for (const one of matched) {
    const { report, desired } = decideEni(world, one, matched, holders);
    reports.push(report);
    if (desired === null) unknownMacs.push(report.mac);
    else enis.push(desired);
  }
  reports.sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
  return { enis, reports, unknownMacs: unknownMacs.sort() };
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

function decideEni(world: World, one: Matched, all: readonly Matched[], holders: SubnetHolders): Standing {
  const { eni, candidate, isPrimary, policy, tableId } = one;
  const { link } = candidate;
  const { metric } = computeNumbers(eni, policy);
  const report = (state: EniState): EniReport => ({
    mac: eni.mac,
    eni,
    linkIndex: link.index,
    linkName: link.name,
    isPrimary,
    state,
  });

  const collision = findCollision(one, all);
  if (collision !== null) return { report: report({ kind: 'degraded', reason: collision }), desired: null };

  const isManaged = policy.manage === 'full';
  const isRouted = (isManaged || policy.manage === 'rules') && policy.rules !== 'none';
  const others = all.filter((other) => other !== one);
  const isOccupied = (subnet: string) => [...(holders.get(subnet) ?? [])].some((index) => index !== link.index);
  const declared = declareEni(
    eni,
    link,
    isPrimary,
    policy,
    others.flatMap((other) => listSubnets(other.eni)).join(),
    listSubnets(eni).filter(isOccupied).join(),
    others.some((other) => other.policy.select.length > 0),
  );
  const standIns =
    isManaged && !keepsAddresses(world.networkd.version)
      ? computeAddressStandIns(world.kernel.addresses, link.index, eni.ipv6Addresses)
      : [];
  const defaults = isRouted ? computeDefaultRoutes(world, one, metric) : noDefaults;
  const operator =
    isManaged || policy.manage === 'rules' ? computeOperatorRoutes(world, one, metric) : noOperatorRoutes;
  const fileName = nameNetworkFile(world.config.networkd.prefix, link.name);
  const inForce = world.networkd.links.find(({ linkIndex }) => linkIndex === link.index)?.networkFile ?? '';
  const isTakenUp = inForce.endsWith(`/${fileName}`);
  const mainRoutes = isManaged ? computeMainRoutes(world, one, { metric, isTakenUp }) : [];
  const networkFiles = isManaged
    ? renderEach(
        eni,
        world.config.networkd.prefix,
        link,
        isPrimary,
        world.networkd.version,
        policy,
        declared,
        operator.routes,
        policy.vrf !== null && isVrfOurs(world, policy.vrf, world.kernel.links),
      )
    : [];
  // Until the kernel has moved the link, every route is in the table of before: none is made, and none removed.
  const takesRoutes = link.isUp && isInPlace(link, policy, world.kernel.links);
  return {
    report: report(describeState(world, one, defaults.unresolvedFamilies)),
    desired: {
      mac: eni.mac,
      eniId: eni.eniId,
      linkIndex: link.index,
      linkName: link.name,
      isPrimary,
      vrf: policy.vrf,
      tableId,
      metric,
      networkFiles,
      addresses: declared.addresses,
      // A down link takes no routes: the kernel answers ENETDOWN. networkd raises it.
      routes: takesRoutes
        ? [
            ...[...declared.subnetRoutes, ...declared.localRoutes, ...standIns],
            ...[...defaults.routes, ...mainRoutes, ...operator.routes],
          ]
        : [],
      rules: declared.rules,
      altNames: declared.altNames,
      settings: declared.settings,
      lease: isInPlace(link, policy, world.kernel.links) ? declared.lease : null,
      unresolvedFamilies: takesRoutes ? [...defaults.unresolvedFamilies, ...operator.unresolvedFamilies] : [4, 6],
    },
  };
}

/** Two ENIs on one table would send each other's traffic: the primary keeps it, else the lower MAC. */
function findCollision(one: Matched, all: readonly Matched[]): string | null {
  const { tableId } = one;
  const { vrf } = one.policy;
  const rank = (matched: Matched) => `${matched.isPrimary ? 0 : 1} ${matched.eni.mac}`;
  const rival = all.find(
    (other) =>
      other !== one &&
      (other.tableId === tableId || (vrf !== null && other.policy.vrf === vrf)) &&
      rank(other) < rank(one),
  );
  if (rival === undefined) return null;
  const name = rival.eni.eniId ?? rival.eni.mac;
  if (vrf !== null && rival.policy.vrf === vrf) return `VRF ${vrf} is taken by ${name}: expected one ENI in it`;
  return `table ${tableId} is taken by ${name}: expected one ENI per device and card number; set \`table:\` for one of them`;
}

function describeState(world: World, one: Matched, unresolved: readonly (4 | 6)[]): EniState {
  const { eni, candidate, policy } = one;
  if (one.isLeaving) return { kind: 'leaving', reason: 'the metadata lists it no more; kept until its link goes' };
  if (policy.manage !== 'full') return { kind: 'configured' };
  if (world.networkd.kind === 'absent') {
    return { kind: 'degraded', reason: 'systemd-networkd is not on the bus: leases are not renewed. Start it' };
  }
  if (world.networkd.kind === 'unknown') return { kind: 'degraded', reason: 'the system bus does not answer' };
  if (!isInPlace(candidate.link, policy, world.kernel.links)) {
    return { kind: 'waiting', reason: `not ${policy.vrf === null ? 'out of its VRF' : `in VRF ${policy.vrf}`} yet` };
  }
  if (eni.ipv4Addresses.length > 0 && !hasLease(world.kernel.addresses, candidate.link.index, eni)) {
    return { kind: 'waiting', reason: `no lease for ${eni.ipv4Addresses[0]} yet` };
  }
  if (eni.ipv6Addresses.length > 0 && policy.rules !== 'none' && unresolved.includes(6)) {
    return { kind: 'waiting', reason: 'no router advertisement yet' };
  }
  return { kind: 'configured' };
}
