/**
 * An ENI among the other ENIs of the host: what its rules and its table depend on besides
 * itself. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { contains, networkOf } from '../../../lib/ip/cidr.ts';
import type { Address, EniMetadata, Family, Link } from '../../model.ts';
import { eniGroup } from '../base/numbers.ts';
import type { CandidateLink } from '../inputs/match-links.ts';
import { isDefaultDiverted, linkLocal, listDestinations, type MainTable } from './main-table.ts';
import type { Matched } from './matched.ts';
import { findSubnetHolders, listSubnets, type Situation, type SubnetHolders } from './sources.ts';

/** A link of the host that is an ENI, or looks like one. */
export interface Peer {
  readonly mac: string;
  readonly linkIndex: number;
  /** Null: its metadata is not known. */
  readonly eni: EniMetadata | null;
  /** Whether main's routes by it can be recognised by the link group. */
  readonly isGrouped: boolean;
  /** Whether its sources have rules of their own, which come before the primary's. */
  readonly hasRules: boolean;
}

export interface Host {
  readonly peers: readonly Peer[];
  /** Indexes of all links that can be an ENI, including those in a VRF. */
  readonly eniLinks: ReadonlySet<number>;
  readonly holders: SubnetHolders;
  /** MACs of ENIs whose policy has `select:`. */
  readonly selecting: readonly string[];
  readonly addresses: readonly Address[];
  readonly main: MainTable;
  /** MAC → the number of the mark that replies of the ENI get. */
  readonly replyNumbers: ReadonlyMap<string, number>;
}

/**
 * Links whose group the operator chose: neither the default group nor this program's, and never
 * this program's before.
 */
export type ForeignGroups = ReadonlySet<number>;

interface PeerInputs {
  /** Links that can be an ENI, by MAC. */
  readonly candidates: ReadonlyMap<string, readonly CandidateLink[]>;
  readonly matched: readonly Matched[];
  readonly links: readonly Link[];
  readonly metadata: (mac: string) => EniMetadata | null;
  readonly foreignGroups: ForeignGroups;
}

/** Without ENIs in a VRF, even one of another program: main has no route by those. */
export function listPeers({ candidates, matched, links, metadata, foreignGroups }: PeerInputs): Peer[] {
  const managed = new Map(matched.map((one) => [one.eni.mac, one]));
  const vrfs = new Set(links.filter(({ kind }) => kind === 'vrf').map(({ index }) => index));
  return [...candidates].flatMap(([mac, twins]) =>
    twins.flatMap(({ link }): Peer[] => {
      const one = managed.get(mac);
      if ((one?.policy.vrf ?? null) !== null || vrfs.has(link.masterIndex ?? 0)) return [];
      const isGrouped = one !== undefined && computeGroup(one, foreignGroups) !== null;
      const hasRules = one !== undefined && isRouted(one);
      return [{ mac, linkIndex: link.index, eni: metadata(mac), isGrouped, hasRules }];
    }),
  );
}

interface HostInputs extends Omit<Host, 'holders' | 'selecting'> {
  readonly matched: readonly Matched[];
  /** Link index → ENI, of all whose metadata is known. */
  readonly enis: ReadonlyMap<number, EniMetadata>;
}

export function describeHost({ matched, enis, ...known }: HostInputs): Host {
  const selecting = matched.filter(({ policy }) => policy.select.length > 0).map(({ eni }) => eni.mac);
  return { ...known, holders: findSubnetHolders(enis, known.addresses), selecting };
}

/** The desired link group of an ENI's link; null: unchanged. */
export function computeGroup({ candidate, policy }: Matched, foreignGroups: ForeignGroups): number | null {
  const isManaged = policy.manage === 'full' || policy.manage === 'rules';
  return isManaged && !foreignGroups.has(candidate.link.index) ? eniGroup : null;
}

/**
 * Links whose group the operator or another program chose. `isOurs`: this program has put the link
 * into its own group before.
 */
export function findForeignGroups(links: readonly Link[], isOurs: (linkIndex: number) => boolean): ForeignGroups {
  const isForeign = ({ index, group }: Link) => group !== 0 && group !== eniGroup && !isOurs(index);
  return new Set(links.filter(isForeign).map(({ index }) => index));
}

export function isRouted({ policy }: Pick<Matched, 'policy'>): boolean {
  return (policy.manage === 'full' || policy.manage === 'rules') && policy.rules !== 'none';
}

export function describeSituation(one: Matched, host: Host): Situation {
  const { peers, holders, main } = host;
  const { eni, candidate, isPrimary, policy } = one;
  const { index } = candidate.link;
  const others = peers.filter(({ linkIndex }) => linkIndex !== index);
  // The primary's rules come after those of all others.
  const rivals = isPrimary ? others.filter(({ hasRules }) => !hasRules) : others;
  const apart = new Set([
    index,
    ...others.filter((other) => !rivals.includes(other)).map(({ linkIndex }) => linkIndex),
  ]);
  const isOccupied = (subnet: string) => [...(holders.get(subnet) ?? [])].some((holder) => !apart.has(holder));
  const ungrouped = others.filter(({ isGrouped }) => !isGrouped);
  const subnets = listSubnets(eni);
  return {
    otherSubnets: rivals.flatMap((other) => (other.eni === null ? [] : listSubnets(other.eni))),
    occupiedSubnets: subnets.filter(isOccupied),
    exceptions: [...new Set([...listExceptions(main, ungrouped.map(withSubnets)), ...listCovered(subnets, host)])],
    primary: isPrimary
      ? {
          contestedFamilies: families.filter((family) => others.some((other) => isUsing(other, family, main))),
          ungroupedFamilies: families.filter((family) =>
            main.defaults.some(
              ({ destination, linkIndex }) =>
                familyOf(destination) === family && ungrouped.some((other) => other.linkIndex === linkIndex),
            ),
          ),
          divertedFamilies: families.filter((family) =>
            isDefaultDiverted(main, family, {
              primary: index,
              others: new Set(others.map(({ linkIndex }) => linkIndex)),
              fallback: !policy.defaultRoute,
            }),
          ),
        }
      : null,
  };
}

/**
 * Each costs two rules for every block of every ENI: for an ENI with more routes only the
 * subnets are listed.
 */
const mostExceptions = 16;

function listExceptions(
  main: MainTable,
  ungrouped: readonly { readonly linkIndex: number; readonly subnets: readonly string[] }[],
): string[] {
  const all = listDestinations(main, ungrouped);
  return all.length > mostExceptions ? ungrouped.flatMap(({ subnets }) => subnets) : all;
}

const families: readonly Family[] = [4, 6];

/** Destinations that main may send by other ENIs: the primary's table needs routes to them. */
export function listOtherDestinations(one: Matched, { peers, main }: Host): string[] {
  const others = peers.filter(({ linkIndex }) => linkIndex !== one.candidate.link.index);
  return listDestinations(main, others.map(withSubnets));
}

function withSubnets({ linkIndex, eni }: Peer): { linkIndex: number; subnets: readonly string[] } {
  return { linkIndex, subnets: eni === null ? [] : listSubnets(eni) };
}

/**
 * Whether packets of a family can leave by it: it has a subnet of the family, or main has a route
 * by it.
 */
function isUsing(peer: Peer, family: Family, main: MainTable): boolean {
  const isOfFamily = (cidr: string) => familyOf(cidr) === family && !contains(linkLocal, cidr);
  const routes = [...main.defaults.filter(({ linkIndex }) => linkIndex === peer.linkIndex)].concat(
    main.specific.get(peer.linkIndex) ?? [],
  );
  return withSubnets(peer).subnets.some(isOfFamily) || routes.some(({ destination }) => isOfFamily(destination));
}

/**
 * Subnets that a link which is no ENI covers completely by one of its addresses: main has both its
 * connected route and the ENI's.
 */
function listCovered(subnets: readonly string[], { addresses, eniLinks }: Host): string[] {
  const lengths = subnets.map((subnet) => Number(subnet.split('/')[1]));
  const wide = addresses.filter(
    ({ linkIndex, prefixLength }) =>
      prefixLength > 0 && !eniLinks.has(linkIndex) && lengths.some((length) => prefixLength <= length),
  );
  return subnets.filter((subnet) =>
    wide.some(
      ({ address, prefixLength, family }) =>
        family === familyOf(subnet) && contains(networkOf(address, prefixLength), subnet),
    ),
  );
}
