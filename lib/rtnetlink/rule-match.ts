/**
 * Which rule a delete request would delete: the kernel's own matching, so that no other program's
 * rule is lost.
 */

import type { Rule, RuleMark, UserRange } from './types.ts';

/**
 * The rule that RTM_DELRULE would delete for `wanted`; null: none. `rules` are all rules in the
 * kernel's order (as dumped). A selector that the request lacks matches anything (rule_find in
 * net/core/fib_rules.c, fib4_rule_compare), also in rules with more selectors than the record has
 * (`isComplex`): they are why this must be checked.
 */
export function findDeletedRule(wanted: Rule, rules: readonly Rule[]): Rule | null {
  return rules.find((rule) => isHit(wanted, rule)) ?? null;
}

/** Whether two records are one rule: all fields that the kernel keeps are equal. */
export function isSameRule(left: Rule, right: Rule): boolean {
  return (Object.keys(left) as (keyof Rule)[]).every((key) => JSON.stringify(left[key]) === JSON.stringify(right[key]));
}

function isHit(wanted: Rule, rule: Rule): boolean {
  const fits = <T>(want: T, got: T, unset: T) => want === unset || want === got;
  return (
    wanted.family === rule.family &&
    fits(wanted.action, rule.action, 0) &&
    fits(wanted.table, rule.table, 0) &&
    // A priority is always sent, and the kernel remembers that (user_priority).
    wanted.priority === rule.priority &&
    fits(wanted.source, rule.source, null) &&
    fits(wanted.destination, rule.destination, null) &&
    fits(wanted.inputInterface, rule.inputInterface, null) &&
    fits(wanted.outputInterface, rule.outputInterface, null) &&
    (wanted.mark === null || isEqual(wanted.mark, rule.mark)) &&
    (wanted.users === null || isEqual(wanted.users, rule.users)) &&
    fits(wanted.suppressPrefixLength, rule.suppressPrefixLength, null) &&
    fits(wanted.suppressGroup, rule.suppressGroup, null) &&
    fits(wanted.protocol, rule.protocol, 0)
  );
}

function isEqual(want: RuleMark | UserRange, got: RuleMark | UserRange | null): boolean {
  return JSON.stringify(want) === JSON.stringify(got);
}
