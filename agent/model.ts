/** The readonly types that the rooms of the program share. Plain data only: no behaviour, no I/O. */

import type { Address, Link, Route, Rule } from '../lib/rtnetlink/types.ts';

export type { Address, Family, Link, Route, Rule } from '../lib/rtnetlink/types.ts';

/** One elastic network interface as the metadata service describes it. All text is canonical. */
export interface EniMetadata {
  /** Lower-case colon text: the key under `network/interfaces/macs/`. */
  readonly mac: string;
  /** `eni-…`; null where the key is not listed. */
  readonly eniId: string | null;
  readonly deviceNumber: number;
  /** 0 where the instance has one card only and lists no card. */
  readonly networkCard: number;
  readonly subnetId: string | null;
  readonly vpcId: string | null;
  /** The first is the primary private address. Empty: an ENI without IPv4 (IPv6-only, EFA-only). */
  readonly ipv4Addresses: readonly string[];
  readonly ipv6Addresses: readonly string[];
  /** Delegated prefixes as CIDR text, sorted. */
  readonly ipv4Prefixes: readonly string[];
  readonly ipv6Prefixes: readonly string[];
  readonly subnetIpv4: string | null;
  readonly subnetIpv6: readonly string[];
  /** Public IPv4 address → the private addresses that carry it; never on the host. */
  readonly publicIpv4: Readonly<Record<string, readonly string[]>>;
}

/**
 * What one read says of one ENI. `pending`: listed, but not propagated yet (a listed leaf answers 404, a non-primary
 * reads device 0 on card 0, …). `invalid`: it answers with something that cannot be. Neither is ever read as empty.
 */
export type EniReading =
  | { readonly kind: 'ready'; readonly eni: EniMetadata }
  | { readonly kind: 'pending'; readonly mac: string; readonly reason: string }
  | { readonly kind: 'invalid'; readonly mac: string; readonly reason: string };

/** One complete, consistent read of the metadata. */
export interface Snapshot {
  /** The top-level `mac`: the primary ENI's. */
  readonly primaryMac: string;
  /** Sorted by MAC. */
  readonly enis: readonly EniReading[];
  readonly instanceId: string | null;
}

/** The live copy of the kernel state that concerns this program. */
export interface KernelState {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  /** Driver by link index, from sysfs or ethtool; null where it cannot be told (virtual links: see `Link.kind`). */
  readonly drivers: ReadonlyMap<number, string | null>;
}
