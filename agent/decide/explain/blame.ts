/**
 * Names the rule or route that sends a packet out by an ENI that does not own its source, and
 * suggests a fix. Pure.
 */

import { requireCidr } from '../../../lib/ip/cidr.ts';
import { describeRoute, describeRule, nameProtocol } from '../../../lib/text/ip-words.ts';
import { shellWord } from '../../../lib/text/shell-word.ts';
import {
  type Desired,
  type DesiredRoute,
  type DesiredRule,
  type EniReport,
  ownProtocol,
  type Route,
  type Rule,
} from '../../model.ts';
import { identifyRule } from '../base/identity.ts';
import { RTPROT_DHCP, RTPROT_KERNEL, RTPROT_RA } from '../base/kernel-numbers.ts';
import { rememberOf } from '../base/memo.ts';
import { mainTable } from '../base/numbers.ts';
import type { Explanation } from './explain.ts';

export interface Culprit {
  /** The same text for the same culprit. */
  readonly name: string;
  readonly advice: string;
}

const groupAdvice =
  "the link group keeps other ENIs' sources from using it: see the check `link groups` and `enid plan`";

export function blame({ owner, actual, wanted }: Explanation, desired: Desired): Culprit {
  if ('refused' in actual || owner === null)
    return { name: 'a rule that enid cannot read', advice: 'see `enid explain`' };
  const { rule, route, table, linkName, isCached } = actual;
  const routeName = route === null ? `table ${table}` : nameRoute(route, linkName ?? '?');
  if (isCached === true) {
    const flush = '`ip -6 route flush cache` removes it until the next Packet Too Big';
    return { name: `a cached path MTU of the route ${routeName}`, advice: `${flush}; ${groupAdvice}` };
  }
  if (rule !== null && !isGeneral(rule) && !isOurs(rule, desired)) {
    const command = `ip ${rule.family === 6 ? '-6 ' : ''}rule del ${describeRule(rule)}`;
    const advice = `find its owner, and remove it (${command}) or narrow its selector; enid leaves it alone`;
    return { name: `rule ${nameRule(rule)}`, advice };
  }
  const isPlain = rule === null || isGeneral(rule);
  const isWanted = wanted?.linkName === owner.report.linkName;
  // If enid makes no rule for the source, every route of main by another ENI is the same fault.
  if (route === null || (isPlain && (isWanted || wanted === null || isDefault(route)))) {
    const name = `no rule leads sources of ${owner.report.linkName ?? owner.report.mac} to its own routes`;
    return { name, advice: adviseOnMissingRule(owner.report, isWanted) };
  }
  return { name: `route ${routeName}`, advice: adviseOnRoute(route, linkName ?? '?') };
}

/** The kernel's own rule: a packet that no other rule selects is looked up in main. */
function isGeneral(rule: Rule | DesiredRule): boolean {
  return rule.source === null && rule.table === mainTable && 'protocol' in rule && rule.protocol === RTPROT_KERNEL;
}

function isOurs(rule: Rule | DesiredRule, desired: Desired): boolean {
  return ('protocol' in rule && rule.protocol === ownProtocol) || identitiesOf(desired).has(identifyRule(rule));
}

/** networkd makes rules from enid's files; they carry networkd's own mark. */
const identitiesOf = rememberOf(({ enis }: Desired) => new Set(enis.flatMap(({ rules }) => rules.map(identifyRule))));

function isDefault(route: Route | DesiredRoute): boolean {
  return requireCidr(route.destination).length <= 1;
}

function nameRule(rule: Rule | DesiredRule): string {
  return `${describeRule(rule)}${'protocol' in rule ? `, ${nameProtocol(rule.protocol)}` : ''}`;
}

function nameRoute(route: Route | DesiredRoute, linkName: string): string {
  const text = describeRoute(route, linkName).replace(`table ${mainTable}`, 'table main');
  return `${text}${'protocol' in route ? `, ${nameProtocol(route.protocol)}` : ''}`;
}

function adviseOnMissingRule({ linkName, state }: EniReport, isWanted: boolean): string {
  if (isWanted) return `see \`enid plan\`: some rules of ${linkName} are missing`;
  const reason = 'reason' in state ? `${state.kind}: ${state.reason}` : `${state.kind}, without a rule for this source`;
  return `enid makes no rule for it: ${linkName} is ${reason}`;
}

/** Protocols of the routes that the network brings to each link. */
const networkProtocols = [RTPROT_KERNEL, RTPROT_RA, RTPROT_DHCP];

function adviseOnRoute(route: Route | DesiredRoute, linkName: string): string {
  if (!('protocol' in route) || route.protocol === ownProtocol || networkProtocols.includes(route.protocol)) {
    return `it is correct for the sources of ${linkName} itself; ${groupAdvice}`;
  }
  const command = `ip ${route.family === 6 ? '-6 ' : ''}route del ${describeRoute(route, shellWord(linkName))}`;
  return `find its owner, and remove it (${command}) or put it into another table; enid leaves it alone`;
}
