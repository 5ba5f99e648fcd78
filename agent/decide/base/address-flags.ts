/** IFA_F_* (linux/if_addr.h), as `Address.flags` has them. */

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
