/** Route types (RTN_*) and who made a route (RTPROT_*), as linux/rtnetlink.h numbers them. */

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;

export const RTPROT_KERNEL = 2;
export const RTPROT_RA = 9;
export const RTPROT_DHCP = 16;

/**
 * Of a lease or a router advertisement. Only a link whose file in force is ours is looked at: these
 * are networkd's.
 */
export function isMadeByNetworkd({ protocol }: { readonly protocol: number }): boolean {
  return protocol === RTPROT_DHCP || protocol === RTPROT_RA;
}
