/** The sources to check: those of each ENI, one for each group that meets the same rules. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import { addressAt, CidrIndex, contains, requireCidr } from '../../../lib/ip/cidr.ts';
import type { Desired, EniReport, KernelState, Route, Rule } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { groupBy } from '../base/group-by.ts';
import { RTN_LOCAL, RTN_UNICAST } from '../base/kernel-numbers.ts';
import { mainTable } from '../base/numbers.ts';
import { listPrefixes } from './owner.ts';
import { RouteTables, RuleList } from './walk.ts';

/** Sources of one ENI that meet the same rules. */
export interface SourceGroup {
  readonly owner: EniReport;
  readonly source: string;
  readonly sourceCount: number;
  readonly inputLink: string | null;
  readonly vrf: string | null;
}

export function groupSources({
  kernel,
  desired,
}: {
  readonly kernel: KernelState;
  readonly desired: Desired;
}): SourceGroup[] {
  const rules = new RuleList(kernel.rules);
  const meets = (source: string) => rules.listFor(source).map(describeEffect).join('; ');
  const findBehind = indexBehind(kernel, desired.reports);
  return desired.reports.flatMap((owner) => {
    const sources = listSources(owner, kernel, findBehind);
    const alike = groupBy(sources, ({ source, inputLink }) => `${familyOf(source)} ${inputLink} ${meets(source)}`);
    return [...alike.values()].flatMap((group) => {
      const [first] = group;
      return first === undefined ? [] : [{ ...first, owner, sourceCount: group.length }];
    });
  });
}

/**
 * What a rule does with the packets of a source that it selects, regardless of its priority and of
 * its other sources.
 */
function describeEffect(rule: Rule): string {
  if (rule.isComplex) return JSON.stringify(rule);
  const { destination, inputInterface, outputInterface, mark, users, action, table } = rule;
  const { suppressPrefixLength, suppressGroup } = rule;
  const selected = [destination, inputInterface, outputInterface, mark, users];
  return JSON.stringify([selected, action, table, suppressPrefixLength, suppressGroup]);
}

/** Addresses that the ENI's link has, and one of each delegated prefix. */
function listSources(owner: EniReport, kernel: KernelState, findBehind: (prefix: string) => Behind | null) {
  const { eni, linkIndex, linkName, state } = owner;
  if (eni === null || linkIndex === null || linkName === null || state.kind === 'detaching') return [];
  const held = new Set(listOfLink(kernel.addresses, linkIndex).map(({ address }) => address));
  const master = kernel.links.find(({ index }) => index === linkIndex)?.masterIndex;
  const vrf = kernel.links.find(({ index, kind }) => index === master && kind === 'vrf')?.name ?? null;
  const addresses = [...eni.ipv4Addresses, ...eni.ipv6Addresses].filter((address) => held.has(address));
  return [
    ...addresses.map((source) => ({ source, inputLink: null, vrf })),
    ...listPrefixes(eni).map((prefix) => {
      const own = [...held].find((address) => contains(prefix, address));
      if (own !== undefined) return { source: own, inputLink: null, vrf };
      const isLocal = kernel.routes.some(
        ({ type, destination }) => type === RTN_LOCAL && contains(destination, prefix),
      );
      if (isLocal) return { source: addressAt(prefix, 1n), inputLink: null, vrf };
      // If nothing behind the host uses it yet: as if the packet came in by the ENI itself.
      return { vrf, ...(findBehind(prefix) ?? { source: pickAddress(prefix), inputLink: linkName }) };
    }),
  ];
}

interface Behind {
  readonly source: string;
  readonly inputLink: string;
}

/** A default route, or one that covers a part of it, does not lead to a specific host. */
const shortestBehind = 8;

/**
 * Finds an address of a prefix behind this host, with the link that leads to it: by the narrowest
 * route into the prefix, else by the route of main that has the prefix. One look at all routes, of
 * which other programs may have made very many.
 */
function indexBehind(kernel: KernelState, reports: readonly EniReport[]): (prefix: string) => Behind | null {
  const prefixes = new CidrIndex(reports.flatMap(({ eni }) => (eni === null ? [] : listPrefixes(eni))));
  const eniLinks = new Set(reports.flatMap(({ eni, linkIndex }) => (eni === null ? [] : [linkIndex])));
  const routes = kernel.routes.filter(
    ({ table, type, linkIndex }) => table === mainTable && type === RTN_UNICAST && !eniLinks.has(linkIndex),
  );
  const narrowest = new Map<string, Route>();
  for (const route of routes) {
    for (const prefix of prefixes.find(route.destination.replace(/\/.*/, ''))) {
      const other = narrowest.get(prefix);
      if (contains(prefix, route.destination) && (other === undefined || lengthOf(route) > lengthOf(other)))
        narrowest.set(prefix, route);
    }
  }
  const tables = new RouteTables(routes);
  return (prefix) => {
    const inner = narrowest.get(prefix);
    const outer = inner ?? tables.pick(pickAddress(prefix), mainTable);
    const inputLink = kernel.links.find(({ index }) => index === outer?.linkIndex)?.name;
    if (outer === null || inputLink === undefined || lengthOf(outer) < shortestBehind) return null;
    return { source: pickAddress(inner?.destination ?? prefix), inputLink };
  };
}

/** The first host address is usually the bridge's own. */
function pickAddress(cidr: string): string {
  const hostBits = (familyOf(cidr) === 4 ? 32 : 128) - requireCidr(cidr).length;
  return addressAt(cidr, hostBits < 2 ? 0n : 2n);
}

function lengthOf({ destination }: Pick<Route, 'destination'>): number {
  return requireCidr(destination).length;
}
