/** Records of one link without a look at all others': what is asked for each ENI must not cost more with every other ENI. */

interface OfLink {
  readonly linkIndex: number | null;
}

const indexes = new WeakMap<readonly OfLink[], ReadonlyMap<number | null, readonly OfLink[]>>();

/** In the order of the list. The list must not change afterwards; its index is made once. */
export function listOfLink<Item extends OfLink>(list: readonly Item[], linkIndex: number): readonly Item[];
export function listOfLink(list: readonly OfLink[], linkIndex: number): readonly OfLink[] {
  let index = indexes.get(list);
  if (index === undefined) {
    const made = new Map<number | null, OfLink[]>();
    for (const item of list) {
      const others = made.get(item.linkIndex);
      if (others === undefined) made.set(item.linkIndex, [item]);
      else others.push(item);
    }
    index = made;
    indexes.set(list, made);
  }
  return index.get(linkIndex) ?? [];
}
