/**
 * Traffic that the operator sends by an ENI regardless of its source: by user, mark or destination.
 * These rules come after those of every source, so that a packet which already has an ENI's address
 * never leaves by another one (EC2 would drop it).
 */

import { familyOf, widthOf } from '../../../lib/ip/address.ts';
import { mergeCidrs, requireCidr } from '../../../lib/ip/cidr.ts';
import type { PolicySelector } from '../../config/types.ts';
import type { DesiredRule, EniMetadata, Family } from '../../model.ts';
import { defaultWidth, mainTable, rulePriorityOf } from '../base/numbers.ts';
import { listAddressSources, listPrefixSources, selectSource } from './sources.ts';

/**
 * First main's routes that are more specific than the selector, then the ENI's own table. networkd
 * has a host route to each DNS server: it must not take precedence over `to` that same server.
 */
export function computeSelectRules(
  selectors: readonly PolicySelector[],
  { eniNumber, tableId }: { readonly eniNumber: number; readonly tableId: number },
): DesiredRule[] {
  return selectors.flatMap(({ to, mark, users }) => {
    const families: readonly Family[] = to === null ? [4, 6] : [familyOf(to)];
    return families.flatMap((family) => {
      const selector = { family, source: null, destination: to, mark, users, inputInterface: null };
      const rule = { ...selector, suppressGroup: null };
      const suppressPrefixLength = Math.max(defaultWidth[family], to === null ? 0 : requireCidr(to).length);
      const inMain = {
        ...rule,
        priority: rulePriorityOf.selectedMain(eniNumber),
        table: mainTable,
        suppressPrefixLength,
      };
      return [
        ...(suppressPrefixLength === widthOf(family) ? [] : [inMain]),
        { ...rule, priority: rulePriorityOf.selectedOwn(eniNumber), table: tableId, suppressPrefixLength: null },
      ];
    });
  });
}

/**
 * The primary's own rules use main's default route: if other ENIs select traffic, packets that
 * already have the primary's address stay with it.
 */
export function computeGuardRules(primary: EniMetadata): DesiredRule[] {
  const everything = { exclude: [] };
  const sources = mergeCidrs([...listAddressSources(primary, everything), ...listPrefixSources(primary, everything)]);
  return sources.map((source) => ({
    ...selectSource(source, null),
    priority: rulePriorityOf.guard,
    table: mainTable,
    suppressPrefixLength: null,
    suppressGroup: null,
  }));
}
