/** Which addresses to put on their links and to take off. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import type { Address, Change, Desired, DesiredAddress, Ledger } from '../model.ts';
import { deprecatedFlag, permanentFlag } from './address-flags.ts';
import { identifyAddress } from './identity.ts';
import { rememberOf } from './memo.ts';
import { about, altered, type Conflict, markOf, missing, notWanted, type Removable } from './removable.ts';

const keyOf = rememberOf(identifyAddress);
const listWanted = rememberOf(
  (desired: Desired) =>
    new Map(desired.enis.flatMap((eni) => eni.addresses.map((address) => [keyOf(address), { eni, address }] as const))),
);
const indexByText = rememberOf((addresses: readonly Address[]) => {
  const byText = new Map<string, Address[]>();
  for (const one of addresses) {
    const others = byText.get(one.address);
    if (others === undefined) byText.set(one.address, [one]);
    else others.push(one);
  }
  return byText;
});

/** `settling`: MACs of links that networkd was just told to configure. */
export function diffAddresses(
  desired: Desired,
  actual: readonly Address[],
  ledger: Ledger,
  settling: ReadonlySet<string>,
  removable: Removable,
): { readonly changes: readonly Change[]; readonly conflicts: readonly Conflict[] } {
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const wanted = listWanted(desired);
  const present = new Map<string, Address>();
  for (const one of actual) {
    const { linkIndex, address, prefixLength, protocol } = one;
    const key = keyOf(one);
    if (wanted.has(key)) {
      if (!present.has(key)) present.set(key, one);
      continue;
    }
    // Ours are host addresses; the same address with a subnet's length is a lease or somebody else's.
    if (prefixLength !== (familyOf(address) === 4 ? 32 : 128)) continue;
    const owner = removable.ownerOf(key, markOf.address(protocol), linkIndex);
    if (owner === null) continue;
    changes.push({
      ...owner,
      reason: notWanted,
      kind: 'remove-address',
      address: { linkIndex, address, prefixLength },
    });
  }
  for (const [key, { eni, address }] of wanted) {
    const own = present.get(key);
    if (own !== undefined && isPreferredAsWished(own, address)) continue;
    // networkd drops a DHCPv6 address first, and its own of the same kind is tentative for up to a second (measured on 252).
    if (settling.has(eni.mac) && familyOf(address.address) === 4) continue;
    const elsewhere = indexByText(actual)
      .get(address.address)
      ?.find((one) => one.linkIndex !== eni.linkIndex && !(keyOf(one) in ledger));
    const reason = own === undefined ? missing : altered;
    if (elsewhere === undefined) changes.push({ ...about(eni, reason), kind: 'add-address', address });
    else
      conflicts.push({
        mac: eni.mac,
        reason: `${address.address} is on link ${elsewhere.linkIndex}, put there by another program`,
      });
  }
  return { changes, conflicts };
}

/** A lease's lifetimes are networkd's. */
function isPreferredAsWished({ family, flags }: Address, wish: DesiredAddress): boolean {
  if (family === 4 || (flags & permanentFlag) === 0) return true;
  return ((flags & deprecatedFlag) !== 0) === (wish.isDeprecated === true);
}
