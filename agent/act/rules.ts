/** Adds a policy rule. */

import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { isSameRule } from '../../lib/rtnetlink/rule-match.ts';
import type { Rule } from '../model.ts';
import { accept } from './kernel-request.ts';

/**
 * False: it is there. The kernel also refuses a needed rule as present if another program's rule
 * differs from it only by an additional destination or TOS.
 */
export async function addRule(rule: Rule, client: RtnetlinkClient): Promise<boolean> {
  if (await accept(['EEXIST'], client.addRule(rule))) return true;
  const present = await client.dumpRules(rule.family);
  if (present.some((one) => isSameRule(one, rule))) return false;
  return await accept([], client.addRule(rule, 'append'));
}
