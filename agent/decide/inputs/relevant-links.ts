/** Links that can affect a decision; container links, thousands of them, cannot. Pure. */

import type { Config } from '../../config/types.ts';
import { type Address, type Link, ownProtocol } from '../../model.ts';
import { linkScope } from '../base/kernel-numbers.ts';

/**
 * Physical links and those of a kind that can be an ENI, their masters, VRFs and links with the
 * name of a configured VRF, and links with an alternative name, since only one link of a host can
 * have it.
 */
export function listRelevantLinks({ links, config }: { links: readonly Link[]; config: Config }): readonly Link[] {
  const { drivers, interfaces } = config;
  const vrfs = new Set(interfaces.map(({ policy }) => policy.vrf));
  const isRelevant = ({ kind, name, altNames }: Link) =>
    kind === null || kind === 'vrf' || drivers.includes(kind) || altNames.length > 0 || vrfs.has(name);
  const masters = new Set(links.filter(isRelevant).map(({ masterIndex }) => masterIndex));
  return links.filter((link) => isRelevant(link) || masters.has(link.index));
}

interface AddressesAndLinks {
  readonly addresses: readonly Address[];
  /** Those that can affect a decision. */
  readonly links: readonly Link[];
}

/**
 * Without the link-local IPv6 addresses of other links, which cannot affect a decision. An IPv4
 * address can have any scope: Cilium's own, which is one of an ENI's addresses, has link scope.
 */
export function listAddressesNear({ addresses, links }: AddressesAndLinks): readonly Address[] {
  const near = new Set(links.map(({ index }) => index));
  return addresses.filter(
    ({ family, scope, linkIndex, protocol }) =>
      family === 4 || scope !== linkScope || near.has(linkIndex) || protocol === ownProtocol,
  );
}
