/**
 * What `enid takeover` cleans up after the previous network manager: its lease before networkd
 * manages the ENIs, and afterwards its routes in main, which would take precedence over networkd's,
 * and its link-local addresses. Pure.
 */

import { canonicalAddress } from '../../../lib/ip/address.ts';
import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import type { Address, Desired, DesiredEni, KernelState, Route } from '../../model.ts';
import type { HeldAddress } from '../../takeover-model.ts';
import { listOfLink } from '../base/by-link.ts';
import {
  linkScope,
  noPrefixRouteFlag,
  RTN_UNICAST,
  RTPROT_BOOT,
  RTPROT_DHCP,
  RTPROT_KERNEL,
  RTPROT_RA,
  RTPROT_STATIC,
} from '../base/kernel-numbers.ts';
import { mainTable } from '../base/numbers.ts';

const linkLocal = 'fe80::/64';
/** IP6_RT_PRIO_ADDRCONF: of the route that the kernel makes for an address. */
const kernelMetric = 256;
/** The kernel's own for an address, boot (`ip route` of a script), static, ra, dhcp. */
const foreignProtocols = [RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC, RTPROT_RA, RTPROT_DHCP];

/**
 * Default and connected routes with another metric than the ENI's, if the ENI's own exist to
 * replace them.
 */
export function findLeftovers(kernel: KernelState, desired: Desired): Route[] {
  const candidates = kernel.routes.filter(
    ({ table, type, protocol }) => table === mainTable && type === RTN_UNICAST && foreignProtocols.includes(protocol),
  );
  return desired.enis.flatMap(({ linkIndex, metric }) => {
    const onLink = listOfLink(candidates, linkIndex);
    const ownMetric = ({ destination }: Route) => (destination === linkLocal ? kernelMetric : metric);
    const own = onLink.filter((route) => route.metric === ownMetric(route));
    const local = listOfLink(kernel.addresses, linkIndex).map(({ address }) => `${address}/128`);
    return onLink.filter(
      (route) =>
        route.metric !== ownMetric(route) &&
        isOfLease(route) &&
        // The host reaches its own addresses through the table `local`.
        (local.includes(route.destination) || own.some(({ destination }) => destination === route.destination)),
    );
  });
}

/** Link-local addresses that NetworkManager and dhcpcd generated, if the kernel's own exists. */
export function findLeftoverAddresses({ addresses, links }: KernelState, desired: Desired): Address[] {
  return desired.enis.flatMap(({ linkIndex }) => {
    const onLink = listOfLink(addresses, linkIndex).filter(({ family, scope }) => family === 6 && scope === linkScope);
    const mac = links.find(({ index }) => index === linkIndex)?.mac ?? null;
    const own = mac === null ? null : makeLinkLocal(mac);
    return onLink.some(({ address }) => address === own) ? onLink.filter(({ address }) => address !== own) : [];
  });
}

/** EUI-64 of the MAC (RFC 4291, appendix A). */
function makeLinkLocal(mac: string): string | null {
  const [a = 0, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const bytes = [a ^ 0x02, b, c, 0xff, 0xfe, d, e, f].map((byte = 0) => byte.toString(16).padStart(2, '0'));
  const [first, second, third, fourth] = [0, 2, 4, 6].map((at) => bytes.slice(at, at + 2).join(''));
  return canonicalAddress(`fe80::${first}:${second}:${third}:${fourth}`);
}

/**
 * Addresses whose connected route NetworkManager or dhcpcd made instead of the kernel. The kernel
 * makes it together with the address, or never (inet_rtm_newaddr), so networkd would not get a
 * connected route.
 */
export function findHeldAddresses(kernel: KernelState, desired: Desired): HeldAddress[] {
  return desired.enis.flatMap((eni) =>
    listOfLink(kernel.addresses, eni.linkIndex)
      .filter((address) => isHeld(address, kernel))
      .map((address) => ({
        address: { ...address, flags: address.flags & ~noPrefixRouteFlag, metric: eni.metric },
        routes: listRoutesFrom(address, eni, kernel),
      })),
  );
}

function isHeld(address: Address, { addresses, routes }: KernelState): boolean {
  const { linkIndex, family, prefixLength } = address;
  if (family !== 4 || prefixLength === 32) return false;
  // Routes to the address itself and to the broadcast address are also the kernel's, but of other
  // types.
  const hasRoute = listOfLink(routes, linkIndex).some(
    ({ type, protocol, preferredSource, gateway, metric }) =>
      type === RTN_UNICAST &&
      protocol === RTPROT_KERNEL &&
      preferredSource === address.address &&
      gateway === null &&
      metric === address.metric,
  );
  // Another address in the subnet would become primary or secondary by the change.
  const isAlone = !listOfLink(addresses, linkIndex).some(
    (other) => other !== address && other.family === family && other.prefixLength === prefixLength,
  );
  return !hasRoute && isAlone;
}

/** Routes that are removed with the address, without the connected route, which is the kernel's. */
function listRoutesFrom({ address }: Address, { linkIndex }: DesiredEni, { routes }: KernelState): Route[] {
  return listOfLink(routes, linkIndex).filter(
    ({ table, preferredSource, gateway }) => table === mainTable && preferredSource === address && gateway !== null,
  );
}

function isOfLease(route: Route): boolean {
  const { gateway, protocol } = route;
  if (isDefaultRoute(route)) return gateway !== null;
  return gateway === null && (protocol === RTPROT_KERNEL || protocol === RTPROT_DHCP);
}
