/** A link of the host with the ENI that it is. */

import type { InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata } from '../../model.ts';
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
  readonly policy: InterfacePolicy;
  readonly tableId: number;
  /** Where lease and router advertisement have their routes: main, or the table of the VRF. */
  readonly leaseTable: number;
  /** What another ENI had before it, of `Snapshot.contested`. No key: nothing. */
  readonly contested?: readonly string[];
  /** Its sources that another ENI has, too, with that one's name. */
  readonly duplicates: readonly Duplicate[];
}
