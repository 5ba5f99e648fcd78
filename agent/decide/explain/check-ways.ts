/**
 * The checks of `enid doctor` about ways: what EC2 would drop, and the link groups that keep it
 * from happening. Pure.
 */

import { countOf } from '../../../lib/text/count.ts';
import type { Desired, KernelState } from '../../model.ts';
import { groupBy } from '../base/group-by.ts';
import { eniGroup } from '../base/numbers.ts';
import { blame } from './blame.ts';
import type { Explanation, KnownHost } from './explain.ts';
import { type Finding, find, orFine } from './finding.ts';
import type { JudgedWay, WayList } from './ways.ts';

/** The look-ups in the kernel, and how EC2 judges their results. */
export interface AskedWays {
  readonly list: WayList;
  readonly judged: readonly JudgedWay[];
}

const mostFindings = 20;
const mostExamples = 3;

/** One finding for each rule or route to blame, the one with the most ways first. */
export function checkWays({ list, judged }: AskedWays, { desired }: Pick<KnownHost, 'desired'>): Finding[] {
  const lost = judged.filter(({ isLost }) => isLost);
  const accused = lost.map((way) => ({ way, culprit: blame(way.explanation, desired) }));
  const byCulprit = [...groupBy(accused, ({ culprit }) => culprit.name).values()];
  const weigh = (ways: readonly { readonly way: JudgedWay }[]) => countWays(ways.map(({ way }) => way));
  byCulprit.sort((left, right) => weigh(right) - weigh(left));
  const found = byCulprit.slice(0, mostFindings).flatMap((accusations) => {
    const [first] = accusations;
    if (first === undefined) return [];
    const ways = accusations.map(({ way }) => way);
    const isHandled = ways.some((way) => isLookedAfter(way.explanation, desired));
    const { name, advice } = first.culprit;
    const message = `${name}: EC2 drops ${countWays(ways)} of ${countOf(list.wayCount, 'way')}: ${nameExamples(ways, nameLost)}`;
    return [find('ways', isHandled ? 'error' : 'warning', message, advice)];
  });
  if (byCulprit.length > mostFindings) {
    const rest = byCulprit.slice(mostFindings);
    const count = countWays(rest.flat().map(({ way }) => way));
    const message = `EC2 drops ${count} more of ${countOf(list.wayCount, 'way')}, because of ${countOf(rest.length, 'other rule or route', 'other rules or routes')}`;
    found.push(find('ways', 'error', message, 'see `enid explain --all`'));
  }
  return orFine('ways', describeHealthy(list), [...found, ...checkDeadEnds(judged), ...checkDetours(judged)]);
}

function describeHealthy({ wayCount, sourceCount, questions, omittedCount }: WayList): string {
  if (wayCount === 0) return 'no ENI has a source to check';
  const asked =
    questions.length === wayCount
      ? ''
      : ` (${countOf(questions.length, 'look-up')}: sources that meet the same rules share one)`;
  const omitted = omittedCount === 0 ? '' : `; ${countOf(omittedCount, 'way')} to other subnets not checked`;
  return `${countOf(wayCount, 'way')} from ${countOf(sourceCount, 'source')}: each leaves by the ENI that owns its source${asked}${omitted}`;
}

/** Sources of an ENI for which enid makes rules. */
function isLookedAfter({ owner, packet }: Explanation, { enis }: Desired): boolean {
  const eni = enis.find(({ mac }) => mac === owner?.report.mac);
  const family = packet.source.includes(':') ? 6 : 4;
  return eni !== undefined && (eni.isPrimary || eni.vrf !== null || eni.rules.some((rule) => rule.family === family));
}

/** Only for ENIs that are configured. */
function checkDeadEnds(judged: readonly JudgedWay[]): Finding[] {
  const dead = judged.filter(
    ({ explanation: { actual, owner }, isRight }) =>
      'refused' in actual && isRight === false && owner?.report.state.kind === 'configured',
  );
  if (dead.length === 0) return [];
  const name = ({ explanation: { packet, actual } }: JudgedWay) =>
    `${packet.source} → ${packet.destination} (${'refused' in actual ? actual.refused : ''})`;
  const message = `the kernel has no route for ${countOf(countWays(dead), 'way')}: ${nameExamples(dead, name)}`;
  return [find('ways', 'warning', message, 'see `enid explain SOURCE DESTINATION` for each')];
}

/** EC2 does not see these packets, and it may be intended: by a VPN's rule, for example. */
function checkDetours(judged: readonly JudgedWay[]): Finding[] {
  const others = judged.filter(
    ({ explanation: { actual, sourceCheck, wanted }, isRight }) =>
      isRight === false &&
      !('refused' in actual) &&
      sourceCheck.verdict !== 'drops' &&
      wanted !== null &&
      actual.linkName !== wanted.linkName,
  );
  if (others.length === 0) return [];
  const message = `${countOf(countWays(others), 'way')} ${countWays(others) === 1 ? 'does' : 'do'} not leave as enid wants: ${nameExamples(others, nameLost)}`;
  return [find('ways', 'info', message, 'if not intended: see `enid explain SOURCE DESTINATION` for the rule')];
}

function countWays(ways: readonly JudgedWay[]): number {
  return ways.reduce((sum, { question }) => sum + question.sourceCount, 0);
}

function nameExamples(ways: readonly JudgedWay[], name: (way: JudgedWay) => string): string {
  const first = ways.slice(0, mostExamples).map(name).join('; ');
  return ways.length > mostExamples ? `${first}; …` : first;
}

function nameLost({ question: { source, destination, kind, owner }, explanation: { actual } }: JudgedWay): string {
  const link = 'refused' in actual ? null : actual.linkName;
  return `${source} of ${owner.linkName ?? owner.mac} → ${destination} (${kind}) leaves by ${link ?? 'no link'}`;
}

/**
 * Rules that suppress the group ignore main's routes by the links in it: so every ENI must be in
 * the group, and no other link.
 */
export function checkLinkGroups({
  kernel,
  desired,
}: {
  readonly kernel: KernelState;
  readonly desired: Desired;
}): Finding[] {
  const isUsed = desired.enis.some(({ rules }) => rules.some(({ suppressGroup }) => suppressGroup === eniGroup));
  const linkOf = (linkIndex: number | null) => kernel.links.find(({ index }) => index === linkIndex);
  const enis = desired.enis.filter(({ vrf }) => vrf === null).flatMap(({ linkIndex }) => linkOf(linkIndex) ?? []);
  const outside = isUsed ? enis.filter(({ group }) => group !== eniGroup) : [];
  const known = new Set(desired.reports.flatMap(({ eni, linkIndex }) => (eni === null ? [] : [linkIndex])));
  const strangers = kernel.links.filter(({ group, index }) => group === eniGroup && !known.has(index));
  const found = [
    ...outside.map(({ name, group }) => {
      const lost = `packets with other ENIs' sources may leave by it, to its subnet and to any other destination that main routes by it`;
      if (group === 0) {
        return find('link groups', 'warning', `${name} is not in link group ${eniGroup}: ${lost}`, 'see `enid plan`');
      }
      const advice = `enid does not change your group; if nothing needs it: ip link set dev ${name} group ${eniGroup}`;
      return find('link groups', 'warning', `${name} is in link group ${group}, not in ${eniGroup}: ${lost}`, advice);
    }),
    ...strangers.map(({ name }) => {
      const message = `${name} is not an ENI but is in link group ${eniGroup}: ENIs' sources do not use the routes by it`;
      return find('link groups', 'warning', message, `ip link set dev ${name} group default`);
    }),
  ];
  const fine = isUsed
    ? `every ENI is in link group ${eniGroup}, and no other link`
    : 'no rule on this host depends on a link group';
  return orFine('link groups', fine, found);
}
