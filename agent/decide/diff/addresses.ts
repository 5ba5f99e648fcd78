/** Which addresses to add and to remove. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import type { Address, Change, Desired, DesiredAddress, DesiredEni, Ledger } from '../../model.ts';
import { listsByLink } from '../base/by-link.ts';
import { groupBy } from '../base/group-by.ts';
import { identifyAddress } from '../base/identity.ts';
import { deprecatedFlag, permanentFlag, secondaryFlag } from '../base/kernel-numbers.ts';
import { isSameList, rememberLast, rememberOf } from '../base/memo.ts';
import { about, altered, type Conflict, markOf, missing, notDesired, type Ownership } from './ownership.ts';

const keyOf = rememberOf(identifyAddress);
const listWanted = rememberOf(
  (eni: DesiredEni) => new Map(eni.addresses.map((address) => [keyOf(address), address] as const)),
);
const indexByText = rememberOf((addresses: readonly Address[]) => groupBy(addresses, ({ address }) => address));

/** A desired address that is missing on its link, or differs. */
interface Lack {
  readonly eni: DesiredEni;
  readonly address: DesiredAddress;
  readonly reason: string;
}

interface LinkDifference {
  readonly lacks: readonly Lack[];
  readonly removals: readonly Change[];
}

const noAddresses: readonly Address[] = [];

interface AddressState {
  readonly desired: Desired;
  readonly addresses: readonly Address[];
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
  readonly ownership: Ownership;
}

interface AddressDifference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/**
 * Decides link by link, and about a link again only if its input differs from the previous call.
 */
export class AddressDiffer {
  #lists: ReadonlyMap<number, readonly Address[]> = new Map();
  #differs = new Map<number, typeof diffLink>();

  compute({ desired, addresses, ledger, settling, ownership }: AddressState): AddressDifference {
    const changes: Change[] = [];
    const conflicts: Conflict[] = [];
    const lists = keepLists(this.#lists, addresses);
    const differs = new Map<number, typeof diffLink>();
    const enis = new Map(desired.enis.map((eni) => [eni.linkIndex, eni]));
    for (const linkIndex of new Set([...enis.keys(), ...lists.keys()])) {
      const differ = this.#differs.get(linkIndex) ?? rememberLast(diffLink);
      differs.set(linkIndex, differ);
      const eni = enis.get(linkIndex) ?? null;
      const isSettling = eni !== null && settling.has(eni.mac);
      const ofLink = lists.get(linkIndex) ?? noAddresses;
      const { lacks, removals } = differ({ eni, actual: ofLink, isSettling, ownership });
      changes.push(...removals);
      for (const lack of lacks) {
        const conflict = findConflict(lack, addresses, ledger);
        if (conflict !== null) conflicts.push(conflict);
        else changes.push({ ...about(lack.eni, lack.reason), kind: 'add-address', address: lack.address });
      }
    }
    this.#lists = lists;
    this.#differs = differs;
    return { changes, conflicts };
  }
}

/** By link; the previous list if it has the same items. */
function keepLists(
  before: ReadonlyMap<number, readonly Address[]>,
  actual: readonly Address[],
): ReadonlyMap<number, readonly Address[]> {
  return new Map(
    [...listsByLink(actual)].map(([linkIndex, list]) => {
      const old = before.get(linkIndex);
      return [linkIndex, old !== undefined && isSameList(old, list) ? old : list];
    }),
  );
}

interface AddressesOfLink {
  readonly eni: DesiredEni | null;
  readonly actual: readonly Address[];
  readonly isSettling: boolean;
  /** A new object whenever the ledger differs. */
  readonly ownership: Ownership;
}

function diffLink({ eni, actual, isSettling, ownership }: AddressesOfLink): LinkDifference {
  const lacks: Lack[] = [];
  const removals: Change[] = [];
  const wanted = eni === null ? null : listWanted(eni);
  const present = new Map<string, Address>();
  for (const one of actual) {
    const { linkIndex, address, prefixLength, protocol } = one;
    const key = keyOf(one);
    if (wanted?.has(key)) {
      if (!present.has(key)) present.set(key, one);
      continue;
    }
    // Ours are host addresses; the same address with a subnet's length is a lease or foreign.
    if (prefixLength !== (familyOf(address) === 4 ? 32 : 128)) continue;
    const owner = ownership.ownerOf(key, markOf.address(protocol), linkIndex);
    if (owner === null) continue;
    const gone = { linkIndex, address, prefixLength };
    removals.push({ ...owner, reason: notDesired, kind: 'remove-address', address: gone });
  }
  if (eni === null || wanted === null) return { lacks, removals };
  for (const [key, address] of wanted) {
    const own = present.get(key);
    if (own !== undefined && isPreferredAsDesired(own, address)) continue;
    // networkd drops a DHCPv6 address first, and its own of the same kind is tentative for up to a
    // second (measured on 252).
    if (isSettling && familyOf(address.address) === 4) continue;
    lacks.push({ eni, address, reason: own === undefined ? missing : altered });
  }
  return { lacks, removals: isSettling ? removals : [...removals, ...orderBehindLease(eni, actual, ownership)] };
}

/**
 * The leased address must be the first of its link (`hostname -I`, ifconfig and programs that use
 * the first one), but networkd 252 adds the others before it has the lease, and a lease that is
 * lost and added again comes last.
 */
function orderBehindLease(eni: DesiredEni, actual: readonly Address[], ownership: Ownership): Change[] {
  const leased = actual.findIndex(
    ({ address, prefixLength, family, flags }) =>
      // After another address of its subnet the kernel keeps it at the end of the list
      // (inet_insert_ifa).
      family === 4 && prefixLength < 32 && address === eni.lease?.address && (flags & secondaryFlag) === 0,
  );
  if (leased === -1) return [];
  return actual.slice(0, leased).flatMap((before): Change[] => {
    const key = keyOf(before);
    const address = before.family === 4 && before.prefixLength === 32 ? listWanted(eni).get(key) : undefined;
    // Another program's address on the link stays in its place.
    const isOurs = ownership.ownerOf(key, markOf.address(before.protocol), before.linkIndex) !== null;
    if (address === undefined || !isOurs) return [];
    return [{ ...about(eni, 'it comes before the leased address'), kind: 'move-address', address }];
  });
}

/** Another program has put the address on another link. */
function findConflict({ eni, address }: Lack, actual: readonly Address[], ledger: Ledger): Conflict | null {
  const elsewhere = indexByText(actual)
    .get(address.address)
    ?.find((one) => one.linkIndex !== eni.linkIndex && !(keyOf(one) in ledger));
  if (elsewhere === undefined) return null;
  const reason = `${address.address} is on link ${elsewhere.linkIndex}, put there by another program`;
  return { mac: eni.mac, reason };
}

/** networkd manages a lease's lifetimes. */
function isPreferredAsDesired({ family, flags }: Address, desired: DesiredAddress): boolean {
  if (family === 4 || (flags & permanentFlag) === 0) return true;
  return ((flags & deprecatedFlag) !== 0) === (desired.isDeprecated === true);
}
