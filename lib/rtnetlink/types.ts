/**
 * Kernel objects as plain data, decoded from rtnetlink(7) messages. Addresses and prefixes are
 * canonical text (RFC 5952 for IPv6; a prefix always carries its length: `10.0.1.0/24`, `::/0`);
 * MACs are lower-case colon text.
 */

export type Family = 4 | 6;

/** Settings of a link, net.ipv4.conf.<link>.*, as ip-sysctl says. */
export interface LinkSettings {
  /** 0 off, 1 strict, 2 loose; the greater one of the link's and `all` holds. */
  readonly rp_filter: number;
  /** 2: asks only with addresses of this link. */
  readonly arp_announce: number;
  /** 1: answers only for addresses of this link. */
  readonly arp_ignore: number;
}

/** A network device (RTM_NEWLINK). */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Current hardware address; null if the device has none. */
  readonly mac: string | null;
  /** IFLA_PERM_ADDRESS; null if the driver keeps none (veth, most virtual links). */
  readonly permanentMac: string | null;
  /** IFLA_INFO_KIND (`veth`, `vlan`, `bridge`, …); null for a physical device. */
  readonly kind: string | null;
  readonly masterIndex: number | null;
  /**
   * IFLA_GROUP: the link group (ip-link(8), `group`); 0 is the default group, which every new link
   * is in.
   */
  readonly group: number;
  /** IFLA_VRF_TABLE: the routing table of a VRF. No key: not a VRF. */
  readonly vrfTable?: number;
  readonly mtu: number;
  /** IFLA_MAX_MTU: the kernel refuses a larger one. No key: the driver has no bound. */
  readonly maxMtu?: number;
  readonly isLoopback: boolean;
  /** IFF_UP: administratively up. */
  readonly isUp: boolean;
  /** IFF_LOWER_UP. */
  readonly hasCarrier: boolean;
  /** IFLA_ALT_IFNAME, sorted. */
  readonly altNames: readonly string[];
  /** No key: the link has no IPv4 settings. */
  readonly settings?: LinkSettings;
  /**
   * It can have no IPv6 address: `disable_ipv6`, an MTU below 1280, or no IPv6 in the kernel. No
   * key: it can.
   */
  readonly isIpv6Off?: true;
}

/** An address on a link (RTM_NEWADDR). */
export interface Address {
  readonly linkIndex: number;
  readonly family: Family;
  readonly address: string;
  readonly prefixLength: number;
  /** RT_SCOPE_*: 0 universe, 253 link, 254 host. */
  readonly scope: number;
  /**
   * IFA_FLAGS bits (linux/if_addr.h): 0x80 permanent, 0x200 noprefixroute, 0x40 tentative, 0x08
   * dadfailed.
   */
  readonly flags: number;
  /** IFA_PROTO (kernel ≥ 5.18); 0 if unset. */
  readonly protocol: number;
  /**
   * IFA_RT_PRIORITY: metric of the connected route that the kernel makes for the address; 0 if
   * unset.
   */
  readonly metric: number;
  /** Seconds; null = forever. */
  readonly validLifetime: number | null;
}

/** One next hop of several. */
export interface RoutePath {
  readonly gateway: string | null;
  readonly linkIndex: number;
}

/** A route (RTM_NEWROUTE). Cached and cloned routes are never reported. */
export interface Route {
  readonly family: Family;
  readonly table: number;
  readonly destination: string;
  /** RTN_*: 1 unicast, 2 local, 3 broadcast, 6 blackhole, 7 unreachable, 8 prohibit. */
  readonly type: number;
  /** RTPROT_*: 2 kernel, 3 boot, 4 static, 9 ra, 16 dhcp. */
  readonly protocol: number;
  readonly scope: number;
  readonly gateway: string | null;
  /** RTA_OIF; null for multipath and for routes without a device. */
  readonly linkIndex: number | null;
  /** RTA_PRIORITY; 0 if unset. */
  readonly metric: number;
  /** RTAX_MTU of RTA_METRICS. No key: unset, the MTU of the link counts. */
  readonly mtu?: number;
  readonly preferredSource: string | null;
  /**
   * RTA_NH_ID: the next hop object that gateway and link come from (systemd ≥ 256 makes one for
   * each router); null: none.
   */
  readonly nextHopId: number | null;
  /**
   * Of several (RTA_MULTIPATH), in the kernel's order: those of IPv6 by age. No key: one next hop,
   * or none.
   */
  readonly paths?: readonly RoutePath[];
  /**
   * True if RTA_MULTIPATH, a group of next hops or an encapsulation has content that this record
   * lacks.
   */
  readonly isComplex: boolean;
}

/** Packets whose mark, under the mask, is the value (FRA_FWMARK, FRA_FWMASK). */
export interface RuleMark {
  readonly value: number;
  readonly mask: number;
}

/** User ids of the sending socket, inclusive (FRA_UID_RANGE). */
export interface UserRange {
  readonly first: number;
  readonly last: number;
}

/** A policy routing rule (RTM_NEWRULE). */
export interface Rule {
  readonly family: Family;
  readonly priority: number;
  /** `from` prefix; null = all. */
  readonly source: string | null;
  /** `to` prefix; null = all. */
  readonly destination: string | null;
  readonly inputInterface: string | null;
  readonly outputInterface: string | null;
  readonly mark: RuleMark | null;
  readonly users: UserRange | null;
  /** FR_ACT_*: 1 to table, 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 prohibit. */
  readonly action: number;
  /** 0 if the action is not a look-up. */
  readonly table: number;
  /** Routes with a prefix of this length or shorter are not taken; null = unset. */
  readonly suppressPrefixLength: number | null;
  /** FRA_SUPPRESS_IFGROUP: routes by a link of this group are not taken; null = unset. */
  readonly suppressGroup: number | null;
  /** FRA_PROTOCOL, RTPROT_*; 0 if unset. */
  readonly protocol: number;
  /** True if the rule has selectors that this record lacks (ports, tos, l3mdev, invert, …). */
  readonly isComplex: boolean;
}

interface Requested {
  /**
   * The netlink port of the socket that requested the change (nlmsg_pid); 0: the kernel itself. No
   * key: not known.
   */
  readonly portId?: number;
}

/** What a subscription reports. A `new` is an upsert: it carries the whole object. */
export type RtnetlinkEvent =
  | { readonly kind: 'link'; readonly change: 'new' | 'delete'; readonly link: Link }
  /** Of an existing link: its reverse path filter (0 off, 1 strict, 2 loose) changed. */
  | {
      readonly kind: 'setting';
      readonly change: 'new';
      readonly setting: { readonly linkIndex: number; readonly reversePathFilter: number };
    }
  | ({ readonly kind: 'address'; readonly change: 'new' | 'delete'; readonly address: Address } & Requested)
  | ({
      readonly kind: 'route';
      readonly change: 'new' | 'delete';
      readonly route: Route;
      /**
       * NLM_F_REPLACE: it took the place of another route of its slot, for which no delete is sent.
       */
      readonly isReplacement: boolean;
    } & Requested)
  | { readonly kind: 'rule'; readonly change: 'new' | 'delete'; readonly rule: Rule };
