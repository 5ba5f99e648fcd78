/** Which rules to add and to remove. Pure. */

import { type Change, type Desired, type Ledger, ownProtocol, type Rule } from '../../model.ts';
import { identifyRule } from '../base/identity.ts';
import { FR_ACT_TO_TBL } from '../base/kernel-numbers.ts';
import { rememberOf } from '../base/memo.ts';
import { about, markOf, missing, notDesired, type Ownership } from './ownership.ts';

/** Remembered: other programs may have thousands of rules. */
const keyOfRule = rememberOf((rule: Rule) => identifyRule(rule));

interface RuleState {
  readonly desired: Desired;
  readonly rules: readonly Rule[];
  readonly ledger: Ledger;
  /** MACs of links whose rules networkd is about to make. */
  readonly settling: ReadonlySet<string>;
  readonly ownership: Ownership;
}

export function diffRules({ desired, rules, ledger, settling, ownership }: RuleState): Change[] {
  const changes: Change[] = [];
  const plain = rules.filter(
    (rule) => !rule.isComplex && rule.action === FR_ACT_TO_TBL && rule.outputInterface === null,
  );
  const all = [...desired.enis, ...desired.provisional];
  const wanted = new Set(all.flatMap((eni) => eni.rules.map(identifyRule)));
  const present = plain.filter((rule) => wanted.has(keyOfRule(rule)));
  const presentKeys = new Set(present.map(keyOfRule));
  for (const eni of all) {
    for (const rule of eni.rules) {
      if (presentKeys.has(identifyRule(rule)) || settling.has(eni.mac)) continue;
      changes.push({ ...about(eni, missing), kind: 'add-rule', rule });
    }
  }
  const twins = present.filter(({ protocol }) => markOf.rule(protocol) === 'unmarked');
  const madeByNetworkd = new Set(twins.map(keyOfRule));
  for (const rule of plain) {
    const key = keyOfRule(rule);
    // The kernel compares the protocol too, so a rule of ours and networkd's twin can both exist:
    // one is enough.
    if (wanted.has(key) && rule.protocol === ownProtocol && madeByNetworkd.has(key)) {
      const mac = ledger[key] ?? '';
      changes.push({
        mac,
        linkName: ownership.nameOf(mac),
        reason: "duplicate of networkd's own rule",
        kind: 'remove-rule',
        rule,
      });
      continue;
    }
    if (wanted.has(key)) continue;
    const owner = ownership.ownerOf(key, markOf.rule(rule.protocol), null);
    if (owner === null) continue;
    // Those with a further selector, which the kernel deletes in its place where they stand before
    // it.
    const ownTwins = present.filter(
      (one) =>
        one.priority === rule.priority &&
        one.family === rule.family &&
        one.table === rule.table &&
        ownership.ownerOf(keyOfRule(one), markOf.rule(one.protocol), null) !== null,
    );
    const twins = ownTwins.length === 0 ? {} : { ownTwins };
    changes.push({ ...owner, reason: notDesired, kind: 'remove-rule', rule, ...twins });
  }
  return changes;
}
