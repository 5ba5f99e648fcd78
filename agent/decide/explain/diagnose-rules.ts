/** Whether the rules of others fit with those of enid. Pure. */

import { type Desired, type KernelState, ownProtocol, type Rule } from '../../model.ts';
import { identifyRule } from '../base/identity.ts';
import { mainTable } from '../base/numbers.ts';
import { isPeerRule } from '../base/other-managers.ts';
import { type Finding, find, orFine } from './finding.ts';

interface Patient {
  readonly kernel: Pick<KernelState, 'rules' | 'lacksIpv6'>;
  readonly desired: Pick<Desired, 'enis'>;
}

const commands = { 4: 'ip', 6: 'ip -6' } as const;

/**
 * The kernel makes it at its start (fib_default_rules_init), `ip rule flush` deletes it with all
 * others, and nothing makes it again.
 */
export function checkMainRule({ kernel }: Patient): Finding[] {
  const families = kernel.lacksIpv6 === true ? ([4] as const) : ([4, 6] as const);
  const missing = families.filter((family) => !kernel.rules.some((rule) => rule.family === family && isMain(rule)));
  return missing.map((family) =>
    find(
      'rules',
      'error',
      `no IPv${family} rule leads every packet to the table main: packets of the primary find no route`,
      `${commands[family]} rule add pref 32766 from all lookup main`,
    ),
  );
}

function isMain(rule: Rule): boolean {
  const { source, destination, inputInterface, outputInterface, mark, users, suppressPrefixLength, isComplex } = rule;
  const selectors = [source, destination, inputInterface, outputInterface, mark, users, suppressPrefixLength];
  return rule.table === mainTable && !isComplex && selectors.every((one) => one === null);
}

export function checkForeignRules({ kernel, desired: { enis } }: Patient): Finding[] {
  const wanted = enis.flatMap(({ rules }) => rules);
  const identities = new Set(wanted.map(identifyRule));
  const priorities = new Set(wanted.map(({ priority }) => priority));
  const tables = new Set(enis.map(({ tableId }) => tableId));
  const foreign = kernel.rules.filter(
    (rule) =>
      rule.protocol !== ownProtocol &&
      !identities.has(identifyRule(rule)) &&
      // Of ENIs that a file of the peer claims, enid wants none.
      (priorities.has(rule.priority) || tables.has(rule.table) || isPeerRule(rule)),
  );
  const advice = 'find its owner (ip -d rule); enid leaves it alone';
  return orFine(
    'rules',
    "no foreign rules at enid's priorities or into its tables",
    foreign.map((rule) => {
      const { priority, source, table, protocol } = rule;
      const text = `pref ${priority} from ${source ?? 'all'} lookup ${table} proto ${protocol}`;
      const owner = isPeerRule(rule)
        ? 'it has the form of amazon-ec2-net-utils: `enid takeover` from it removes it'
        : null;
      return find('rules', 'warning', `another program's rule is among enid's: ${text}`, owner ?? advice);
    }),
  );
}
