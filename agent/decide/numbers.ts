/** The numbers of an ENI: table, metric and rule priorities, by documented formulas (DESIGN, decision 1). */

import type { EniMetadata } from '../model.ts';

/** RT_TABLE_MAIN and RT_TABLE_LOCAL (linux/rtnetlink.h). */
export const mainTable = 254;
export const localTable = 255;

/** `10000 + 100·card + device`, the formula of amazon-ec2-net-utils 2.x: scripts of its users know these tables. */
export function computeEniNumber(eni: Pick<EniMetadata, 'networkCard' | 'deviceNumber'>): number {
  return 10_000 + 100 * eni.networkCard + eni.deviceNumber;
}

/** The numbers that an ENI's table can have by the formula, with room for 50 cards: from the first to below the second. */
export const eniTables = { from: 10_000, to: 15_000 } as const;

/** `512 + 100·card + device`: below networkd's default of 1024, the primary before all. */
export function computeMetric(eni: Pick<EniMetadata, 'networkCard' | 'deviceNumber'>): number {
  return 512 + 100 * eni.networkCard + eni.deviceNumber;
}

/**
 * Rule priorities. Each stage has a window of 5000 above the ENI number: 32 cards × 100 devices fit. All stages stand
 * behind the windows of VPC CNI (512–1536) and Tailscale (5210–5270) and before main (32766).
 */
export const rulePriorityOf = {
  /** The ENI's own connected subnet. */
  ownSubnet: (eniNumber: number) => eniNumber,
  /** Whatever main knows better than by a default route. */
  main: (eniNumber: number) => eniNumber + 5_000,
  /** The ENI's default route. */
  ownDefault: (eniNumber: number) => eniNumber + 10_000,
  /** Behind every rule for a source: the primary's sources go by main, whatever is selected below. */
  guard: 24_000,
  /** The operator's selectors: main's better routes first. */
  selectedMain: (eniNumber: number) => eniNumber + 14_100,
  selectedOwn: (eniNumber: number) => eniNumber + 18_000,
} as const;
