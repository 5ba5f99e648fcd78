/**
 * Two ENIs with the same address, as ENIs of two VPCs may have: a rule matches the address and
 * cannot distinguish its owners. The ENI that had it before keeps it, else the first one; the other
 * one gets no rule for it. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { addressAt, CidrIndex, hostCidr, overlaps } from '../../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata } from '../../model.ts';
import { isSameRecord, keepEqual, rememberEach, rememberOf } from '../base/memo.ts';
import type { Duplicate, Matched } from './matched.ts';
import { isRouted } from './situation.ts';
import { listAddressSources, listPrefixSources, listSubnets } from './sources.ts';

/** An ENI, its policy, and which of its claims another ENI had before. */
type Claimant = Pick<Matched, 'eni' | 'policy' | 'contested'>;

/**
 * Excludes from each ENI's policy what another ENI already has. An ENI keeps what it had before;
 * else the primary comes first, then the order is by card and device.
 */
export function yieldDuplicates(matched: readonly Matched[]): Matched[] {
  const ranked = matched.filter((one) => isRouted(one) && one.policy.vrf === null).sort(compareRanks);
  const duplicates = findDuplicates(
    keepClaimants(ranked.map(({ eni, policy, contested }) => ({ eni, policy, contested }))),
  );
  return matched.map((one) => {
    const mine = duplicates.get(one.eni);
    if (mine === undefined) return one;
    return { ...one, policy: exclude(one.policy, { duplicates: mine }), duplicates: mine };
  });
}

const keepClaimants = keepEqual((claimants: readonly Claimant[]) => claimants, isSameClaimants);

function isSameClaimants(left: readonly Claimant[], right: readonly Claimant[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, index) => {
      const other = right[index];
      return other !== undefined && isSameRecord(one, other);
    })
  );
}

const findDuplicates = rememberOf((claimants: readonly Claimant[]): ReadonlyMap<EniMetadata, readonly Duplicate[]> => {
  const found = new Map<EniMetadata, Duplicate[]>();
  for (const { eni, duplicate } of [...findReserved(claimants), ...findShared(claimants)])
    found.set(eni, [...(found.get(eni) ?? []), duplicate]);
  return found;
});

interface Found {
  readonly eni: EniMetadata;
  readonly duplicate: Duplicate;
}

function findShared(claimants: readonly Claimant[]): Found[] {
  if (!hasDuplicates(claimants)) return [];
  const hosts = new Map<string, string>();
  const prefixes: { readonly source: string; readonly name: string }[] = [];
  const found: Found[] = [];
  for (const isContested of [false, true]) {
    for (const { eni, policy, contested } of claimants) {
      const name = nameOf(eni);
      const settle = (
        sources: readonly string[],
        isAddress: boolean,
        findOwner: (source: string) => string | undefined,
      ) =>
        sources
          .filter((source) => contested.includes(source) === isContested)
          .filter((source) => {
            const owner = findOwner(source);
            const leaf = nameLeaf(source, isAddress);
            if (owner !== undefined) found.push({ eni, duplicate: { source, name: owner, leaf } });
            return owner === undefined;
          });
      const inPrefix = (source: string) => prefixes.find((prefix) => overlaps(prefix.source, source))?.name;
      const addresses = settle(
        listAddressSources(eni, policy),
        true,
        (source) => hosts.get(source) ?? inPrefix(source),
      );
      const delegated = settle(listPrefixSources(eni, policy), false, (source) => {
        const host = [...hosts].find(([address]) => overlaps(source, address))?.[1];
        return host ?? inPrefix(source);
      });
      for (const source of addresses) hosts.set(source, name);
      prefixes.push(...delegated.map((source) => ({ source, name })));
    }
  }
  return found;
}

/** Usually false, after one look-up per source. */
function hasDuplicates(claimants: readonly Claimant[]): boolean {
  const hosts = claimants.flatMap(({ eni, policy }) => listAddressSources(eni, policy));
  const prefixes = claimants.flatMap(({ eni, policy }) => listPrefixSources(eni, policy));
  if (new Set(hosts).size < hosts.length || new Set(prefixes).size < prefixes.length) return true;
  const index = new CidrIndex(prefixes);
  const isIn = (cidr: string) => index.find(cidr.split('/')[0] ?? '');
  return hosts.some((host) => isIn(host).length > 0) || prefixes.some((prefix) => isIn(prefix).length > 1);
}

/**
 * Subnets of two VPCs may overlap without being the same. An ENI's address in one of them may be
 * the router or the resolver of the other: on the host, it would cut off the ENIs there. IPv6
 * routers have link-local addresses.
 */
function findReserved(claimants: readonly Claimant[]): Found[] {
  const subnets = claimants.flatMap(({ eni }) => listIpv4(listSubnets(eni)).map((subnet) => ({ eni, subnet })));
  const found = new Map<string, Found>();
  for (const { eni, policy } of claimants) {
    const own = listIpv4(listSubnets(eni));
    const rivals = subnets.filter(
      (other) => other.eni !== eni && own.some((subnet) => subnet !== other.subnet && overlaps(subnet, other.subnet)),
    );
    for (const rival of rivals) {
      const isTaken = (reserved: string, sources: readonly string[]) => sources.some((one) => overlaps(one, reserved));
      for (const source of [1n, 2n].map((offset) => hostCidr(addressAt(rival.subnet, offset)))) {
        const isAddress = isTaken(source, listAddressSources(eni, policy));
        if (!isAddress && !isTaken(source, listPrefixSources(eni, policy))) continue;
        const leaf = nameLeaf(source, isAddress);
        const duplicate = { source, name: nameOf(rival.eni), leaf, reservedIn: rival.subnet };
        found.set(`${eni.mac} ${source}`, { eni, duplicate });
      }
    }
  }
  return [...found.values()];
}

function listIpv4(cidrs: readonly string[]): string[] {
  return cidrs.filter((cidr) => familyOf(cidr) === 4);
}

function nameOf(eni: EniMetadata): string {
  return eni.eniId ?? eni.mac;
}

function nameLeaf(source: string, isAddress: boolean): string {
  if (isAddress) return familyOf(source) === 4 ? 'local-ipv4s' : 'ipv6s';
  return familyOf(source) === 4 ? 'ipv4-prefix' : 'ipv6-prefix';
}

/** Why an ENI is degraded that has yielded sources to another one; null: it has not. */
export function explainDuplicates({ duplicates }: Pick<Matched, 'duplicates'>): string | null {
  const [first] = duplicates;
  if (first === undefined) return null;
  const { leaf, source, name, reservedIn } = first;
  const more = duplicates.length === 1 ? '' : ` and ${duplicates.length - 1} more`;
  const what =
    reservedIn === undefined
      ? `is also assigned to ${name}: rules cannot tell them apart, and its packets leave by ${name}`
      : `is reserved by EC2 in ${reservedIn}, the subnet of ${name}: it would cut off that ENI, and is not used`;
  return `${leaf} ${source}${more} ${what}. Put one of the two ENIs into a VRF (\`vrf:\`)`;
}

const exclude = rememberEach(
  (policy: InterfacePolicy, { duplicates }: Pick<Matched, 'duplicates'>): InterfacePolicy => ({
    ...policy,
    exclude: [...policy.exclude, ...duplicates.map(({ source }) => source)],
  }),
);

function compareRanks(left: Matched, right: Matched): number {
  // What EC2 no longer lists may belong to another ENI by now.
  if (left.isLeaving !== right.isLeaving) return left.isLeaving ? 1 : -1;
  if (left.isPrimary !== right.isPrimary) return left.isPrimary ? -1 : 1;
  const byPlace = left.eni.networkCard - right.eni.networkCard || left.eni.deviceNumber - right.eni.deviceNumber;
  return byPlace || (left.eni.mac < right.eni.mac ? -1 : 1);
}
