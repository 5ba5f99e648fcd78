/**
 * By what numbers the rules and routes of amazon-ec2-net-utils and nm-cloud-setup are known. Pure.
 */

import { type Desired, type KernelState, ownProtocol, type Route, type Rule } from '../../model.ts';
import { identifyRule } from './identity.ts';
import { FR_ACT_TO_TBL } from './kernel-numbers.ts';
import { eniTables, mainTable } from './numbers.ts';

export const peerName = 'amazon-ec2-net-utils';
export const cloudSetupName = 'nm-cloud-setup';

/**
 * main.c of nm-cloud-setup: 30200 and 30400 with the number of the ENI, of at most 100; 30350 for
 * main.
 */
const isCloudSetupNumber = (number: number) =>
  (number >= 30_200 && number < 30_300) || (number >= 30_400 && number < 30_500);

export function isCloudSetupRule(rule: Rule): boolean {
  if (!isPlain(rule) || rule.family !== 4) return false;
  const { priority, table, source, suppressPrefixLength } = rule;
  if (source === null) return priority === 30_350 && table === mainTable && suppressPrefixLength === 0;
  return priority === table && isCloudSetupNumber(priority) && suppressPrefixLength === null && source.endsWith('/32');
}

export function isCloudSetupRoute({ family, table }: Route): boolean {
  return family === 4 && isCloudSetupNumber(table);
}

/** One for each source of a secondary ENI, at the number of its table (lib.sh, create_rules). */
export function isPeerRule(rule: Rule): boolean {
  const { priority, table, source, suppressPrefixLength } = rule;
  const isNumber = table >= eniTables.from && table < eniTables.to && priority === table;
  return isPlain(rule) && isNumber && source !== null && suppressPrefixLength === null;
}

/** `managers`: those that were taken over from. */
export function findLeftoverRules({ rules }: KernelState, desired: Desired, managers: readonly string[]): Rule[] {
  const wanted = new Set(desired.enis.flatMap((eni) => eni.rules.map(identifyRule)));
  const tables = new Set(desired.enis.flatMap(({ isPrimary, tableId }) => (isPrimary ? [] : [tableId])));
  const isOfPeer = (rule: Rule) => isPeerRule(rule) && tables.has(rule.table) && !wanted.has(identifyRule(rule));
  return rules.filter(
    (rule) =>
      (managers.includes(peerName) && isOfPeer(rule)) || (managers.includes(cloudSetupName) && isCloudSetupRule(rule)),
  );
}

export function findLeftoverTables({ routes }: KernelState, managers: readonly string[]): Route[] {
  return managers.includes(cloudSetupName) ? routes.filter(isCloudSetupRoute) : [];
}

/** A look-up by source and nothing else, of somebody else. */
function isPlain(rule: Rule): boolean {
  return (
    rule.action === FR_ACT_TO_TBL &&
    !rule.isComplex &&
    rule.protocol !== ownProtocol &&
    rule.suppressGroup === null &&
    [rule.destination, rule.inputInterface, rule.outputInterface, rule.mark, rule.users].every((part) => part === null)
  );
}
