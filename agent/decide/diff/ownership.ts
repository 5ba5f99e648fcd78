/** Who owns a kernel object. Pure. */

import { type Desired, type KernelState, type Ledger, ownProtocol, type ProvisionalEni } from '../../model.ts';
import { RTPROT_STATIC } from '../base/kernel-numbers.ts';

/** A desired object that cannot be made: a foreign object has its place. */
export interface Conflict {
  readonly mac: string;
  readonly reason: string;
}

export const missing = 'missing';
export const altered = 'altered';
export const notDesired = 'no longer desired';

/**
 * What an object's mark says about its maker. `unmarked`: networkd may have made it from our files,
 * which the ledger knows; `foreign`: neither networkd nor this program marks objects like this.
 */
type Mark = 'own' | 'unmarked' | 'foreign';

/** `unmarkedProtocol`: the protocol of objects that networkd makes from our files. */
function readMark(protocol: number, unmarkedProtocol: number): Mark {
  return protocol === ownProtocol ? 'own' : protocol === unmarkedProtocol ? 'unmarked' : 'foreign';
}

/**
 * networkd's rules are RTPROT_STATIC, its addresses carry no IFA_PROTO, its routes carry ours
 * (Protocol=236).
 */
export const markOf = {
  rule: (protocol: number) => readMark(protocol, RTPROT_STATIC),
  address: (protocol: number) => readMark(protocol, 0),
  route: (protocol: number): Mark => (protocol === ownProtocol ? 'own' : 'foreign'),
} as const;

/** Who owns an object, and whether this program may remove it. */
export class Ownership {
  readonly #ledger: Ledger;
  readonly #macByLink: ReadonlyMap<number, string>;
  readonly #nameByMac: ReadonlyMap<string, string>;
  readonly #unknown: ReadonlySet<string>;

  constructor({ desired, links, ledger }: Pick<KernelState, 'links'> & { desired: Desired; ledger: Ledger }) {
    this.#ledger = ledger;
    this.#unknown = new Set(desired.unknownMacs);
    this.#macByLink = new Map(
      links.flatMap(({ index, permanentMac, mac }) => {
        const known = permanentMac ?? mac;
        return known === null ? [] : [[index, known] as const];
      }),
    );
    this.#nameByMac = new Map(
      desired.reports.flatMap(({ mac, linkName }) => (linkName === null ? [] : [[mac, linkName] as const])),
    );
  }

  /** The owner of a removable object; null if it must stay. */
  ownerOf(key: string, mark: Mark, linkIndex: number | null): { mac: string; linkName: string } | null {
    if (mark === 'foreign') return null;
    const recorded = this.#ledger[key];
    if (mark === 'unmarked' && recorded === undefined) return null;
    const mac = recorded ?? (linkIndex === null ? undefined : this.#macByLink.get(linkIndex));
    // Marked as ours, but its ENI is not recorded: it stays until every present ENI is known.
    if (mac === undefined ? this.#unknown.size > 0 : this.#unknown.has(mac)) return null;
    return { mac: mac ?? '', linkName: this.nameOf(mac ?? '') };
  }

  /** Empty if the link is gone. */
  nameOf(mac: string): string {
    return this.#nameByMac.get(mac) ?? '';
  }
}

/** The ENI of a change, and the reason. */
export function about(
  { mac, linkName }: ProvisionalEni,
  reason: string,
): { mac: string; linkName: string; reason: string } {
  return { mac, linkName, reason };
}
