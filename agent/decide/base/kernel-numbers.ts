/** Route types (RTN_*) and who made a route (RTPROT_*), as linux/rtnetlink.h numbers them. */

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;

export const RTPROT_KERNEL = 2;
export const RTPROT_RA = 9;
export const RTPROT_DHCP = 16;

/**
 * A route of a lease or a router advertisement. Only used for links whose file in force is ours: these
 * routes are networkd's.
 */
export function isMadeByNetworkd({ protocol }: { readonly protocol: number }): boolean {
  return protocol === RTPROT_DHCP || protocol === RTPROT_RA;
}
