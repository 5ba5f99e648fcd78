/** Which addresses to put on their links and to take off. Pure. */

import { familyOf } from '../../lib/ip/address.ts';
import type { Address, Change, Desired, DesiredAddress, KernelState, Ledger } from '../model.ts';
import { deprecatedFlag, permanentFlag } from './address-flags.ts';
import { identifyAddress } from './identity.ts';
import { about, altered, type Conflict, markOf, missing, notWanted, type Removable } from './removable.ts';

interface AddressState {
  readonly kernel: KernelState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
}

export function diffAddresses(
  desired: Desired,
  actual: AddressState,
  removable: Removable,
  conflicts: Conflict[],
): Change[] {
  const changes: Change[] = [];
  const byText = new Map<string, Address[]>();
  for (const one of actual.kernel.addresses) {
    const others = byText.get(one.address);
    if (others === undefined) byText.set(one.address, [one]);
    else others.push(one);
  }
  const wanted = new Set<string>();
  for (const eni of desired.enis) {
    for (const address of eni.addresses) {
      wanted.add(identifyAddress(address));
      const present = byText.get(address.address) ?? [];
      const own = present.find(({ linkIndex }) => linkIndex === eni.linkIndex);
      // networkd drops a DHCPv6 address first, and its own of the same kind is tentative for up to a second (measured on 252).
      const isLeftToNetworkd = actual.settling.has(eni.mac) && familyOf(address.address) === 4;
      if (isLeftToNetworkd || (own !== undefined && isPreferredAsWished(own, address))) continue;
      const reason = own === undefined ? missing : altered;
      const elsewhere = present.find(
        ({ linkIndex }) =>
          linkIndex !== eni.linkIndex && !(identifyAddress({ ...address, linkIndex }) in actual.ledger),
      );
      if (elsewhere === undefined) changes.push({ ...about(eni, reason), kind: 'add-address', address });
      else
        conflicts.push({
          mac: eni.mac,
          reason: `${address.address} is on link ${elsewhere.linkIndex}, put there by another program`,
        });
    }
  }
  for (const { linkIndex, address, prefixLength, protocol } of actual.kernel.addresses) {
    const key = identifyAddress({ linkIndex, address });
    // Ours are host addresses; the same address with a subnet's length is a lease or somebody else's.
    if (wanted.has(key) || prefixLength !== (familyOf(address) === 4 ? 32 : 128)) continue;
    const owner = removable.ownerOf(key, markOf.address(protocol), linkIndex);
    if (owner === null) continue;
    changes.push({
      ...owner,
      reason: notWanted,
      kind: 'remove-address',
      address: { linkIndex, address, prefixLength },
    });
  }
  return changes;
}

/** A lease's lifetimes are networkd's. */
function isPreferredAsWished({ family, flags }: Address, wish: DesiredAddress): boolean {
  if (family === 4 || (flags & permanentFlag) === 0) return true;
  return ((flags & deprecatedFlag) !== 0) === (wish.isDeprecated === true);
}
