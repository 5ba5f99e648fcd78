/** The operator's configuration after it was parsed: every key is there, units are in the names. */

import type { RuleMark, UserRange } from '../../lib/rtnetlink/types.ts';

/**
 * How much of an ENI is taken care of. `rules`: policy routing only; `names`: alternative names
 * only.
 */
export type Manage = 'full' | 'rules' | 'names' | 'none';

/** A route of the operator's by an ENI. */
export interface PolicyRoute {
  /** CIDR text. */
  readonly to: string;
  /** Next hop of the same family; null: the ENI's own router. */
  readonly via: string | null;
  /** Which table has it: the ENI's own, main, or both. */
  readonly table: 'own' | 'main' | 'both';
}

/** Traffic whatever its source: all that is given must fit. */
export interface PolicySelector {
  /** CIDR text; null: any destination. */
  readonly to: string | null;
  readonly mark: RuleMark | null;
  readonly users: UserRange | null;
}

/** What holds for one ENI. Null: follow the formula or the default of the program. */
export interface InterfacePolicy {
  readonly manage: Manage;
  /** `route-only`: an address after the first of its family gets its rule but no local address. */
  readonly secondary: 'local' | 'route-only';
  /** Canonical CIDR text: addresses within are neither put on the link nor given a rule. */
  readonly exclude: readonly string[];
  /** `local`: the whole delegated prefix answers on this host. */
  readonly prefixes: 'rules' | 'local' | 'assigned';
  /**
   * Further sources that leave by this ENI, as CIDR text: networks of containers behind the host.
   */
  readonly sources: readonly string[];
  readonly routes: readonly PolicyRoute[];
  /** Other traffic of this host that leaves by this ENI. */
  readonly select: readonly PolicySelector[];
  readonly rules: 'standard' | 'classic' | 'none';
  readonly table: number | null;
  readonly metric: number | null;
  readonly vrf: string | null;
  /** net.ipv4.conf.<link>.rp_filter; `keep`: as it is. */
  readonly reversePathFilter: 'keep' | 'strict' | 'loose';
  /**
   * `own`: the link answers and asks for its own addresses only (arp_ignore 1, arp_announce 2);
   * `keep`: as it is.
   */
  readonly arp: 'keep' | 'own';
  /** Bytes. */
  readonly mtu: number;
  /** Bytes, of what leaves the VPC; null: as `mtu`. */
  readonly mtuOutside: number | null;
  /** Whether the lease's DNS servers and domains are used. */
  readonly dns: boolean;
  /** Whether the ENI's default route enters the main table. */
  readonly defaultRoute: boolean;
  /** Whether network-online.target waits for the link; null: for the primary's alone. */
  readonly requiredForOnline: boolean | null;
}

/** Every given key must match (logical and); a match without keys matches every ENI. */
export interface InterfaceMatch {
  readonly eni?: string;
  /** Lower-case colon text. */
  readonly mac?: string;
  readonly device?: number;
  readonly card?: number;
  /** Shell glob (`*`, `?`) over the kernel's link name. */
  readonly name?: string;
  /** A subnet id (`subnet-…`) or canonical CIDR text. */
  readonly subnet?: string;
  readonly driver?: string;
  /** Tags of the instance: key → value, or a glob. */
  readonly tag?: Readonly<Record<string, string>>;
}

export interface InterfaceEntry {
  readonly match: InterfaceMatch;
  /** Only what the entry says; the rest is the default. */
  readonly policy: Partial<InterfacePolicy>;
}

export type Replies = 'auto' | 'on' | 'off';

export interface Config {
  readonly imds: {
    readonly endpoints: readonly string[];
    readonly intervalMs: number;
    readonly timeoutMs: number;
    /** Whether a packet for an address that is not on the host has it read at once. */
    readonly wakeOnTraffic: boolean;
  };
  readonly drivers: readonly string[];
  readonly networkd: { readonly unitDirectory: string; readonly prefix: string };
  readonly runtimeDirectory: string;
  /** `127.0.0.1:9469` or `unix:/path`; null = off. */
  readonly metricsListen: string | null;
  /** A file for node-exporter's textfile collector; null = none. */
  readonly metricsTextfile: string | null;
  readonly hostname: boolean;
  /**
   * Whether replies of translated connections (published ports) leave by the ENI of the address
   * that they were opened to. `auto`: while the host forwards and tracks connections.
   */
  readonly replies: Replies;
  /** The first entry that matches an ENI decides. */
  readonly interfaces: readonly InterfaceEntry[];
}
