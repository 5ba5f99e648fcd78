/**
 * Source addresses of an ENI and the fewest policy routing rules that send them out by it
 * (docs/decisions/0001-ways.md).
 */

import { familyOf, widthOf } from '../../../lib/ip/address.ts';
import {
  CidrIndex,
  contains,
  hostCidr,
  mergeCidrs,
  overlaps,
  requireCidr,
  subtractCidrs,
} from '../../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../../config/types.ts';
import type { Address, DesiredRule, EniMetadata, Family } from '../../model.ts';
import { globalScope } from '../base/kernel-numbers.ts';
import { rememberEach, rememberLast } from '../base/memo.ts';
import { defaultWidth, eniGroup, mainTable, rulePriorityOf } from '../base/numbers.ts';
import { listSubnetBlocks } from '../base/subnet-blocks.ts';

/**
 * An EFA-only ENI: it has neither address nor prefix. The metadata lists its subnet nevertheless (a
 * live listing in amazon-vpc-cni-k8s, pull request 3047): an ENI's families are determined by its
 * addresses.
 */
export function isAddressless(eni: EniMetadata): boolean {
  const all = [eni.ipv4Addresses, eni.ipv6Addresses, eni.ipv4Prefixes, eni.ipv6Prefixes];
  return all.every(({ length }) => length === 0);
}

/** Subnets of an ENI, both families. */
export function listSubnets(eni: EniMetadata): string[] {
  return isAddressless(eni) ? [] : listSubnetBlocks(eni);
}

/** Whether an ENI has an address or a subnet of a family. */
export function hasFamily(eni: EniMetadata, family: Family): boolean {
  const addresses = family === 4 ? eni.ipv4Addresses : eni.ipv6Addresses;
  return addresses.length > 0 || listSubnets(eni).some((subnet) => familyOf(subnet) === family);
}

/** Subnet → links of ENIs in it, and links that have an address in it. */
export type SubnetHolders = ReadonlyMap<string, ReadonlySet<number>>;

/**
 * An ENI holds its subnets regardless of the kernel's present state: its own addresses come and go
 * with every repair. `enis`: link index → ENI, including those that are in a VRF or not managed.
 */
export function findSubnetHolders(
  enis: ReadonlyMap<number, EniMetadata>,
  addresses: readonly Address[],
): SubnetHolders {
  const holders = new Map<string, Set<number>>();
  for (const [linkIndex, eni] of enis) {
    for (const subnet of listSubnets(eni)) holders.set(subnet, (holders.get(subnet) ?? new Set()).add(linkIndex));
  }
  const index = indexOf([...holders.keys()]);
  for (const address of addresses) {
    if (address.scope !== globalScope) continue;
    for (const subnet of findSubnetsOf(address, { index })) holders.get(subnet)?.add(address.linkIndex);
  }
  return holders;
}

const indexOf = rememberLast((subnets: readonly string[]) => new CidrIndex(subnets));
const findSubnetsOf = rememberEach((one: Address, { index }: { index: CidrIndex }) => index.find(one.address));

export function isExcluded(policy: Pick<InterfacePolicy, 'exclude'>, cidr: string): boolean {
  return policy.exclude.some((excluded) => contains(excluded, cidr));
}

/** The ENI's addresses as CIDR text, without those that the operator excluded. */
export function listAddressSources(eni: EniMetadata, policy: Pick<InterfacePolicy, 'exclude'>): string[] {
  return [...eni.ipv4Addresses, ...eni.ipv6Addresses].map(hostCidr).filter((cidr) => !isExcluded(policy, cidr));
}

/** Delegated prefixes, without what the operator excluded. */
export function listPrefixSources(eni: EniMetadata, policy: Pick<InterfacePolicy, 'exclude'>): string[] {
  return [...eni.ipv4Prefixes, ...eni.ipv6Prefixes].flatMap((prefix) => subtractCidrs(prefix, policy.exclude));
}

/**
 * Sources behind the host that leave by this ENI: delegated prefixes, and those that the operator
 * adds.
 */
function listForwardedSources({ eni, policy }: RuleInput): string[] {
  return [...listPrefixSources(eni, policy), ...policy.sources];
}

/**
 * What the rules of an ENI depend on besides the ENI itself. Plain data, so that equal ones can be
 * recognised by their JSON text.
 */
export interface Situation {
  /**
   * Subnets of other ENIs: if one overlaps, a rule for the whole subnet would also select sources
   * of another ENI.
   */
  readonly otherSubnets: readonly string[];
  /** Subnets of this ENI in which a link has an address that is not this ENI's. */
  readonly occupiedSubnets: readonly string[];
  /**
   * Destinations that main would send by another link despite the link group
   * (`listExceptions`).
   */
  readonly exceptions: readonly string[];
  /** Null for a secondary ENI. */
  readonly primary: PrimarySituation | null;
}

export interface PrimarySituation {
  /** Families in which the host has another ENI; in the others the primary needs no rule. */
  readonly contestedFamilies: readonly Family[];
  /**
   * Families in which main's best default route leads by another ENI, or main has none and should
   * have none by the primary.
   */
  readonly divertedFamilies: readonly Family[];
  /** Families in which main has a default route by an ENI that is in no link group of ours. */
  readonly ungroupedFamilies: readonly Family[];
}

export interface RuleInput {
  readonly eni: EniMetadata;
  readonly policy: InterfacePolicy;
  readonly eniNumber: number;
  readonly tableId: number;
  readonly situation: Situation;
}

/** A rule without its priority, table and suppressed routes. */
export type Selector = Omit<DesiredRule, 'priority' | 'table' | 'suppressPrefixLength' | 'suppressGroup'>;

/** Suppresses nothing. */
export const takesAll = { suppressPrefixLength: null, suppressGroup: null } as const;

/** Selects packets with this source, CIDR text. */
export function selectSource(source: string, inputInterface: 'lo' | null): Selector {
  return { family: familyOf(source), source, destination: null, mark: null, users: null, inputInterface };
}

/** The rules of one ENI, sorted by priority. */
export function computeRules(input: RuleInput): DesiredRule[] {
  const contested = input.situation.primary?.contestedFamilies ?? ([4, 6] as const);
  switch (input.policy.rules) {
    case 'none':
      return [];
    case 'classic':
      return listSources(input)
        .filter((source) => contested.includes(familyOf(source)))
        .map((source) => ({
          // The priority that amazon-ec2-net-utils uses.
          priority: input.eniNumber,
          ...selectSource(source, null),
          table: input.tableId,
          ...takesAll,
        }));
    case 'standard':
      return contested.flatMap((family) => computeStandardRules(input, family)).sort(compareRules);
  }
}

function compareRules(left: DesiredRule, right: DesiredRule): number {
  return left.priority - right.priority;
}

function listSources(input: RuleInput): string[] {
  return [...listAddressSources(input.eni, input.policy), ...listForwardedSources(input)];
}

/**
 * First main's routes by links that are no ENI, then the ENI's own table. The default route of the
 * primary's table is not used: main's own, or the one that other programs' rules lead to (a VPN),
 * stays in force. If main's best default route leads by another ENI, the primary's table provides
 * it, and main only default routes by links that are no ENI.
 */
function computeStandardRules(input: RuleInput, family: Family): DesiredRule[] {
  const { eniNumber, situation } = input;
  const at = situation.primary === null ? secondaryPriorities(eniNumber) : primaryPriorities;
  return computeWays(input, family, selectSources(input, family), at);
}

export interface WayPriorities {
  readonly exceptionMain: number;
  readonly exceptionOwn: number;
  readonly main: number;
  readonly own: number;
}

/** The rules of an ENI in a family for packets that are selected in one of these ways. */
export function computeWays(
  { tableId, situation }: RuleInput,
  family: Family,
  selectors: readonly Selector[],
  at: WayPriorities,
): DesiredRule[] {
  const { primary } = situation;
  const width = defaultWidth[family];
  const isDiverted = primary?.divertedFamilies.includes(family) === true;
  const takesDefaults = isDiverted && primary?.ungroupedFamilies.includes(family) !== true;
  const isNarrow = isNarrowPrimary(situation, family);
  const all = situation.exceptions.filter((destination) => familyOf(destination) === family);
  const exceptions = all.filter((one) => !all.some((other) => other !== one && contains(other, one)));
  return selectors.flatMap((selector) => [
    ...exceptions.flatMap((destination) => {
      // Main's routes there that are not narrower than those by the ENIs in question are
      // suppressed.
      const length = Math.max(...all.filter((one) => contains(destination, one)).map((one) => requireCidr(one).length));
      const there = { ...selector, destination };
      const inMain = { table: mainTable, suppressPrefixLength: length, suppressGroup: eniGroup };
      return [
        ...(length === widthOf(family) ? [] : [{ ...there, ...inMain, priority: at.exceptionMain }]),
        { ...there, ...takesAll, table: tableId, priority: at.exceptionOwn },
      ];
    }),
    {
      ...selector,
      priority: at.main,
      table: mainTable,
      suppressPrefixLength: takesDefaults ? null : width,
      suppressGroup: eniGroup,
    },
    { ...selector, ...takesAll, priority: at.own, table: tableId, suppressPrefixLength: isNarrow ? width : null },
  ]);
}

/** Whether main's own default route is the primary's. */
export function isNarrowPrimary({ primary }: Situation, family: Family): boolean {
  return primary !== null && !primary.divertedFamilies.includes(family);
}

function secondaryPriorities(eniNumber: number): WayPriorities {
  return {
    exceptionMain: rulePriorityOf.exceptionMain(eniNumber),
    exceptionOwn: rulePriorityOf.exceptionOwn(eniNumber),
    main: rulePriorityOf.main(eniNumber),
    own: rulePriorityOf.own(eniNumber),
  };
}

const primaryPriorities: WayPriorities = {
  exceptionMain: rulePriorityOf.primaryExceptionMain,
  exceptionOwn: rulePriorityOf.primaryExceptionOwn,
  main: rulePriorityOf.primaryMain,
  own: rulePriorityOf.primaryOwn,
};

/**
 * If the ENI is alone in its subnet, one selector covers all its addresses: everything that the
 * host itself sends from the subnet. It does not select forwarded packets, so prefixes (containers
 * use them) keep their own selectors.
 */
function selectSources(input: RuleInput, family: Family): Selector[] {
  const ofFamily = (cidrs: readonly string[]) => cidrs.filter((cidr) => familyOf(cidr) === family);
  const addresses = ofFamily(listAddressSources(input.eni, input.policy));
  const forwarded = ofFamily(listForwardedSources(input));
  if (!isSubnetOurs(input, family, addresses)) return selectEach([...addresses, ...forwarded]);
  const subnets = addresses.length === 0 ? [] : ofFamily(listSubnets(input.eni));
  return [...subnets.map((source) => selectSource(source, 'lo')), ...selectEach(forwarded)];
}

function selectEach(cidrs: readonly string[]): Selector[] {
  return mergeCidrs(cidrs).map((source) => selectSource(source, null));
}

/**
 * Whether every local source in the ENI's subnets is the ENI's own, and the operator excludes none.
 */
function isSubnetOurs({ eni, policy, situation }: RuleInput, family: Family, addresses: readonly string[]): boolean {
  const subnets = listSubnets(eni).filter((subnet) => familyOf(subnet) === family);
  return (
    policy.secondary === 'local' &&
    addresses.every((address) => subnets.some((subnet) => contains(subnet, address))) &&
    !subnets.some(
      (subnet) =>
        situation.otherSubnets.some((other) => familyOf(other) === family && overlaps(subnet, other)) ||
        policy.exclude.some((excluded) => overlaps(subnet, excluded)) ||
        situation.occupiedSubnets.includes(subnet),
    )
  );
}
