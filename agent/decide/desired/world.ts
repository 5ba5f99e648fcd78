/** What a decision looks at, as plain data. */

import type { Config } from '../../config/types.ts';
import type { EniMetadata, KernelState, NetworkdState, Snapshot } from '../../model.ts';
import type { KnownRouter } from '../inputs/routers.ts';
import type { ForeignGroups } from './situation.ts';
import type { OwnFile } from './unit-directory.ts';

export interface World {
  readonly config: Config;
  /** Null: the metadata was never read. */
  readonly snapshot: Snapshot | null;
  /**
   * ENIs that the metadata listed before and lists no more; they stay as they are while their link
   * is there.
   */
  readonly departed: readonly EniMetadata[];
  /** The metadata service had its time to answer, and never did. No key: it may still be about to. */
  readonly isSilent?: boolean;
  readonly kernel: KernelState;
  /** IPv6 routers that were seen, also where their route is gone for the moment. */
  readonly routers: readonly KnownRouter[];
  readonly networkd: NetworkdState;
  /** This program's files in the unit directory. */
  readonly ownFiles: readonly OwnFile[];
  /** Names of other programs' files there that begin as ours do. */
  readonly foreignFiles: readonly string[];
  readonly foreignGroups: ForeignGroups;
  /** ENIs that cannot be decided about, by MAC: what the decision threw. What stands for them stays. */
  readonly failures?: Failures;
}

export type Failures = ReadonlyMap<string, string>;
