/** What the one before left on the ENIs when networkd has them: its routes in main, which would win over networkd's. Pure. */

import type { Desired, KernelState, Route } from '../model.ts';
import { listOfLink } from './by-link.ts';
import { mainTable } from './numbers.ts';

const unicast = 1;
/** RTPROT_*: the kernel's own for an address, boot (`ip route` of a script), static, ra, dhcp. */
const foreignProtocols = [2, 3, 4, 9, 16];

/** Default and connected routes with another metric than the ENI's, where the ENI's own are there to take their place. */
export function findLeftovers(kernel: KernelState, desired: Desired): Route[] {
  const candidates = kernel.routes.filter(
    ({ table, type, protocol }) => table === mainTable && type === unicast && foreignProtocols.includes(protocol),
  );
  return desired.enis.flatMap(({ linkIndex, metric }) => {
    const onLink = listOfLink(candidates, linkIndex);
    const own = onLink.filter((route) => route.metric === metric);
    return onLink.filter(
      (route) =>
        route.metric !== metric && isOfLease(route) && own.some(({ destination }) => destination === route.destination),
    );
  });
}

function isOfLease({ destination, gateway, protocol }: Route): boolean {
  if (destination === '0.0.0.0/0' || destination === '::/0') return gateway !== null;
  return gateway === null && (protocol === 2 || protocol === 16);
}
