/** The numbers of an ENI by documented formulas: table, metric and rule priorities (decision 1). */

import type { EniMetadata, Family } from '../../model.ts';

/** RT_TABLE_MAIN and RT_TABLE_LOCAL (linux/rtnetlink.h). */
export const mainTable = 254;
export const localTable = 255;

/**
 * The link group that every managed ENI is in, so that one rule can look into main without any
 * route by an ENI (`suppress_ifgroup`, ip-rule(8)). The number is the protocol's; nobody else is
 * known to use it.
 */
export const eniGroup = 236;

/**
 * A route as wide as this or wider counts as a default: VPNs override a default by its halves
 * (0.0.0.0/1 and 128.0.0.0/1, ::/1 and 8000::/1) or by all of IPv6's global addresses (2000::/3).
 */
export const defaultWidth: Readonly<Record<Family, number>> = { 4: 1, 6: 7 };

/**
 * `10000 + 100·card + device`, the formula of amazon-ec2-net-utils 2.x: scripts of its users rely
 * on these tables.
 */
export function computeEniNumber(eni: Pick<EniMetadata, 'networkCard' | 'deviceNumber'>): number {
  return 10_000 + 100 * eni.networkCard + eni.deviceNumber;
}

/**
 * The numbers that an ENI's table can have by the formula, with room for 50 cards: from the first
 * to below the second.
 */
export const eniTables = { from: 10_000, to: 15_000 } as const;

/**
 * For links whose ENI is not known yet, by their index: above the highest that an ENI can have
 * (card 35, device 99).
 */
export const provisionalTables = { from: 14_000, to: 15_000 } as const;

/** `512 + 100·card + device`: below networkd's default of 1024, the primary before all. */
export function computeMetric(eni: Pick<EniMetadata, 'networkCard' | 'deviceNumber'>): number {
  return 512 + 100 * eni.networkCard + eni.deviceNumber;
}

/**
 * The metric of the routes of a DHCPv4 lease. Those of an IPv6-only ENI (169.254.x.y/32) lead to
 * EC2's own services only, so they come after those of every ENI that has IPv4.
 */
export function leaseMetric(metric: number, hasIpv4: boolean): number {
  return hasIpv4 ? metric : metric + 4_096;
}

/**
 * Rule priorities. Each stage of the secondary ENIs has a window of 5000 above the ENI number: 32
 * cards × 100 devices fit. All stages come after the windows of VPC CNI (512–1536) and Tailscale
 * (5210–5270) and before main (32766). The primary's come after all of them, so that one rule for
 * its whole subnet never selects a source of another ENI there.
 */
export const rulePriorityOf = {
  /**
   * For packets with the mark of a reply (desired/reply-rules.ts), by the number of that mark, 1 to
   * 127: before every rule for a source.
   */
  replyExceptionMain: (number: number) => 8_000 + number,
  replyExceptionOwn: (number: number) => 8_200 + number,
  replyMain: (number: number) => 8_400 + number,
  replyOwn: (number: number) => 8_600 + number,
  /** The primary's: everything else by main's default route. */
  replyRest: (number: number) => 8_800 + number,
  /**
   * For destinations that main would send by another ENI despite the link group: main's more
   * specific routes.
   */
  exceptionMain: (eniNumber: number) => eniNumber,
  /** Everything else to these destinations by the ENI's own table. */
  exceptionOwn: (eniNumber: number) => eniNumber + 2_500,
  /** Main's routes by links that are no ENI, except default routes. */
  main: (eniNumber: number) => eniNumber + 5_000,
  /** Everything else by the ENI's own table. */
  own: (eniNumber: number) => eniNumber + 10_000,
  /** The same four of the primary. */
  primaryExceptionMain: 23_600,
  primaryExceptionOwn: 23_700,
  primaryMain: 23_800,
  primaryOwn: 23_900,
  /** For links whose ENI is not known yet: after every rule of an ENI, which takes precedence. */
  provisionalMain: 23_950,
  provisionalOwn: 23_960,
  /**
   * After every rule for a source: the primary's sources use main, regardless of the selectors
   * below.
   */
  guard: 24_000,
  /** The operator's selectors: main's more specific routes first. */
  selectedMain: (eniNumber: number) => eniNumber + 14_100,
  selectedOwn: (eniNumber: number) => eniNumber + 18_000,
} as const;
