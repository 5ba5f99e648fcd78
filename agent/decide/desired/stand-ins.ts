/** Routes that replace what networkd drops for a moment while it reconfigures a link. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import {
  type Address,
  type DesiredAddress,
  type DesiredEni,
  type DesiredRoute,
  ownProtocol,
  type Route,
  standInMetric,
} from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { permanentFlag, tentativeFlag } from '../base/kernel-numbers.ts';
import { localTable } from '../base/numbers.ts';

/**
 * networkd up to 256 drops a DHCPv6 address whenever it reconfigures the link; packets to it were
 * lost until it was back (252: a few milliseconds, 160 on a busy machine). With this route the host
 * still accepts them; it is removed with the link. An ENI's first address has it always: a lease
 * that was put back looks like an address of our own, and networkd drops it all the same.
 */
export function computeAddressStandIns(
  addresses: readonly Address[],
  declared: readonly DesiredAddress[],
  { linkIndex, ipv6Addresses }: { readonly linkIndex: number; readonly ipv6Addresses: readonly string[] },
): DesiredRoute[] {
  const first = declared.find(({ address, isDeprecated }) => familyOf(address) === 6 && isDeprecated !== true);
  const leased = listOfLink(addresses, linkIndex)
    .filter((have) => have.family === 6 && !isSettled(have))
    .filter(({ address }) => ipv6Addresses.includes(address));
  return [...new Set([...(first === undefined ? [] : [first]), ...leased].map(({ address }) => address))].map(
    (address) => ({
      table: localTable,
      destination: `${address}/128`,
      type: 'local',
      gateway: null,
      linkIndex,
      metric: standInMetric,
      isStandIn: true,
    }),
  );
}

function isSettled({ flags }: Address): boolean {
  return (flags & permanentFlag) !== 0 && (flags & tentativeFlag) === 0;
}

/** Whether the address that it stands in for is desired, and not permanently back yet. */
export function isStillNeeded(
  route: Route,
  desired: { readonly enis: readonly Pick<DesiredEni, 'addresses'>[] },
  addresses: readonly Address[],
): boolean {
  const { protocol, table, metric, destination, linkIndex } = route;
  if (protocol !== ownProtocol || table !== localTable || metric !== standInMetric) return false;
  const isMeant = (one: { readonly linkIndex: number; readonly address: string }) =>
    one.linkIndex === linkIndex && `${one.address}/128` === destination;
  return (
    desired.enis.some((eni) => eni.addresses.some(isMeant)) &&
    !addresses.some((have) => isMeant(have) && isSettled(have))
  );
}
