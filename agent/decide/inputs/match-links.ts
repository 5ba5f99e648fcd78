/**
 * Which link is which ENI: by MAC among the links that can be an ENI at all (DESIGN, decision 1).
 */

import type { KernelState, Link } from '../../model.ts';
import { groupBy } from '../base/group-by.ts';
import { globalScope } from '../base/kernel-numbers.ts';

export interface CandidateLink {
  readonly link: Link;
  readonly mac: string;
  readonly driver: string;
}

/**
 * Links that can be an ENI, by MAC. A physical link counts by its driver; a link of a kind (veth,
 * vlan, …) only where the kind itself is listed in `drivers`: VLAN, macvlan, bridge and bond links
 * repeat the MAC of the link below. Two candidates with the same MAC make it ambiguous: both are in
 * the list, and neither is changed.
 */
export function findCandidates(
  kernel: Pick<KernelState, 'links' | 'drivers'>,
  drivers: readonly string[],
): ReadonlyMap<string, readonly CandidateLink[]> {
  const candidates: CandidateLink[] = [];
  for (const link of kernel.links) {
    const mac = link.permanentMac ?? link.mac;
    const driver = link.kind ?? kernel.drivers.get(link.index) ?? null;
    if (link.isLoopback || mac === null || driver === null || !drivers.includes(driver)) continue;
    candidates.push({ link, mac, driver });
  }
  return groupBy(candidates, ({ mac }) => mac);
}

/**
 * One address per family and candidate link, as source of requests to the metadata service: if the
 * default route leads elsewhere (a VPN, a broken ENI), the service still answers through an ENI.
 */
export function listLocalAddresses(kernel: KernelState, drivers: readonly string[]): string[] {
  const candidates = [...findCandidates(kernel, drivers).values()].flat();
  // In a VRF only programs that are bound to it get an answer.
  const asking = candidates.filter(({ link }) => link.masterIndex === null);
  return asking.flatMap(({ link }) =>
    [4, 6].flatMap((family) => {
      const own = kernel.addresses.filter((one) => one.linkIndex === link.index && one.family === family);
      // An IPv6-only subnet leases a link-local address, to which the service answers.
      const usable = own.find(({ scope }) => scope === globalScope) ?? own.find(({ family: of }) => of === 4);
      return usable === undefined ? [] : [usable.address];
    }),
  );
}
