/** A link of the host with the ENI that it is. Pure. */

import type { InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata } from '../../model.ts';
import { placeClaim } from '../inputs/contested.ts';
import type { CandidateLink } from '../inputs/match-links.ts';

/** A source that is another ENI's, too, and that one's name. */
export interface Duplicate {
  readonly source: string;
  readonly name: string;
  /** Where the metadata lists it: `local-ipv4s`, `ipv6-prefix`, … */
  readonly leaf: string;
  /** Of that ENI's subnet, where the source is its router or resolver there. No key: it is not. */
  readonly reservedIn?: string;
}

/** One present link with the ENI it is, ready to be configured. */
export interface Matched {
  readonly eni: EniMetadata;
  readonly candidate: CandidateLink;
  readonly isPrimary: boolean;
  readonly isLeaving: boolean;
  /** Its addresses and subnet are those of the network on the premises, not the VPC's. */
  readonly isLocalNetwork: boolean;
  readonly policy: InterfacePolicy;
  readonly tableId: number;
  /** Where lease and router advertisement have their routes: main, or the table of the VRF. */
  readonly leaseTable: number;
  /** What another ENI had before it, of `Snapshot.contested`. */
  readonly contested: readonly string[];
  /** Its sources that another ENI has, too, with that one's name. */
  readonly duplicates: readonly Duplicate[];
  /** Why it cannot have its table or its VRF; null: it can. */
  readonly collision: string | null;
}

/** Each with the ENI that is in its way. */
export function findCollisions(all: readonly Matched[]): Matched[] {
  return all.map((one) => ({ ...one, collision: findCollision(one, all) }));
}

/**
 * Two ENIs on one table would send each other's traffic: the one that had it before keeps it, else the primary, else
 * the lower MAC.
 */
function findCollision(one: Matched, all: readonly Matched[]): string | null {
  const { tableId } = one;
  const { vrf } = one.policy;
  const rank = ({ contested, isPrimary, eni }: Matched) =>
    `${contested.includes(placeClaim) ? 1 : 0} ${isPrimary ? 0 : 1} ${eni.mac}`;
  const rival = all.find(
    (other) =>
      other !== one &&
      (other.tableId === tableId || (vrf !== null && other.policy.vrf === vrf)) &&
      rank(other) < rank(one),
  );
  if (rival === undefined) return null;
  const name = rival.eni.eniId ?? rival.eni.mac;
  if (vrf !== null && rival.policy.vrf === vrf) return `VRF ${vrf} is taken by ${name}: expected one ENI in it`;
  return `table ${tableId} is taken by ${name}: expected one ENI per device and card number; set \`table:\` for one of them`;
}
