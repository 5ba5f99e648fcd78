/** Source addresses of an ENI and the fewest policy routing rules that send them out by it (DESIGN, decision 4). */

import { familyOf } from '../../lib/ip/address.ts';
import { CidrIndex, contains, hostCidr, mergeCidrs, overlaps, subtractCidrs } from '../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../config/types.ts';
import type { Address, DesiredRule, EniMetadata, Family } from '../model.ts';
import { globalScope } from './address-flags.ts';
import { rememberEach, rememberLast } from './memo.ts';
import { mainTable, rulePriorityOf } from './numbers.ts';

/** Subnets of an ENI, both families. */
export function listSubnets(eni: EniMetadata): string[] {
  return eni.subnetIpv4 === null ? [...eni.subnetIpv6] : [eni.subnetIpv4, ...eni.subnetIpv6];
}

/** Subnet → links that have an address in it. */
export type SubnetHolders = ReadonlyMap<string, ReadonlySet<number>>;

export function findSubnetHolders(enis: readonly EniMetadata[], addresses: readonly Address[]): SubnetHolders {
  const subnets = enis.flatMap(listSubnets);
  const index = indexOf(subnets.join());
  const holders = new Map(subnets.map((subnet) => [subnet, new Set<number>()]));
  for (const address of addresses) {
    if (address.scope !== globalScope) continue;
    for (const subnet of findSubnetsOf(address, index)) holders.get(subnet)?.add(address.linkIndex);
  }
  return holders;
}

const indexOf = rememberLast((subnets: string) => new CidrIndex(subnets === '' ? [] : subnets.split(',')));
const findSubnetsOf = rememberEach((one: Address, index: CidrIndex) => index.find(one.address));

export function isExcluded(policy: Pick<InterfacePolicy, 'exclude'>, cidr: string): boolean {
  return policy.exclude.some((excluded) => contains(excluded, cidr));
}

/** Addresses that the ENI answers for, as CIDR text, without what the operator excluded. */
export function listAddressSources(eni: EniMetadata, policy: Pick<InterfacePolicy, 'exclude'>): string[] {
  return [...eni.ipv4Addresses, ...eni.ipv6Addresses].map(hostCidr).filter((cidr) => !isExcluded(policy, cidr));
}

/** Delegated prefixes, without what the operator excluded. */
export function listPrefixSources(eni: EniMetadata, policy: Pick<InterfacePolicy, 'exclude'>): string[] {
  return [...eni.ipv4Prefixes, ...eni.ipv6Prefixes].flatMap((prefix) => subtractCidrs(prefix, policy.exclude));
}

/** What others behind the host may send from by this ENI: delegated prefixes, and what the operator adds. */
function listForwardedSources({ eni, policy }: RuleInput): string[] {
  return [...listPrefixSources(eni, policy), ...policy.sources];
}

export interface RuleInput {
  readonly eni: EniMetadata;
  readonly policy: InterfacePolicy;
  readonly eniNumber: number;
  readonly tableId: number;
  /** Subnets of the other ENIs of the instance. */
  readonly otherSubnets: readonly string[];
  /** Subnets of this ENI in which another link has an address. */
  readonly occupiedSubnets: ReadonlySet<string>;
}

/** All of a rule but where it stands and where it leads. */
type Selector = Omit<DesiredRule, 'priority' | 'table' | 'suppressPrefixLength' | 'suppressGroup'>;

/** Whatever has this source, CIDR text. */
export function selectSource(source: string, inputInterface: 'lo' | null): Selector {
  return { family: familyOf(source), source, destination: null, mark: null, users: null, inputInterface };
}

/** The rules of one ENI, sorted by priority. */
export function computeRules(input: RuleInput): DesiredRule[] {
  switch (input.policy.rules) {
    case 'none':
      return [];
    case 'classic':
      return listSources(input).map((source) => ({
        priority: rulePriorityOf.ownSubnet(input.eniNumber),
        ...selectSource(source, null),
        table: input.tableId,
        suppressPrefixLength: null,
        suppressGroup: null,
      }));
    case 'standard':
      return ([4, 6] as const).flatMap((family) => computeStandardRules(input, family)).sort(compareRules);
  }
}

function compareRules(left: DesiredRule, right: DesiredRule): number {
  return left.priority - right.priority;
}

function listSources(input: RuleInput): string[] {
  return [...listAddressSources(input.eni, input.policy), ...listForwardedSources(input)];
}

function computeStandardRules(input: RuleInput, family: Family): DesiredRule[] {
  const { eniNumber, tableId } = input;
  const isShared = listSubnets(input.eni).some(
    (subnet) => familyOf(subnet) === family && input.otherSubnets.some((other) => overlaps(subnet, other)),
  );
  return selectSources(input, family, isShared).flatMap((selector) => {
    const rest = { ...selector, suppressGroup: null };
    const main = { ...rest, priority: rulePriorityOf.main(eniNumber), table: mainTable, suppressPrefixLength: 0 };
    const own = { ...rest, table: tableId };
    const rules = [main, { ...own, priority: rulePriorityOf.ownDefault(eniNumber), suppressPrefixLength: null }];
    // Main has the connected route of every ENI in the subnet and would pick one of them by metric.
    if (isShared) rules.unshift({ ...own, priority: rulePriorityOf.ownSubnet(eniNumber), suppressPrefixLength: 0 });
    return rules;
  });
}

/**
 * Where the ENI is alone in its subnet, one selector stands for all its addresses: whatever the host itself sends from
 * the subnet. It says nothing of forwarded packets, so prefixes (containers use them) keep selectors of their own.
 */
function selectSources(input: RuleInput, family: Family, isShared: boolean): Selector[] {
  const ofFamily = (cidrs: readonly string[]) => cidrs.filter((cidr) => familyOf(cidr) === family);
  const addresses = ofFamily(listAddressSources(input.eni, input.policy));
  const forwarded = ofFamily(listForwardedSources(input));
  if (isShared || !isSubnetOurs(input, family, addresses)) return selectEach([...addresses, ...forwarded]);
  const subnets = addresses.length === 0 ? [] : ofFamily(listSubnets(input.eni));
  return [...subnets.map((source) => selectSource(source, 'lo')), ...selectEach(forwarded)];
}

function selectEach(cidrs: readonly string[]): Selector[] {
  return mergeCidrs(cidrs).map((source) => selectSource(source, null));
}

/** Whether every local source in the ENI's subnets is the ENI's own, and the operator wants them all. */
function isSubnetOurs(input: RuleInput, family: Family, addresses: readonly string[]): boolean {
  const subnets = listSubnets(input.eni).filter((subnet) => familyOf(subnet) === family);
  return (
    input.policy.secondary === 'local' &&
    addresses.every((address) => subnets.some((subnet) => contains(subnet, address))) &&
    !subnets.some(
      (subnet) =>
        input.policy.exclude.some((excluded) => overlaps(subnet, excluded)) || input.occupiedSubnets.has(subnet),
    )
  );
}
