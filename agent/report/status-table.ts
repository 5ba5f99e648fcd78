/** `enid status` and `enid plan` as text. */

import { countOf } from '../../lib/text/count.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import type { Change, DesiredEni, EniReport, EniState } from '../model.ts';
import { describeChange } from './change-text.ts';
import type { EniHistory } from './history.ts';

/** One ENI as `enid status --json` prints it: keys are only ever added. */
export interface StatusRow {
  readonly eni: string | null;
  readonly mac: string;
  readonly link: string | null;
  readonly primary: boolean;
  readonly device: number | null;
  readonly card: number | null;
  readonly state: EniState['kind'];
  readonly reason: string | null;
  readonly table: number | null;
  /** The MTU that is configured for what leaves the VPC; null: none, or not in force. */
  readonly mtuOutside: number | null;
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
  /** Public IPv4 address → the private ones that carry it. */
  readonly publicAddresses: Readonly<Record<string, readonly string[]>>;
  readonly networkFile: string | null;
  readonly changesPending: number;
  /**
   * From the running daemon, since its start; null: no daemon was asked, or nothing was changed.
   */
  readonly lastChange: EniHistory['lastChange'];
  /** Null: no daemon was asked. */
  readonly repairs: EniHistory['repairs'] | null;
}

export interface StatusInput {
  /** With the state that takes pending changes into account (agent/decide/explain/standing.ts). */
  readonly report: EniReport;
  readonly desired: DesiredEni | null;
  readonly networkFile: string | null;
  readonly changesPending: number;
  /** Null if no daemon was asked. */
  readonly history: EniHistory | null;
}

export function buildStatusRow({ report, desired, networkFile, changesPending, history }: StatusInput): StatusRow {
  const { eni, state } = report;
  return {
    eni: eni?.eniId ?? null,
    mac: report.mac,
    link: report.linkName,
    primary: report.isPrimary,
    device: eni?.deviceNumber ?? null,
    card: eni?.networkCard ?? null,
    state: state.kind,
    reason: 'reason' in state ? state.reason : null,
    table: desired?.routes.some(({ table }) => table === desired.tableId) === true ? desired.tableId : null,
    mtuOutside: desired?.mtuOutside ?? null,
    addresses: eni === null ? [] : [...eni.ipv4Addresses, ...eni.ipv6Addresses],
    prefixes: eni === null ? [] : [...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
    publicAddresses: eni?.publicIpv4 ?? {},
    networkFile,
    changesPending,
    lastChange: history?.lastChange ?? null,
    repairs: history?.repairs ?? null,
  };
}

const columns = ['ENI', 'LINK', 'DEVICE', 'STATE', 'TABLE', 'ADDRESSES', 'PREFIXES'] as const;
/** Only the daemon has a history. */
const historyColumns = ['LAST CHANGE', 'REPAIRS'] as const;

/** How a state looks on a terminal: the same text with escape sequences around it. */
export type PaintState = (state: EniState['kind'], text: string) => string;

/**
 * Columns that a narrow terminal omits, in this order; before that, the program's own files are
 * shown without directory.
 */
const dispensable = ['LAST CHANGE', 'PREFIXES', 'NETWORK FILE', 'TABLE', 'PUBLIC', 'MTU OUTSIDE', 'REPAIRS'];

export interface TableLook {
  readonly paint?: PaintState;
  /** Columns of the terminal; by default as many as it takes. */
  readonly width?: number;
}

/**
 * A table like networkctl's; the reason of a state follows on a line of its own, where it has one.
 */
export function renderStatusTable(rows: readonly StatusRow[], { paint, width }: TableLook = {}): string {
  const table = fitTable(buildTable(rows), width ?? Number.POSITIVE_INFINITY);
  const lines = renderLines(table, rows, paint ?? ((_state, text) => text));
  const configured = rows.filter((row) => row.state === 'configured').length;
  lines.push('', `${countOf(rows.length, 'ENI')}, ${configured} configured. * primary`);
  if (table.omitted.length > 0) lines.push(`Not shown: ${table.omitted.join(', ')}. Widen the terminal, or see --json`);
  return `${lines.join('\n')}\n`;
}

interface Table {
  readonly titles: readonly string[];
  readonly cells: readonly (readonly string[])[];
  readonly omitted: readonly string[];
}

function buildTable(rows: readonly StatusRow[]): Table {
  const hasHistory = rows.some(({ repairs }) => repairs !== null);
  const hasPublic = rows.some(({ publicAddresses }) => Object.keys(publicAddresses).length > 0);
  const hasOutside = rows.some(({ mtuOutside }) => mtuOutside !== null);
  const titles: readonly string[] = [
    ...columns,
    ...(hasPublic ? ['PUBLIC'] : []),
    ...(hasOutside ? ['MTU OUTSIDE'] : []),
    'NETWORK FILE',
    ...(hasHistory ? historyColumns : []),
  ];
  const cells = rows.map((row) =>
    [
      row.eni ?? row.mac,
      row.link ?? '-',
      row.device === null ? '-' : `${row.device}.${row.card}${row.primary ? ' *' : ''}`,
      row.state,
      row.table === null ? '-' : String(row.table),
      summarise(row.addresses),
      summarise(row.prefixes),
      ...(hasPublic ? [summarise(Object.keys(row.publicAddresses))] : []),
      ...(hasOutside ? [String(row.mtuOutside ?? '-')] : []),
      row.networkFile ?? '-',
      ...(hasHistory ? describeHistory(row) : []),
    ].map(escapeLine),
  );
  return { titles, cells, omitted: [] };
}

function computeWidths({ titles, cells }: Table): number[] {
  return titles.map((title, index) => Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)));
}

function fitTable(table: Table, width: number): Table {
  const isNarrow = (one: Table) => computeWidths(one).reduce((sum, column) => sum + column + 2, -2) <= width;
  if (isNarrow(table)) return table;
  const shorten = (cell: string) => (cell.startsWith('/run/') ? cell.slice(cell.lastIndexOf('/') + 1) : cell);
  let fitted: Table = { ...table, cells: table.cells.map((line) => line.map(shorten)) };
  for (const title of dispensable) {
    if (isNarrow(fitted)) break;
    const index = fitted.titles.indexOf(title);
    if (index === -1) continue;
    const drop = (line: readonly string[]) => line.filter((_cell, at) => at !== index);
    fitted = { titles: drop(fitted.titles), cells: fitted.cells.map(drop), omitted: [...fitted.omitted, title] };
  }
  return fitted;
}

function renderLines(table: Table, rows: readonly StatusRow[], paint: PaintState): string[] {
  const { titles, cells } = table;
  const widths = computeWidths(table);
  const render = (line: readonly string[], row?: StatusRow) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .map((cell, index) => (row !== undefined && titles[index] === 'STATE' ? paint(row.state, cell) : cell))
      .join('  ')
      .trimEnd();
  const lines = [render(titles)];
  rows.forEach((row, index) => {
    lines.push(render(cells[index] ?? [], row));
    if (row.reason !== null) lines.push(`  └─ ${escapeLine(row.reason)}`);
  });
  return lines;
}

function summarise(values: readonly string[]): string {
  const [first] = values;
  if (first === undefined) return '-';
  return values.length === 1 ? first : `${first} +${values.length - 1}`;
}

/** When the last change was made, and the repairs: `2 (1 route, 1 rule)`. */
function describeHistory({ lastChange, repairs }: StatusRow): string[] {
  const counts = Object.entries(repairs ?? {}).sort();
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const kinds = counts.map(([kind, count]) => `${count} ${kind}`).join(', ');
  return [
    lastChange === null ? '-' : lastChange.time.replace(/T(.*)\..*$/, ' $1 UTC'),
    total === 0 ? '0' : `${total} (${kinds})`,
  ];
}

/** One change as `enid plan --json` prints it: keys are only ever added. */
export interface PlanLine {
  readonly kind: string;
  readonly mac: string;
  readonly link: string;
  /** What a root shell takes; `write PATH` for a file. */
  readonly command: string;
  readonly reason: string;
}

/** `directory`: of networkd's files. */
export function buildPlanLine(change: Change, directory: string): PlanLine {
  const { kind, mac, linkName, reason } = change;
  return { kind, mac, link: linkName, command: describeChange(change, directory), reason };
}

/**
 * What would be changed and why, one line per change; the last line is the count. `unready`: ENIs
 * that are not configured, with the reason.
 */
export function renderPlan(
  changes: readonly PlanLine[],
  conflicts: readonly string[],
  unready: readonly string[] = [],
): string {
  const lines = changes.map(({ link, command, reason }) => `${link || '-'}: ${command}  # ${reason}`);
  for (const conflict of conflicts) lines.push(`conflict: ${conflict}`);
  for (const one of unready) lines.push(`not planned yet: ${one}`);
  const isConverged = conflicts.length === 0 && unready.length === 0;
  const nothing = isConverged
    ? 'Converged: nothing to change.'
    : 'Nothing to change now, but not converged: see above.';
  lines.push(changes.length === 0 ? nothing : `${countOf(changes.length, 'change')} pending.`);
  return `${lines.join('\n')}\n`;
}
