/**
 * The ways of a host as boxes and arrows: sources → rules → tables → ENI → gateway, one lane for
 * each ENI. What is desired and not there, and what is there and is another program's, is marked.
 * Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import { contains } from '../../../lib/ip/cidr.ts';
import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import { countOf } from '../../../lib/text/count.ts';
import type { Desired, DesiredEni, DesiredRoute, EniReport, Family, KernelState, Route, Rule } from '../../model.ts';
import { identifyRoute, identifyRule } from '../base/identity.ts';
import { RTPROT_DHCP, RTPROT_KERNEL, RTPROT_RA } from '../base/kernel-numbers.ts';
import { localTable, mainTable } from '../base/numbers.ts';
import { listMissing } from './owner.ts';
import { computeStanding, type Remaining } from './standing.ts';

/**
 * `missing`: desired and not there. `foreign`: there, and another program's. `idle`: enid leaves it
 * alone.
 */
export type Mark = 'right' | 'missing' | 'foreign' | 'idle';
export type Column = 'sources' | 'rules' | 'tables' | 'eni' | 'gateways';

export interface GraphLine {
  readonly text: string;
  readonly mark: Mark;
}

export interface GraphNode {
  readonly id: string;
  readonly column: Column;
  /** Null: of the whole lane. */
  readonly family: Family | null;
  readonly lines: readonly GraphLine[];
}

export interface GraphLane {
  /** The link, or the ENI where it has none. */
  readonly title: string;
  readonly nodes: readonly GraphNode[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly mark: Mark;
}

export interface Graph {
  readonly lanes: readonly GraphLane[];
  readonly edges: readonly GraphEdge[];
}

export interface GraphInput extends Remaining {
  readonly kernel: KernelState;
  readonly desired: Desired;
}

/** FR_ACT_TO_TBL (linux/fib_rules.h). */
const toTable = 1;
/** Lines of a box; more are counted. */
const mostLines = 5;
const families: readonly Family[] = [4, 6];

export function computeGraph(input: GraphInput): Graph {
  const { desired } = input;
  const context = prepare(input);
  const parts = desired.reports
    .filter(({ eni, linkName }) => eni !== null && linkName !== null)
    .map((report) => layLane(report, desired.enis.find(({ mac }) => mac === report.mac) ?? null, context));
  const others = layOthers(context);
  const lanes = [...parts.map(({ lane }) => lane), ...(others === null ? [] : [others.lane])];
  const ids = new Set(lanes.flatMap(({ nodes }) => nodes.map(({ id }) => id)));
  const edges = [...parts.flatMap((part) => part.edges), ...(others?.edges ?? [])];
  return { lanes, edges: edges.filter(({ from, to }) => ids.has(from) && ids.has(to)) };
}

interface Context extends GraphInput {
  readonly rulesThere: ReadonlySet<string>;
  /** Identity → the kernel's. */
  readonly routesThere: ReadonlyMap<string, Route>;
  readonly routesDesired: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  /** Rules of other programs that may decide about an ENI's sources. */
  readonly foreign: readonly Rule[];
  readonly tables: ReadonlySet<number>;
}

interface Part {
  readonly lane: GraphLane;
  readonly edges: readonly GraphEdge[];
}

function prepare(input: GraphInput): Context {
  const { kernel, desired } = input;
  const enis = [...desired.enis, ...desired.provisional];
  const wanted = new Set(enis.flatMap(({ rules }) => rules.map(identifyRule)));
  // The kernel's own: local, main, default (fib_default_rules_init).
  const isKernels = ({ priority, source, table }: Rule) =>
    source === null && ((priority === 0 && table === localTable) || priority === 32_766 || priority === 32_767);
  return {
    ...input,
    rulesThere: new Set(kernel.rules.map(identifyRule)),
    routesThere: new Map(kernel.routes.map((route) => [identifyRoute(route), route])),
    routesDesired: new Set(enis.flatMap(({ routes }) => routes.map(identifyRoute))),
    missing: new Set(listMissing(desired, kernel).map(({ address }) => address)),
    foreign: kernel.rules.filter(
      (rule) => rule.action === toTable && !wanted.has(identifyRule(rule)) && !isKernels(rule),
    ),
    tables: new Set(desired.enis.map(({ tableId }) => tableId)),
  };
}

function layLane(report: EniReport, eni: DesiredEni | null, context: Context): Part {
  const name = report.linkName ?? report.mac;
  const id = (column: Column, family: Family | null) => `${name} ${column}${family ?? ''}`;
  const state = computeStanding(report, context);
  const nameMark: Mark = eni === null ? 'idle' : 'right';
  const stateMark: Mark = state.kind === 'degraded' ? 'missing' : nameMark;
  const stateText = `${state.kind}${report.isPrimary ? ', primary' : ''}`;
  const nodes: GraphNode[] = [
    {
      ...{ id: id('eni', null), column: 'eni', family: null },
      lines: [
        { text: name, mark: nameMark },
        { text: report.eni?.eniId ?? report.mac, mark: nameMark },
        { text: stateText, mark: stateMark },
      ],
    },
  ];
  const edges: GraphEdge[] = [];
  for (const family of families) {
    const sources = listSources(report, family, context);
    if (sources.length === 0) continue;
    const rules = listRules(report, eni, family, context);
    const routes = listTable(report, eni, family, context);
    const gateways = [...new Set(routes.gateways)].map((text) => ({ text, mark: 'right' as const }));
    const boxes: [Column, readonly GraphLine[]][] = [
      ['sources', sources],
      ['rules', rules.lines],
      ['tables', routes.lines],
      ['gateways', gateways],
    ];
    for (const [column, lines] of boxes)
      if (lines.length > 0) nodes.push({ id: id(column, family), column, family, lines: shorten(lines) });
    const chain: [Column, Column][] = [
      ['sources', rules.lines.length > 0 ? 'rules' : 'tables'],
      ['rules', 'tables'],
      ['tables', 'eni'],
      ['eni', 'gateways'],
    ];
    const linesOf = (column: Column) => boxes.find(([one]) => one === column)?.[1] ?? [];
    for (const [from, to] of chain) {
      const ofFamily = (column: Column) => (column === 'eni' ? null : family);
      edges.push({
        from: id(from, ofFamily(from)),
        to: id(to, ofFamily(to)),
        mark: worst(linesOf(from === 'eni' ? to : from)),
      });
    }
    for (const target of rules.foreignTables) {
      const there = nameTable(target, family, context);
      if (there !== null) edges.push({ from: id('rules', family), to: there, mark: 'foreign' });
    }
  }
  return { lane: { title: name, nodes }, edges };
}

/** Rules of other programs for sources that are no ENI's, and a default of main by another link. */
function layOthers({ kernel, foreign, desired, tables }: Context): Part | null {
  const enis = desired.reports.flatMap((report) => (report.eni === null ? [] : [report]));
  const links = new Set(enis.map(({ linkIndex }) => linkIndex));
  const rules = foreign.filter((rule) => !enis.some((report) => touches(report, rule)) && tables.has(rule.table));
  const routes = kernel.routes.filter(
    (route) =>
      route.table === mainTable && isDefaultRoute(route) && route.linkIndex !== null && !links.has(route.linkIndex),
  );
  if (rules.length === 0 && routes.length === 0) return null;
  const nameOf = (index: number | null) => kernel.links.find((link) => link.index === index)?.name ?? '?';
  const lines = routes.map((route) => ({
    text: `main: ${describeRoute(route)} dev ${nameOf(route.linkIndex)}`,
    mark: 'foreign' as const,
  }));
  const nodes: GraphNode[] = [];
  if (rules.length > 0)
    nodes.push({ id: 'others rules', column: 'rules', family: null, lines: shorten(rules.map(foreignLine)) });
  if (lines.length > 0) nodes.push({ id: 'others tables', column: 'tables', family: null, lines: shorten(lines) });
  const places = new Map(desired.enis.map(({ tableId, linkName }) => [tableId, linkName]));
  const edges = rules.map((rule): GraphEdge => {
    return { from: 'others rules', to: `${places.get(rule.table)} tables${rule.family}`, mark: 'foreign' };
  });
  return { lane: { title: 'other programs', nodes }, edges };
}

function listSources({ eni }: EniReport, family: Family, { missing, desired }: Context): GraphLine[] {
  if (eni === null) return [];
  const isManaged = desired.enis.some(({ mac }) => mac === eni.mac);
  const addresses = family === 4 ? eni.ipv4Addresses : eni.ipv6Addresses;
  const prefixes = family === 4 ? eni.ipv4Prefixes : eni.ipv6Prefixes;
  const markOf = (address: string): Mark => (!isManaged ? 'idle' : missing.has(address) ? 'missing' : 'right');
  return [
    ...addresses.map((text) => ({ text, mark: markOf(text) })),
    ...prefixes.map((text) => ({ text, mark: isManaged ? ('right' as const) : ('idle' as const) })),
  ];
}

function listRules(report: EniReport, eni: DesiredEni | null, family: Family, context: Context) {
  const own = (eni?.rules ?? [])
    .filter((rule) => rule.family === family)
    .map(
      (rule): GraphLine => ({
        text: describeShort(rule),
        mark: context.rulesThere.has(identifyRule(rule)) ? 'right' : 'missing',
      }),
    );
  const foreign = context.foreign.filter((rule) => rule.family === family && touches(report, rule));
  return {
    lines: [...own, ...foreign.map(foreignLine)],
    foreignTables: [...new Set(foreign.map(({ table }) => table))].filter((table) => table !== eni?.tableId),
  };
}

interface TableBox {
  readonly lines: readonly GraphLine[];
  readonly gateways: readonly string[];
}

/** Routes of the ENI's own table, or of main where it has none; the rest is counted. */
function listTable(report: EniReport, eni: DesiredEni | null, family: Family, context: Context): TableBox {
  const isOf = ({ destination }: { destination: string }) => familyOf(destination.replace(/\/.*$/, '')) === family;
  // Without a rule nothing looks into the ENI's own table.
  const isUsed = eni !== null && (eni.vrf !== null || eni.rules.some((rule) => rule.family === family));
  const own = isUsed ? eni.routes.filter((route) => route.table === eni.tableId && isOf(route)) : [];
  const table = own.length > 0 && eni !== null ? eni.tableId : mainTable;
  const name = table === mainTable ? 'main' : `table ${table}`;
  const there = context.kernel.routes.filter(
    (route) => route.table === table && isOf(route) && (table !== mainTable || route.linkIndex === report.linkIndex),
  );
  const wanted = own.length > 0 ? own : [];
  const isThere = (route: DesiredRoute) => {
    const actual = context.routesThere.get(identifyRoute(route));
    return actual !== undefined && (route.gateway === null || actual.gateway === route.gateway);
  };
  const lines = wanted.map((route): GraphLine & { isDefault: boolean } => ({
    text: describeRoute(route),
    mark: isThere(route) ? 'right' : 'missing',
    isDefault: isDefaultRoute(route),
  }));
  const unmarked = [RTPROT_KERNEL, RTPROT_DHCP, RTPROT_RA];
  const foreign = there
    .filter((route) => !context.routesDesired.has(identifyRoute(route)) && !unmarked.includes(route.protocol))
    .map((route): GraphLine => ({ text: describeRoute(route), mark: 'foreign' }));
  const defaults = table === mainTable ? there.filter(isDefaultRoute) : [];
  const shown: GraphLine[] = [
    ...lines.filter(({ isDefault, mark }) => isDefault || mark !== 'right'),
    ...defaults.map((route) => ({ text: describeRoute(route), mark: 'right' as const })),
    ...foreign.filter(({ text }) => !defaults.some((route) => describeRoute(route) === text)),
  ];
  const quiet =
    table === mainTable
      ? there.length - shown.length
      : lines.length - lines.filter((one) => shown.includes(one)).length;
  const isGone = quiet === 0 && shown.length > 0 && shown.every(({ mark }) => mark === 'missing');
  const gateways = [...wanted, ...defaults].filter(isDefaultRoute).flatMap(({ gateway }) => gateway ?? []);
  return {
    gateways,
    lines: [
      { text: name, mark: isGone ? 'missing' : 'right' },
      ...shown.map(({ text, mark }) => ({ text, mark })),
      ...(quiet > 0 ? [{ text: countOf(quiet, 'more route'), mark: 'right' as const }] : []),
    ],
  };
}

/** A rule that selects a source of the ENI. */
function touches({ eni }: EniReport, { source, family }: Rule): boolean {
  if (eni === null || source === null) return false;
  const own = family === 4 ? eni.ipv4Addresses : eni.ipv6Addresses;
  const prefixes = family === 4 ? eni.ipv4Prefixes : eni.ipv6Prefixes;
  const hosts = own.map((address) => `${address}/${family === 4 ? 32 : 128}`);
  return [...hosts, ...prefixes].some((one) => contains(source, one) || contains(one, source));
}

function nameTable(table: number, family: Family, { desired }: Context): string | null {
  const eni = desired.enis.find(({ tableId }) => tableId === table);
  const primary = desired.enis.find(({ isPrimary }) => isPrimary);
  const owner = table === mainTable ? primary : eni;
  return owner === undefined ? null : `${owner.linkName} tables${family}`;
}

function describeShort(
  rule: Pick<Rule, 'priority' | 'source' | 'destination' | 'table' | 'suppressPrefixLength' | 'suppressGroup'>,
): string {
  const to = rule.destination === null ? '' : ` to ${rule.destination}`;
  const table = rule.table === mainTable ? 'main' : `${rule.table}`;
  const isOthers = rule.suppressGroup !== null;
  // Both at once, or the default alone (docs/architecture.md, "Rules and tables").
  const except = isOthers ? ' (not by ENIs)' : rule.suppressPrefixLength === null ? '' : ' (no default)';
  return `${rule.priority}: ${rule.source ?? 'all'}${to} → ${table}${except}`;
}

function foreignLine(rule: Rule): GraphLine {
  return { text: describeShort(rule), mark: 'foreign' };
}

function describeRoute(route: Pick<Route, 'destination' | 'gateway'>): string {
  const to = isDefaultRoute(route) ? 'default' : route.destination;
  return route.gateway === null ? to : `${to} via ${route.gateway}`;
}

function worst(lines: readonly GraphLine[]): Mark {
  const order: readonly Mark[] = ['foreign', 'missing', 'idle', 'right'];
  // One foreign line among right ones does not stop the way.
  const marks = new Set(lines.map(({ mark }) => mark));
  if (marks.has('missing')) return 'missing';
  return order.find((mark) => marks.size === 1 && marks.has(mark)) ?? (marks.has('idle') ? 'idle' : 'right');
}

/** What is wrong first. */
function shorten(lines: readonly GraphLine[]): GraphLine[] {
  if (lines.length <= mostLines) return [...lines];
  const [head, ...rest] = lines;
  if (head === undefined) return [];
  const sorted = [...rest].sort((a, b) => Number(a.mark === 'right') - Number(b.mark === 'right'));
  const shown = sorted.slice(0, mostLines - 2);
  return [
    head,
    ...rest.filter((line) => shown.includes(line)),
    { text: `+${lines.length - shown.length - 1} more`, mark: worst(sorted.slice(mostLines - 2)) },
  ];
}
