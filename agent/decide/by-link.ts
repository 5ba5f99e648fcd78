/** Records of one link without a look at all others': what is asked for each ENI must not cost more with every other ENI. */

import { rememberOf } from './memo.ts';

interface OfLink {
  readonly linkIndex: number | null;
}

const indexOf = rememberOf((list: readonly OfLink[]): ReadonlyMap<number | null, readonly OfLink[]> => {
  const index = new Map<number | null, OfLink[]>();
  for (const item of list) {
    const others = index.get(item.linkIndex);
    if (others === undefined) index.set(item.linkIndex, [item]);
    else others.push(item);
  }
  return index;
});

/** In the order of the list. The list must not change afterwards; its index is made once. */
export function listOfLink<Item extends OfLink>(list: readonly Item[], linkIndex: number): readonly Item[];
export function listOfLink(list: readonly OfLink[], linkIndex: number): readonly OfLink[] {
  return indexOf(list).get(linkIndex) ?? [];
}
