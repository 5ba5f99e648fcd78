/** The host's addresses that can affect a decision; hundreds come and go that cannot. Pure. */

import { contains, hostCidr, networkOf } from '../../../lib/ip/cidr.ts';
import { type Address, ownProtocol } from '../../model.ts';
import { globalScope } from '../base/kernel-numbers.ts';
import { rememberEach, rememberOf } from '../base/memo.ts';

const networkOfAddress = rememberOf(({ address, prefixLength }: Address) => networkOf(address, prefixLength));
const isWithin = rememberEach((one: Address, { network }: { network: string }) =>
  contains(network, hostCidr(one.address)),
);

interface AddressesOfHost {
  readonly addresses: readonly Address[];
  /** IPv4 addresses that an ENI has by lease, which always count. */
  readonly leased: ReadonlySet<string>;
}

/**
 * Without our own host addresses, and without IPv4 addresses in the subnet of another address of
 * their link, which alone determines who holds that subnet. Only global addresses hold a subnet.
 */
export function listRelevantAddresses({ addresses, leased }: AddressesOfHost): readonly Address[] {
  const networks = new Map<number, string>();
  for (const one of addresses) {
    if (one.family === 4 && one.prefixLength < 32 && one.scope === globalScope)
      networks.set(one.linkIndex, networkOfAddress(one));
  }
  return addresses.filter((one) => {
    if (one.prefixLength !== (one.family === 4 ? 32 : 128)) return true;
    if (one.protocol === ownProtocol) return false;
    if (one.family === 6 || leased.has(one.address)) return true;
    const network = networks.get(one.linkIndex);
    return network === undefined || !isWithin(one, { network });
  });
}
