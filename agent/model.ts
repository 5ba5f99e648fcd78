/**
 * The readonly types that the rooms of the program share, and its mark. Plain data only: no
 * behaviour, no I/O.
 */

import type { Hook, TableRecord } from '../lib/nftables/types.ts';
import type { Address, Family, Link, LinkSettings, Route, Rule, RuleMark, UserRange } from '../lib/rtnetlink/types.ts';

export type { Hook, TableRecord } from '../lib/nftables/types.ts';
export type { Address, Family, Link, Route, Rule } from '../lib/rtnetlink/types.ts';

/**
 * The protocol number (rtm_protocol, FRA_PROTOCOL, IFA_PROTO) that marks what this program
 * installs. Not used by any program in iproute2's rt_protos or linux/rtnetlink.h.
 */
export const ownProtocol = 236;

/**
 * The metric of a route of ours that stands in for another program's or the kernel's: after the
 * kernel's own for an address (metric 0), and not that of an advertised one, for networkd appends
 * its own and the kernel accepts no second route with the same next hop there
 * (rt6_duplicate_nexthop): the advertised one would never come back.
 */
export const standInMetric = 4_096;

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
  /**
   * Blocks of its VPC as CIDR text, sorted, both families. No key: not read, for no entry of the
   * configuration asks for them.
   */
  readonly vpcCidrs?: readonly string[];
  /** Public IPv4 address → the private addresses that carry it; never on the host. */
  readonly publicIpv4: Readonly<Record<string, readonly string[]>>;
}

/**
 * What one read says of one ENI. `pending`: listed, but not propagated yet (a listed leaf answers
 * 404, a non-primary reads device 0 on card 0, …). `invalid`: it answers with something that cannot
 * be. Neither is ever read as empty.
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
  /**
   * The tags of the instance that were asked for; null: the instance has no tag of that key. Null
   * for all: it does not offer its tags in the metadata. No key: not read.
   */
  readonly tags?: Readonly<Record<string, string | null>> | null;
  /**
   * Tags that are asked for and listed, and have no value yet: `tags` has them where they were
   * known before. No key: none.
   */
  readonly unreadTags?: readonly string[];
  /**
   * MAC → what the ENI lists although another one listed it before and still does: addresses and
   * prefixes as CIDR text, and `place` for its card and device. No key: none.
   */
  readonly contested?: Readonly<Record<string, readonly string[]>>;
}

/** The live copy of the kernel state that concerns this program. */
export interface KernelState {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  /**
   * Driver of each physical link by its index, from sysfs; null if it is not known. For virtual
   * ones see `Link.kind`.
   */
  readonly drivers: ReadonlyMap<number, string | null>;
  /** The kernel was built without IPv6 or booted with `ipv6.disable=1`. No key: it has IPv6. */
  readonly lacksIpv6?: true;
}

/** What networkd reports about a link. */
export interface NetworkdLink {
  readonly linkIndex: number;
  /** Path of the .network file in force; null where none matches. */
  readonly networkFile: string | null;
  /**
   * AdministrativeState of org.freedesktop.network1.Link: `pending`, `configuring`, `configured`,
   * `unmanaged`, …
   */
  readonly setupState: string;
  /**
   * When it last began to configure the link from the start, in ms on a monotonic
   * clock. No key: not seen.
   */
  readonly unsettledMs?: number;
  /** No key: not known. */
  readonly lease?: NetworkdLease;
  /**
   * Whether the link gives servers, domains or a default route to the host's DNS. No key: not
   * known.
   */
  readonly hasDns?: boolean;
}

/**
 * An IPv6 router whose default route was removed by the program that makes such routes, and did not
 * come back.
 */
export interface LostRouter {
  readonly linkIndex: number;
  readonly gateway: string;
  /** In ms on a monotonic clock. */
  readonly lostMs: number;
}

/** What networkd reports about a DHCPv4 lease. */
export interface NetworkdLease {
  readonly address: string;
  /**
   * Of the lease's default route; null: it has none (RFC 3442: classless routes without
   * a default).
   */
  readonly gateway: string | null;
}

/**
 * What is known of systemd-networkd. `absent`: it is not on the bus; `unknown`: the bus has not
 * answered yet, so it may be running. `links`: its last reports, if any.
 */
export interface NetworkdState {
  readonly kind: 'present' | 'absent' | 'unknown';
  /**
   * systemd's major version as last reported; null if not known, which is treated as the most
   * fragile one.
   */
  readonly version: number | null;
  readonly links: readonly NetworkdLink[];
  /**
   * It is not on the bus and its unit is active all the same: the bus was restarted, and networkd
   * never comes back. No key: not so.
   */
  readonly isCutOff?: true;
  /** It is not on the bus, and starts, restarts or has just lost the bus. No key: not so. */
  readonly isStarting?: true;
}

export interface DesiredAddress {
  readonly linkIndex: number;
  readonly address: string;
  readonly prefixLength: number;
  /**
   * Usable, but never chosen as source by the kernel (RFC 6724, rule 3): an ENI's IPv6 addresses
   * after its first.
   */
  readonly isDeprecated?: true;
  /** Of the connected route, where the address has a subnet's length; none otherwise. */
  readonly metric?: number;
}

export interface DesiredRoute {
  readonly table: number;
  readonly destination: string;
  readonly type: 'unicast' | 'local';
  readonly gateway: string | null;
  readonly linkIndex: number;
  readonly metric: number;
  /** The largest packet that goes this way. No key: that of the link. */
  readonly mtu?: number;
  /**
   * Replaces what networkd drops for a moment: also added while networkd is configuring the link.
   */
  readonly isStandIn?: true;
  /** Repeats one of main, whose gateway need not be in a subnet of the link (RTNH_F_ONLINK). */
  readonly isFollowed?: true;
}

export interface DesiredRule {
  readonly family: Family;
  readonly priority: number;
  /** CIDR text; null: all. */
  readonly source: string | null;
  /** CIDR text; null: all. */
  readonly destination: string | null;
  readonly mark: RuleMark | null;
  readonly users: UserRange | null;
  /** `lo`: only what the host itself sends; null: forwarded packets too. */
  readonly inputInterface: 'lo' | null;
  readonly table: number;
  /** 0: only routes other than the default are taken. */
  readonly suppressPrefixLength: number | null;
  /** Routes by a link of this group are not taken; null: of any. */
  readonly suppressGroup: number | null;
}

/**
 * A networkd file: `name` is relative to the unit directory (`70-ens6.network`,
 * `70-ens6.network.d/sources.conf`).
 */
export interface NetworkFile {
  readonly name: string;
  readonly text: string;
  /**
   * `link`: a change takes effect only by a reload. `sources`: its objects are kept up to date by
   * rtnetlink, and the file is for networkd's next start. `vrf`: the VRF of the link, which
   * networkd makes once.
   */
  readonly role: 'link' | 'sources' | 'vrf';
}

/**
 * The lease's own objects, which networkd makes from our file: enid only corrects their metrics.
 */
export interface DesiredLease {
  /** Null for an ENI without IPv4. */
  readonly address: string | null;
  /** As EC2 leases it: the subnet's; null if the metadata has no subnet. */
  readonly prefixLength: number | null;
  /**
   * Where the routes of lease and router advertisement are: main, or the table of the ENI's VRF.
   */
  readonly table: number;
  readonly metric: number;
  /** Whether the default routes of lease and router advertisement are desired. */
  readonly hasDefaultRoute: boolean;
  /** Of these default routes; null: that of the link. */
  readonly mtu: number | null;
}

/** The desired state of one managed ENI. */
export interface DesiredEni {
  readonly mac: string;
  readonly eniId: string | null;
  readonly linkIndex: number;
  readonly linkName: string;
  readonly isPrimary: boolean;
  /** The desired link group; null: unchanged. */
  readonly group: number | null;
  /** The value that networkd would set; null if this program does not manage it. */
  readonly mtu: number | null;
  /** The MTU of its default routes; null: that of the link. */
  readonly mtuOutside: number | null;
  /** The desired VRF; null: none. */
  readonly vrf: string | null;
  readonly tableId: number;
  readonly metric: number;
  readonly networkFiles: readonly NetworkFile[];
  readonly addresses: readonly DesiredAddress[];
  readonly routes: readonly DesiredRoute[];
  readonly rules: readonly DesiredRule[];
  readonly altNames: readonly string[];
  /**
   * Of net.ipv4.conf.<link>, only the settings that the operator configured; enid leaves the rest
   * alone.
   */
  readonly settings: Partial<LinkSettings>;
  /** What networkd should make of the lease; null if this program does not manage it. */
  readonly lease: DesiredLease | null;
  /**
   * Families whose table routes are not known yet (no lease, no router advertisement): the present
   * ones are kept.
   */
  readonly unresolvedFamilies: readonly (4 | 6)[];
  /**
   * Families whose default route the network itself has withdrawn: ours is removed, even the last
   * one. No key: none.
   */
  readonly withdrawnFamilies?: readonly (4 | 6)[];
  /** IPv6 routers whose paths should be removed from default routes with several. No key: none. */
  readonly leavingRouters?: readonly string[];
}

/** The desired state of a link whose ENI is not known: no metadata was ever read. */
export type ProvisionalEni = Pick<DesiredEni, 'mac' | 'linkIndex' | 'linkName' | 'group' | 'routes' | 'rules'>;

/** The state of an ENI, as `status` shows it. */
export type EniState =
  /** `reason`: what is special. No key: nothing. */
  | { readonly kind: 'configured'; readonly reason?: string }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'overridden'; readonly reason: string }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'degraded'; readonly reason: string }
  | { readonly kind: 'detaching'; readonly reason: string };

/** One line of `status`: an ENI of the metadata, a link that looks like one, or both. */
export interface EniReport {
  readonly mac: string;
  readonly eni: EniMetadata | null;
  readonly linkIndex: number | null;
  readonly linkName: string | null;
  readonly isPrimary: boolean;
  readonly state: EniState;
}

/**
 * The table of nf_tables that marks replies (docs/decisions/0010-replies.md): `table inet enid`,
 * its base chain, and its maps from addresses to the chains of ENIs.
 */
export const replyNames = { table: 'enid', chain: 'replies', maps: { 4: 'source4', 6: 'source6' } } as const;

/** The table as it is desired. */
export interface ReplyTable {
  /** Chain → the packet mark that it sets. */
  readonly chains: ReadonlyMap<string, number>;
  /** CIDR text → chain. */
  readonly sources: Readonly<Record<Family, ReadonlyMap<string, string>>>;
}

/** What marking replies depends on besides the ENIs. */
export interface ReplyFacts {
  /** net.ipv4.ip_forward and net.ipv6.conf.all.forwarding. */
  readonly isForwarding: Readonly<Record<Family, boolean>>;
  /** Connections are tracked in this network namespace, or were since the start of this program. */
  readonly isTracking: boolean;
  /** The table as it is; null: there is none; undefined: it could not be read. */
  readonly table: TableRecord | null | undefined;
}

/** What a rule of the table says; the comment is how the same rule is known again. */
export type ReplyRule =
  | { readonly kind: 'leave-original' }
  | { readonly kind: 'leave-untranslated' }
  | { readonly kind: 'look-up'; readonly family: Family }
  | { readonly kind: 'mark'; readonly mark: number; readonly mask: number };

/** One step of a batch, which the kernel takes as a whole or not at all. */
export type ReplyStep =
  | { readonly kind: 'add-table' }
  | { readonly kind: 'delete-table' }
  | { readonly kind: 'add-chain'; readonly chain: string; readonly hook: Hook | null }
  | { readonly kind: 'delete-chain'; readonly chain: string }
  | { readonly kind: 'add-rule'; readonly chain: string; readonly comment: string; readonly rule: ReplyRule }
  | { readonly kind: 'delete-rule'; readonly chain: string; readonly handle: number }
  | { readonly kind: 'add-map'; readonly map: string; readonly family: Family }
  | {
      readonly kind: 'add-elements' | 'delete-elements';
      readonly map: string;
      /** CIDR text → chain. */
      readonly elements: ReadonlyMap<string, string>;
    };

/** The whole desired state, and the state of each ENI. */
export interface Desired {
  readonly enis: readonly DesiredEni[];
  readonly reports: readonly EniReport[];
  /**
   * MACs of present links whose desired state is not known at the moment. Their objects are never
   * removed, and while there are any, neither is an object of unknown origin.
   */
  readonly unknownMacs: readonly string[];
  /** Their MACs are among the unknown ones. */
  readonly provisional: readonly ProvisionalEni[];
  /** Null: there should be none. No key: not known, and it stays as it is. */
  readonly replies?: ReplyTable | null;
}

/**
 * What the program itself declared or installed: identity text of the object
 * (decide/base/identity.ts) → MAC of its ENI.
 */
export type Ledger = Readonly<Record<string, string>>;

/**
 * One step from the actual to the desired state. `mac` is the ENI's; `reason` says why in a few
 * words.
 */
export type Change = {
  readonly mac: string;
  readonly linkName: string;
  readonly reason: string;
} & (
  | { readonly kind: 'write-file'; readonly file: NetworkFile }
  | { readonly kind: 'remove-file'; readonly name: string }
  | { readonly kind: 'reload' }
  | {
      readonly kind: 'set-link-setting';
      readonly linkIndex: number;
      readonly setting: keyof LinkSettings;
      readonly value: number;
    }
  | { readonly kind: 'set-master'; readonly linkIndex: number; readonly masterIndex: number; readonly vrf: string }
  | { readonly kind: 'set-link-group'; readonly linkIndex: number; readonly group: number }
  | { readonly kind: 'set-mtu'; readonly linkIndex: number; readonly mtu: number }
  /** `isUsed`: the DNS of lease and file is in force; otherwise none is. */
  | { readonly kind: 'set-dns'; readonly linkIndex: number; readonly isUsed: boolean }
  | { readonly kind: 'add-alt-name'; readonly linkIndex: number; readonly altName: string }
  | { readonly kind: 'remove-alt-name'; readonly linkIndex: number; readonly altName: string }
  | { readonly kind: 'add-address'; readonly address: DesiredAddress }
  | { readonly kind: 'remove-address'; readonly address: DesiredAddress }
  /** To the end of its link's list. */
  | { readonly kind: 'move-address'; readonly address: DesiredAddress }
  | {
      readonly kind: 'set-address-metric';
      readonly linkIndex: number;
      readonly address: string;
      readonly prefixLength: number;
      readonly metric: number;
    }
  | { readonly kind: 'add-route'; readonly route: DesiredRoute }
  | { readonly kind: 'remove-route'; readonly route: Route }
  /** Of a route that is there; null: that of its link. */
  | { readonly kind: 'set-route-mtu'; readonly route: Route; readonly mtu: number | null }
  | { readonly kind: 'add-rule'; readonly rule: DesiredRule }
  /** The table that marks replies; it belongs to the host: `mac` and `linkName` are empty. */
  | { readonly kind: 'set-replies'; readonly steps: readonly ReplyStep[]; readonly wanted: ReplyTable }
  | { readonly kind: 'remove-replies' }
  /** `ownTwins`: rules of ours that stay, and that the kernel may take for it. No key: none. */
  | { readonly kind: 'remove-rule'; readonly rule: Rule; readonly ownTwins?: readonly Rule[] }
);

/**
 * What a repair restored: an object of this program that another program had removed or altered.
 */
export type RepairKind = 'address' | 'file' | 'metric' | 'name' | 'route' | 'rule' | 'setting' | 'table';

/** What `enid doctor` checks in addition to what a pass reads. */
export interface HostFacts {
  /** `6.1.0-28-cloud-amd64`, as uname(2) says. */
  readonly kernelRelease: string;
  /** Programs that configure networks and run in this network namespace. */
  readonly programs: readonly { readonly name: string; readonly processId: number }[];
  /** Known files of other programs that configure networks. */
  readonly files: readonly string[];
  /**
   * What systemd-imdsd (≥ 261) has written for networkd, and whether it keeps programs off the
   * metadata service. No key: nothing.
   */
  readonly imdsNetwork?: 'locked' | 'unlocked';
  /** networkd.conf(5) in force: null if no file sets it. */
  readonly manageForeignRoutes: string | null;
  readonly manageForeignRules: string | null;
  /** net.ipv4.conf.<link>.rp_filter: 0 off, 1 strict, 2 loose; `all` among the names. */
  readonly reversePathFilters: Readonly<Record<string, number>>;
  /** IPv6_rpfilter= of firewalld.conf(5) for forwarded packets. No key: firewalld does not run. */
  readonly ipv6ReversePathFilter?: 'strict' | 'other';
  /**
   * One question to the metadata service from each local address of an ENI. `failure` null: it
   * answered.
   */
  readonly metadataWays: readonly {
    readonly linkName: string;
    readonly localAddress: string;
    readonly endpoint: string;
    readonly failure: string | null;
  }[];
  /**
   * From the firmware of a Nitro instance, available without any network. No key: not available.
   */
  readonly instanceId?: string;
  /** MACs that files in /etc/systemd/network match and no link has. No key: none. */
  readonly strangeMacs?: readonly { readonly path: string; readonly mac: string }[];
  /** The same of names in `[Match]`. No key: none. */
  readonly strangeNames?: readonly { readonly path: string; readonly name: string }[];
  /**
   * Whether the daemon can have networkd read its files: by polkit's word, or by
   * enid-reload.socket. `unknown`: polkit tells root only. No key: not asked.
   */
  readonly reloadWays?: {
    readonly polkit: 'allows' | 'refuses' | 'absent' | 'unknown';
    readonly hasHelper: boolean;
  };
  /**
   * Destinations to which the kernel remembers a smaller path MTU, learnt by "packet too big". No
   * key: the kernel was not asked.
   */
  readonly pathMtuCount?: number;
  /** The running daemon; null if none holds the lock of the runtime directory. */
  readonly daemon: { readonly processId: number; readonly hasNetAdmin: boolean | null } | null;
}

/**
 * The way of a packet, as the kernel has it or as it is desired; `rule` null: none that this
 * program can read.
 */
export interface Way {
  readonly rule: Rule | DesiredRule | null;
  readonly route: Route | DesiredRoute | null;
  /** The kernel used an entry cached for the route's path MTU, which no dump shows. */
  readonly isCached?: true;
  readonly table: number;
  readonly linkName: string | null;
  readonly gateway: string | null;
}
