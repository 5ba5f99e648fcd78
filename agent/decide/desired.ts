/** Desired state: what follows from configuration, metadata, links and networkd's word. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import { addressAt } from '../../lib/ip/cidr.ts';
import type { Config, InterfacePolicy } from '../config/types.ts';
import type {
  Address,
  Desired,
  DesiredAddress,
  DesiredEni,
  DesiredRoute,
  EniMetadata,
  EniReport,
  EniState,
  KernelState,
  Link,
  NetworkdState,
  Snapshot,
} from '../model.ts';
import { type CandidateLink, findCandidates } from './match-links.ts';
import { nameNetworkFile, renderNetworkFiles } from './network-file.ts';
import { computeEniNumber, computeMetric } from './numbers.ts';
import { findOverride, type OwnNetworkFile } from './override.ts';
import { isIgnoredLink, resolvePolicy } from './policy.ts';
import { computeRules, isExcluded, listPrefixSources, listSubnets } from './sources.ts';

export interface World {
  readonly config: Config;
  /** Null: the metadata was never read. */
  readonly snapshot: Snapshot | null;
  /** ENIs that the metadata listed before and lists no more; they stay as they are while their link is there. */
  readonly departed: readonly EniMetadata[];
  readonly kernel: KernelState;
  readonly networkd: NetworkdState;
  /** Names of this program's files in the unit directory. */
  readonly ownFiles: ReadonlySet<string>;
}

/** One present link with the ENI it is, ready to be configured. */
interface Matched {
  readonly eni: EniMetadata;
  readonly candidate: CandidateLink;
  readonly isPrimary: boolean;
  readonly isLeaving: boolean;
  readonly policy: InterfacePolicy;
}

type Standing = { readonly report: EniReport; readonly desired: DesiredEni | null };

const mainTable = 254;
const localTable = 255;
/** RTPROT_RA and RTPROT_DHCP (linux/rtnetlink.h). */
const routerAdvertisementProtocol = 9;
const dhcpProtocol = 16;

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
      const isIgnored = isIgnoredLink(world.config, { mac, name: link.name, driver });
      const ignored: EniState = { kind: 'ignored', reason: 'manage: none in the configuration' };
      setAside(mac, null, link, isIgnored ? ignored : reading.state, !isIgnored);
    } else {
      const isPrimary = mac === world.snapshot?.primaryMac;
      const { link, driver } = candidate;
      const policy = resolvePolicy(world.config, { eni: reading.eni, isPrimary, linkName: link.name, driver });
      const override = findOverride(link, world.kernel.links, world.networkd, ownFileOf(world, link), policy);
      if (override === null) {
        matched.push({ eni: reading.eni, candidate, isPrimary, isLeaving: reading.kind === 'departed', policy });
      } else setAside(mac, reading.eni, link, override.state, override.isUnknown);
    }
  }
  for (const reading of world.snapshot?.enis ?? []) {
    const mac = reading.kind === 'ready' ? reading.eni.mac : reading.mac;
    if (candidates.has(mac)) continue;
    const eni = reading.kind === 'ready' ? reading.eni : null;
    setAside(mac, eni, null, { kind: 'waiting', reason: 'no link with this MAC yet' }, false);
  }

  const enis: DesiredEni[] = [];
  for (const one of matched) {
    const { report, desired } = decideEni(world, one, matched);
    reports.push(report);
    if (desired === null) unknownMacs.push(report.mac);
    else enis.push(desired);
  }
  reports.sort((left, right) => (left.mac < right.mac ? -1 : 1));
  return { enis, reports, unknownMacs: unknownMacs.sort() };
}

function ownFileOf({ config, ownFiles }: World, link: Link): OwnNetworkFile {
  const name = nameNetworkFile(config.networkd.prefix, link.name);
  return { path: `${config.networkd.unitDirectory}/${name}`, exists: ownFiles.has(name) };
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

function decideEni(world: World, one: Matched, all: readonly Matched[]): Standing {
  const { eni, candidate, isPrimary, policy } = one;
  const { link } = candidate;
  const eniNumber = computeEniNumber(eni);
  const tableId = policy.table ?? eniNumber;
  const metric = policy.metric ?? computeMetric(eni);
  const report = (state: EniState): EniReport => ({
    mac: eni.mac,
    eni,
    linkIndex: link.index,
    linkName: link.name,
    isPrimary,
    state,
  });

  const collision = findCollision(one, all, tableId);
  if (collision !== null) return { report: report({ kind: 'degraded', reason: collision }), desired: null };

  const isManaged = policy.manage === 'full';
  const isRouted = (isManaged || policy.manage === 'rules') && policy.rules !== 'none';
  const addresses = isManaged ? computeAddresses(one) : [];
  const rules = isRouted
    ? computeRules({
        eni,
        policy,
        eniNumber,
        tableId,
        otherSubnets: all.filter((other) => other !== one).flatMap((other) => listSubnets(other.eni)),
        otherAddresses: world.kernel.addresses
          .filter((address) => address.linkIndex !== link.index && address.scope === 0)
          .map(({ address }) => address),
      })
    : [];
  const staticRoutes = isRouted ? computeSubnetRoutes(eni, link, tableId, metric) : [];
  const localRoutes = isManaged && policy.prefixes === 'local' ? computeLocalRoutes(one) : [];
  const defaults = isRouted ? computeDefaultRoutes(world.kernel, one, tableId, metric) : noDefaults;
  const networkFiles = isManaged
    ? renderNetworkFiles(world.config.networkd.prefix, {
        eni,
        link,
        isPrimary,
        policy,
        tableId,
        metric,
        addresses,
        routes: [...staticRoutes, ...localRoutes],
        rules,
      })
    : [];
  return {
    report: report(describeState(world, one, defaults.unresolvedFamilies)),
    desired: {
      mac: eni.mac,
      eniId: eni.eniId,
      linkIndex: link.index,
      linkName: link.name,
      isPrimary,
      tableId,
      metric,
      networkFiles,
      addresses,
      // A down link takes no routes: the kernel answers ENETDOWN. networkd raises it.
      routes: link.isUp ? [...staticRoutes, ...localRoutes, ...defaults.routes] : [],
      rules,
      altNames: computeAltNames(eni),
      unresolvedFamilies: link.isUp ? defaults.unresolvedFamilies : [4, 6],
    },
  };
}

/** Two ENIs on one table would send each other's traffic: the primary keeps it, else the lower MAC. */
function findCollision(one: Matched, all: readonly Matched[], tableId: number): string | null {
  const rank = (matched: Matched) => `${matched.isPrimary ? 0 : 1} ${matched.eni.mac}`;
  const rival = all.find(
    (other) =>
      other !== one && (other.policy.table ?? computeEniNumber(other.eni)) === tableId && rank(other) < rank(one),
  );
  if (rival === undefined) return null;
  return `table ${tableId} is taken by ${rival.eni.eniId ?? rival.eni.mac}: expected one ENI per device and card number; set \`table:\` for one of them`;
}

function computeAddresses({ eni, candidate, policy }: Matched): DesiredAddress[] {
  if (policy.secondary === 'route-only') return [];
  const linkIndex = candidate.link.index;
  // The primary IPv4 address is the lease's.
  return [
    ...eni.ipv4Addresses.slice(1).map((address) => ({ linkIndex, address, prefixLength: 32 })),
    ...eni.ipv6Addresses.map((address) => ({ linkIndex, address, prefixLength: 128 })),
  ].filter(({ address }) => !isExcluded(policy, address));
}

function computeSubnetRoutes(eni: EniMetadata, link: Link, table: number, metric: number): DesiredRoute[] {
  return listSubnets(eni).map((destination) => ({
    table,
    destination,
    type: 'unicast',
    gateway: null,
    linkIndex: link.index,
    metric,
  }));
}

/** AnyIP: the whole prefix is local to this host. */
function computeLocalRoutes({ eni, candidate, policy }: Matched): DesiredRoute[] {
  return listPrefixSources(eni, policy).map((destination) => ({
    table: localTable,
    destination,
    type: 'local',
    gateway: null,
    linkIndex: candidate.link.index,
    // IPv6 has no metric 0: the kernel turns it into 1024, and a wish that never comes true would be a repair for ever.
    metric: familyOf(destination) === 4 ? 0 : 1024,
  }));
}

interface DefaultRoutes {
  readonly routes: readonly DesiredRoute[];
  readonly unresolvedFamilies: readonly (4 | 6)[];
}

const noDefaults: DefaultRoutes = { routes: [], unresolvedFamilies: [] };

function computeDefaultRoutes(kernel: KernelState, one: Matched, table: number, metric: number): DefaultRoutes {
  const routes: DesiredRoute[] = [];
  const unresolvedFamilies: (4 | 6)[] = [];
  const linkIndex = one.candidate.link.index;
  for (const family of [4, 6] as const) {
    const gateway = family === 4 ? findIpv4Gateway(kernel, one) : findIpv6Gateway(kernel, linkIndex);
    if (gateway === null) {
      unresolvedFamilies.push(family);
      continue;
    }
    const destination = family === 4 ? '0.0.0.0/0' : '::/0';
    routes.push({ table, destination, type: 'unicast', gateway, linkIndex, metric });
  }
  return { routes, unresolvedFamilies };
}

/** The lease's router; before the lease there is none. Where the lease makes no route, the subnet's first host. */
function findIpv4Gateway(kernel: KernelState, { eni, candidate }: Matched): string | null {
  if (!hasLease(kernel.addresses, candidate.link.index, eni)) return null;
  const leased = kernel.routes.find(
    (route) =>
      route.linkIndex === candidate.link.index &&
      route.destination === '0.0.0.0/0' &&
      route.table === mainTable &&
      route.protocol === dhcpProtocol,
  );
  return leased?.gateway ?? (eni.subnetIpv4 === null ? null : addressAt(eni.subnetIpv4, 1n));
}

function findIpv6Gateway(kernel: KernelState, linkIndex: number): string | null {
  const advertised = kernel.routes.find(
    (route) =>
      route.linkIndex === linkIndex &&
      route.destination === '::/0' &&
      route.table === mainTable &&
      route.protocol === routerAdvertisementProtocol,
  );
  return advertised?.gateway ?? null;
}

function hasLease(addresses: readonly Address[], linkIndex: number, eni: EniMetadata): boolean {
  const primary = eni.ipv4Addresses[0];
  return addresses.some((address) => address.linkIndex === linkIndex && address.address === primary);
}

/** `eni-…` and `device-number-DEVICE.CARD`, the names that amazon-ec2-net-utils gives. */
function computeAltNames(eni: EniMetadata): string[] {
  const byPlace = `device-number-${eni.deviceNumber}.${eni.networkCard}`;
  return eni.eniId === null ? [byPlace] : [byPlace, eni.eniId];
}

function describeState(world: World, one: Matched, unresolved: readonly (4 | 6)[]): EniState {
  const { eni, candidate, policy } = one;
  if (one.isLeaving) return { kind: 'leaving', reason: 'the metadata lists it no more; kept until its link goes' };
  if (policy.manage !== 'full') return { kind: 'configured' };
  if (world.networkd.kind === 'absent') {
    return { kind: 'degraded', reason: 'systemd-networkd is not on the bus: leases are not renewed. Start it' };
  }
  if (world.networkd.kind === 'unknown') return { kind: 'degraded', reason: 'the system bus does not answer' };
  if (eni.ipv4Addresses.length > 0 && !hasLease(world.kernel.addresses, candidate.link.index, eni)) {
    return { kind: 'waiting', reason: `no lease for ${eni.ipv4Addresses[0]} yet` };
  }
  if (eni.ipv6Addresses.length > 0 && policy.rules !== 'none' && unresolved.includes(6)) {
    return { kind: 'waiting', reason: 'no router advertisement yet' };
  }
  return { kind: 'configured' };
}
