/** Numbers of the kernel's headers that decisions depend on. */

// Route types: RTN_* of linux/rtnetlink.h.

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;

// The program that made a route or rule: RTPROT_* of linux/rtnetlink.h.
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;
export const RTPROT_RA = 9;
export const RTPROT_DHCP = 16;

// Rule actions: FR_ACT_* of linux/fib_rules.h.
export const FR_ACT_TO_TBL = 1;

// Address flags: IFA_F_* of linux/if_addr.h, as `Address.flags` has them.
/** Without it the address has a lifetime, like that of a lease. */
export const permanentFlag = 0x80;
/** Duplicate detection is under way, and the kernel has no route for the address yet. */
export const tentativeFlag = 0x40;
/** The kernel makes no connected route for it; the program that added the address does. */
export const noPrefixRouteFlag = 0x200;
/** Another address of the same subnet comes before it on its link. */
export const secondaryFlag = 0x01;
/** Its preferred lifetime is over. */
export const deprecatedFlag = 0x20;

/** RT_SCOPE_UNIVERSE and RT_SCOPE_LINK (linux/rtnetlink.h). */
export const globalScope = 0;
export const linkScope = 253;

/**
 * A route of a lease or a router advertisement. Only used for links whose file in force is ours:
 * these routes are networkd's.
 */
export function isMadeByNetworkd({ protocol }: { readonly protocol: number }): boolean {
  return protocol === RTPROT_DHCP || protocol === RTPROT_RA;
}
