/** The links of the host that something follows from. Containers have them by the thousand that nothing follows from. Pure. */

import type { Config } from '../../config/types.ts';
import type { Address, Link } from '../../model.ts';
import { linkScope } from '../base/address-flags.ts';
import { ownProtocol } from '../base/identity.ts';

/**
 * Physical links and those of a kind that can be an ENI, what is above them, VRFs and what has taken the name of one, and
 * whatever has an alternative name, which only one link of a host can bear.
 */
export function listTellingLinks(links: readonly Link[], { drivers, interfaces }: Config): readonly Link[] {
  const vrfs = new Set(interfaces.map(({ policy }) => policy.vrf));
  const tells = ({ kind, name, altNames }: Link) =>
    kind === null || kind === 'vrf' || drivers.includes(kind) || altNames.length > 0 || vrfs.has(name);
  const masters = new Set(links.filter(tells).map(({ masterIndex }) => masterIndex));
  return links.filter((link) => tells(link) || masters.has(link.index));
}

/**
 * Without the link-local IPv6 addresses of other links, from which nothing follows: each may have the same one. An IPv4 address
 * has whatever scope it was given: Cilium's own, which is one of an ENI's, has that of the link.
 */
export function listAddressesNear(addresses: readonly Address[], links: readonly Link[]): readonly Address[] {
  const near = new Set(links.map(({ index }) => index));
  return addresses.filter(
    ({ family, scope, linkIndex, protocol }) =>
      family === 4 || scope !== linkScope || near.has(linkIndex) || protocol === ownProtocol,
  );
}
