/** `enid explain` as text and as JSON. Types of its own: a report knows no decision. */

import type { EniReport, Way } from '../model.ts';
import { describeRoute, describeRule } from './change-text.ts';

/** What `agent/decide/explain.ts` found out. */
export interface ExplanationInput {
  readonly packet: { readonly source: string; readonly destination: string; readonly inputLink: string | null };
  readonly owner: { readonly role: string; readonly report: EniReport } | null;
  readonly actual: Way | { readonly refused: string };
  readonly leavesBy: EniReport | null;
  readonly wanted: Way | null;
  readonly notHandled: string | null;
  readonly sourceCheck: { readonly verdict: string; readonly reason: string };
  readonly isRight: boolean;
}

/** As `enid explain --json` prints it: documented in docs/commands.md, stable. */
export function buildExplanation(input: ExplanationInput) {
  const { packet, owner, actual, leavesBy, wanted, notHandled, sourceCheck, isRight } = input;
  const way = (one: Way) => ({
    rule: one.rule === null ? null : describeRule(one.rule),
    route: one.route === null ? null : describeRoute(one.route, one.linkName ?? '?'),
    table: one.table,
    link: one.linkName,
    gateway: one.gateway,
  });
  return {
    source: packet.source,
    destination: packet.destination,
    inputLink: packet.inputLink,
    owner: owner === null ? null : { role: owner.role, eni: nameOf(owner.report), state: owner.report.state.kind },
    kernel: 'refused' in actual ? { refused: actual.refused } : { ...way(actual), eni: leavesBy && nameOf(leavesBy) },
    wanted: wanted === null ? null : way(wanted),
    notHandled,
    sourceCheck,
    right: isRight,
  };
}

export function renderExplanation(input: ExplanationInput): string {
  const { packet, owner, leavesBy, sourceCheck, isRight } = input;
  const origin = packet.inputLink === null ? 'sent by this host' : `forwarded, in by ${packet.inputLink}`;
  const rows: [string, string][] = [
    ['', `${packet.source} → ${packet.destination}  (${origin})`],
    ['source', owner === null ? 'of no ENI of this instance' : `${owner.role} of ${describeEni(owner.report)}`],
    ...describeActual(input.actual, leavesBy),
    ...describeWanted(input),
    ['EC2', describeCheck(sourceCheck)],
    ['', isRight ? 'As it should be.' : 'Not as it should be: see `enid plan` and `enid doctor`.'],
  ];
  if (owner === null) rows[rows.length - 1] = ['', 'Not handled by enid.'];
  return rows.map(([title, text]) => `${title === '' ? '' : `  ${title.padEnd(8)}`}${text}\n`).join('');
}

function describeActual(actual: ExplanationInput['actual'], leavesBy: EniReport | null): [string, string][] {
  if ('refused' in actual) return [['kernel', `has no way: ${actual.refused}`]];
  const { rule, route, table, linkName } = actual;
  const eni = leavesBy === null ? 'no ENI' : nameOf(leavesBy);
  const found = route === null ? `table ${nameTable(table)}` : describeRoute(route, linkName ?? '?');
  return [
    ['kernel', `rule ${rule === null ? '(one that enid cannot read)' : describeRule(rule)}`],
    ['', `          route ${found}`],
    ['', `          by ${linkName ?? 'no link'} (${table === 255 ? 'this host' : eni})`],
  ];
}

function describeWanted({ wanted, notHandled, actual }: ExplanationInput): [string, string][] {
  if (wanted === null) return [['enid', `wants nothing: ${notHandled}`]];
  const via = wanted.gateway === null ? '' : ` via ${wanted.gateway}`;
  const text = `wants ${wanted.linkName ?? 'a way that is not known yet'}${via}, table ${nameTable(wanted.table)}`;
  const isSame = !('refused' in actual) && actual.linkName === wanted.linkName && actual.gateway === wanted.gateway;
  return [['enid', `${text}${isSame ? ', as the kernel does' : ''}`]];
}

function describeCheck({ verdict, reason }: ExplanationInput['sourceCheck']): string {
  if (verdict === 'not asked') return `is not asked: ${reason}`;
  return `${verdict === 'passes' ? 'lets it pass' : 'drops it'}: ${reason}`;
}

function describeEni(report: EniReport): string {
  const device = report.eni === null ? '' : `, device ${report.eni.deviceNumber}.${report.eni.networkCard}`;
  return `${nameOf(report)} (${report.linkName ?? 'no link'}${device}, ${report.state.kind})`;
}

function nameOf(report: EniReport): string {
  return report.eni?.eniId ?? report.mac;
}

function nameTable(table: number): string {
  return table === 254 ? 'main' : table === 255 ? 'local' : String(table);
}
