/** A link of the host with its ENI. Pure. */

import type { InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata } from '../../model.ts';
import { placeClaim } from '../inputs/contested.ts';
import type { CandidateLink } from '../inputs/match-links.ts';

/** A source that another ENI has as well, with the name of that ENI. */
export interface Duplicate {
  readonly source: string;
  readonly name: string;
  /** Where the metadata lists it: `local-ipv4s`, `ipv6-prefix`, … */
  readonly leaf: string;
  /** That ENI's subnet, if the source is the router or resolver there. No key: it is not. */
  readonly reservedIn?: string;
}

/** A present link with its ENI, ready to be configured. */
export interface Matched {
  readonly eni: EniMetadata;
  readonly candidate: CandidateLink;
  readonly isPrimary: boolean;
  readonly isLeaving: boolean;
  /** Its addresses and subnet are those of the network on the premises, not the VPC's. */
  readonly isLocalNetwork: boolean;
  readonly policy: InterfacePolicy;
  readonly tableId: number;
  /** The table of the routes of lease and router advertisement: main, or the table of the VRF. */
  readonly leaseTable: number;
  /** Of its routes. */
  readonly metric: number;
  /** What another ENI had before it, from `Snapshot.contested`. */
  readonly contested: readonly string[];
  /** Its sources that another ENI has as well. */
  readonly duplicates: readonly Duplicate[];
  /** Why it cannot have its table or its VRF; null: it can. */
  readonly collision: string | null;
}

/**
 * Whether main has a default route by it. Also while it leaves: its configuration stays until its
 * link is gone, so that main goes on choosing among the same ones.
 */
export function hasMainDefault({ policy, collision }: Matched): boolean {
  return policy.manage === 'full' && policy.defaultRoute && policy.vrf === null && collision === null;
}

/** Each with its collision, if any. */
export function findCollisions(all: readonly Matched[]): Matched[] {
  return all.map((one) => ({ ...one, collision: findCollision(one, all) }));
}

/**
 * Two ENIs on one table would send each other's traffic: the one that had it before keeps it, else
 * the primary, else the lower MAC.
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
  if (vrf !== null && rival.policy.vrf === vrf) return `VRF ${vrf} is used by ${name}: expected one ENI per VRF`;
  return `table ${tableId} is used by ${name}: expected one ENI per device and card number; set \`table:\` for one of them`;
}
