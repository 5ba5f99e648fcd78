/** Route types (RTN_*) and who made a route (RTPROT_*), as linux/rtnetlink.h numbers them. */

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;

export const RTPROT_KERNEL = 2;
export const RTPROT_RA = 9;
export const RTPROT_DHCP = 16;
