/** IFA_F_* (linux/if_addr.h), as `Address.flags` has them. */

/** Without it the address has a lifetime, as a lease has. */
export const permanentFlag = 0x80;
/** Duplicate detection is under way, and the kernel has no route for the address yet. */
export const tentativeFlag = 0x40;
/** Its connected route is the business of whoever made it, not of the kernel. */
export const noPrefixRouteFlag = 0x200;
/** Another address of the same subnet stands before it on its link. */
export const secondaryFlag = 0x01;
/** Its preferred lifetime is over. */
export const deprecatedFlag = 0x20;

/** RT_SCOPE_UNIVERSE and RT_SCOPE_LINK (linux/rtnetlink.h). */
export const globalScope = 0;
export const linkScope = 253;
