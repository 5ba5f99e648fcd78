/**
 * The records of one link without scanning all: the cost per ENI must not grow with the number of
 * ENIs.
 */

import { groupBy } from './group-by.ts';
import { rememberOf } from './memo.ts';

interface OfLink {
  readonly linkIndex: number | null;
}

const indexOf = rememberOf((list: readonly OfLink[]) => groupBy(list, ({ linkIndex }) => linkIndex));

/** All of them. The list must not change afterwards; its index is made once. */
export function listsByLink<Item extends { readonly linkIndex: number }>(
  list: readonly Item[],
): ReadonlyMap<number, readonly Item[]>;
export function listsByLink(list: readonly OfLink[]): ReadonlyMap<number | null, readonly OfLink[]> {
  return indexOf(list);
}

/** Those of one link, or of none (null), in the order of the list; by the same index. */
export function listOfLink<Item extends OfLink>(list: readonly Item[], linkIndex: number | null): readonly Item[];
export function listOfLink(list: readonly OfLink[], linkIndex: number | null): readonly OfLink[] {
  return indexOf(list).get(linkIndex) ?? [];
}
