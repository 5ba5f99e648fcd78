/**
 * The rules for packets that the table `inet enid` has marked as replies of an ENI: the same ways
 * as for its sources, before every rule for a source. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import type { DesiredRule, EniMetadata, Family } from '../../model.ts';
import { rememberEach } from '../base/memo.ts';
import { mainTable, rulePriorityOf } from '../base/numbers.ts';
import { computeReplyMark, hasReplies, type ReplyFamilies, replyMask } from './reply-table.ts';
import {
  computeWays,
  isNarrowPrimary,
  listAddressSources,
  listPrefixSources,
  type RuleInput,
  type Selector,
  takesAll,
} from './sources.ts';

export interface ReplyInput extends Omit<RuleInput, 'eni' | 'situation'> {
  /** A `Situation` as JSON text, so that equal ones compare equal. */
  readonly situation: string;
  /** Those of the ENI without any for replies. */
  readonly rules: readonly DesiredRule[];
  /** Of its mark; null: it has none. */
  readonly number: number | null;
  readonly families: ReplyFamilies;
}

export interface Replies {
  /** All rules of the ENI. */
  readonly rules: readonly DesiredRule[];
  /** Addresses and prefixes whose replies are marked. */
  readonly sources: readonly string[];
}

/**
 * The primary is marked, too: main would send the reply to a host in another ENI's subnet by that
 * ENI, and the rule of a prefix the reply of a container that has its address from there.
 */
export const computeReplies = rememberEach(
  (eni: EniMetadata, { rules, number, families, situation, ...rest }: ReplyInput): Replies => {
    if (number === null || families === '') return { rules, sources: [] };
    const input: RuleInput = { eni, situation: JSON.parse(situation), ...rest };
    const contested = input.situation.primary?.contestedFamilies ?? ([4, 6] as const);
    const all = [...listAddressSources(eni, rest.policy), ...listPrefixSources(eni, rest.policy)];
    const sources = all.filter((source) => {
      const family = familyOf(source);
      return contested.includes(family) && hasReplies(families, family);
    });
    const used = ([4, 6] as const).filter((family) => sources.some((source) => familyOf(source) === family));
    return { rules: [...rules, ...used.flatMap((family) => computeRules(input, family, number))], sources };
  },
);

function computeRules(input: RuleInput, family: Family, number: number): DesiredRule[] {
  const mark = { value: computeReplyMark(number), mask: replyMask };
  const selector: Selector = { family, source: null, destination: null, mark, users: null, inputInterface: null };
  const own = rulePriorityOf.replyOwn(number);
  if (input.policy.rules === 'classic') return [{ ...selector, ...takesAll, priority: own, table: input.tableId }];
  const rest = { ...selector, ...takesAll, priority: rulePriorityOf.replyRest(number), table: mainTable };
  return [
    ...computeWays(input, family, [selector], {
      exceptionMain: rulePriorityOf.replyExceptionMain(number),
      exceptionOwn: rulePriorityOf.replyExceptionOwn(number),
      main: rulePriorityOf.replyMain(number),
      own,
    }),
    // Not the rules of sources that follow: a container may have its address from another ENI.
    ...(isNarrowPrimary(input.situation, family) ? [rest] : []),
  ];
}
