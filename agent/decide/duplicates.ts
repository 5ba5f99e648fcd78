/**
 * Two ENIs with one address, as ENIs of two VPCs may have: a rule sees the address and cannot tell
 * whose it is. It stays with the first ENI, and the second goes without a rule for it. Pure.
 */

import { CidrIndex, overlaps } from '../../lib/ip/cidr.ts';
import type { InterfacePolicy } from '../config/types.ts';
import type { EniMetadata } from '../model.ts';
import type { Duplicate, Matched } from './matched.ts';
import { rememberEach, rememberLast } from './memo.ts';
import { isRouted } from './situation.ts';
import { listAddressSources, listPrefixSources } from './sources.ts';

/**
 * The ENIs with what another one has already left out of their policies. The primary comes first,
 * then card and device.
 */
export function yieldDuplicates(matched: readonly Matched[]): Matched[] {
  const ranked = matched.filter((one) => isRouted(one) && one.policy.vrf === null).sort(compareRanks);
  const duplicates = findDuplicates(...ranked.flatMap(({ eni, policy }) => [eni, policy] as const));
  return matched.map((one) => {
    const mine = duplicates.get(one.eni);
    if (mine === undefined) return one;
    return { ...one, policy: exclude(one.policy, mine.map(({ source }) => source).join()), duplicates: mine };
  });
}

/** Arguments: ENI, policy, ENI, policy, … Done again only where one of them is another. */
const findDuplicates = rememberLast((...known: readonly (EniMetadata | InterfacePolicy)[]) => {
  if (!hasDuplicates(known)) return new Map<EniMetadata, Duplicate[]>();
  const hosts = new Map<string, string>();
  const prefixes: Duplicate[] = [];
  const found = new Map<EniMetadata, Duplicate[]>();
  for (let index = 0; index < known.length; index += 2) {
    const [eni, policy] = known.slice(index, index + 2) as [EniMetadata, InterfacePolicy];
    const name = eni.eniId ?? eni.mac;
    const mine: Duplicate[] = [];
    const owned = [
      listAddressSources(eni, policy).flatMap((source) => {
        const owner = hosts.get(source) ?? prefixes.find((prefix) => overlaps(prefix.source, source))?.name;
        if (owner !== undefined) mine.push({ source, name: owner });
        return owner === undefined ? [source] : [];
      }),
      listPrefixSources(eni, policy).flatMap((source) => {
        const host = [...hosts].find(([address]) => overlaps(source, address))?.[1];
        const owner = host ?? prefixes.find((prefix) => overlaps(prefix.source, source))?.name;
        if (owner !== undefined) mine.push({ source, name: owner });
        return owner === undefined ? [source] : [];
      }),
    ] as const;
    for (const source of owned[0]) hosts.set(source, name);
    prefixes.push(...owned[1].map((source) => ({ source, name })));
    if (mine.length > 0) found.set(eni, mine);
  }
  return found;
});

/** Nearly always not, and then with one look at each source. */
function hasDuplicates(known: readonly (EniMetadata | InterfacePolicy)[]): boolean {
  const hosts: string[] = [];
  const prefixes: string[] = [];
  for (let index = 0; index < known.length; index += 2) {
    const [eni, policy] = known.slice(index, index + 2) as [EniMetadata, InterfacePolicy];
    hosts.push(...listAddressSources(eni, policy));
    prefixes.push(...listPrefixSources(eni, policy));
  }
  if (new Set(hosts).size < hosts.length || new Set(prefixes).size < prefixes.length) return true;
  const index = new CidrIndex(prefixes);
  const isIn = (cidr: string) => index.find(cidr.split('/')[0] ?? '');
  return hosts.some((host) => isIn(host).length > 0) || prefixes.some((prefix) => isIn(prefix).length > 1);
}

/** Why an ENI is degraded that has yielded sources; null: it has not. */
export function explainDuplicates({ duplicates }: Pick<Matched, 'duplicates'>): string | null {
  const [first] = duplicates;
  if (first === undefined) return null;
  const more = duplicates.length === 1 ? '' : ` and ${duplicates.length - 1} more`;
  return `${first.source}${more} is assigned to ${first.name} too: rules cannot tell them apart, and its packets leave by ${first.name}. Put one of the two ENIs into a VRF (\`vrf:\`)`;
}

const exclude = rememberEach(
  (policy: InterfacePolicy, sources: string): InterfacePolicy => ({
    ...policy,
    exclude: [...policy.exclude, ...sources.split(',')],
  }),
);

function compareRanks(left: Matched, right: Matched): number {
  // What EC2 lists no more, another ENI may have by now.
  if (left.isLeaving !== right.isLeaving) return left.isLeaving ? 1 : -1;
  if (left.isPrimary !== right.isPrimary) return left.isPrimary ? -1 : 1;
  const byPlace = left.eni.networkCard - right.eni.networkCard || left.eni.deviceNumber - right.eni.deviceNumber;
  return byPlace || (left.eni.mac < right.eni.mac ? -1 : 1);
}
