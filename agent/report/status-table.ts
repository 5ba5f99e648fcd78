/** `enid status` and `enid plan` as text. */

import type { Change, DesiredEni, EniReport, EniState } from '../model.ts';
import { describeChange } from './change-text.ts';

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
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
  readonly networkFile: string | null;
  readonly changesPending: number;
}

export interface StatusInput {
  readonly report: EniReport;
  readonly desired: DesiredEni | null;
  readonly networkFile: string | null;
  readonly pending: readonly Change[];
  /** What stands in the way, in words. */
  readonly conflicts: readonly string[];
}

export function buildStatusRow({ report, desired, networkFile, pending, conflicts }: StatusInput): StatusRow {
  const { eni, state } = report;
  const isTroubled = state.kind === 'configured' && (pending.length > 0 || conflicts.length > 0);
  const reasons = [...conflicts, ...(pending.length > 0 ? [`${pending.length} changes pending`] : [])];
  return {
    eni: eni?.eniId ?? null,
    mac: report.mac,
    link: report.linkName,
    primary: report.isPrimary,
    device: eni?.deviceNumber ?? null,
    card: eni?.networkCard ?? null,
    state: isTroubled ? 'degraded' : state.kind,
    reason: isTroubled ? reasons.join('; ') : 'reason' in state ? state.reason : null,
    table: desired?.routes.some(({ table }) => table === desired.tableId) === true ? desired.tableId : null,
    addresses: eni === null ? [] : [...eni.ipv4Addresses, ...eni.ipv6Addresses],
    prefixes: eni === null ? [] : [...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
    networkFile,
    changesPending: pending.length,
  };
}

const columns = ['ENI', 'LINK', 'DEVICE', 'STATE', 'TABLE', 'ADDRESSES', 'PREFIXES', 'NETWORK FILE'] as const;

/** How a state looks on a terminal: the same text with escape sequences around it. */
export type PaintState = (state: EniState['kind'], text: string) => string;

/** A table like networkctl's; the reason of a state that is not `configured` follows on a line of its own. */
export function renderStatusTable(rows: readonly StatusRow[], paint: PaintState = (_state, text) => text): string {
  const cells = rows.map((row) => [
    row.eni ?? row.mac,
    row.link ?? '-',
    row.device === null ? '-' : `${row.device}.${row.card}${row.primary ? ' *' : ''}`,
    row.state,
    row.table === null ? '-' : String(row.table),
    summarise(row.addresses),
    summarise(row.prefixes),
    row.networkFile ?? '-',
  ]);
  const widths = columns.map((title, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const render = (line: readonly string[], row?: StatusRow) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .map((cell, index) => (row !== undefined && columns[index] === 'STATE' ? paint(row.state, cell) : cell))
      .join('  ')
      .trimEnd();
  const lines = [render(columns)];
  rows.forEach((row, index) => {
    lines.push(render(cells[index] ?? [], row));
    if (row.reason !== null) lines.push(`  └─ ${row.reason}`);
  });
  const configured = rows.filter((row) => row.state === 'configured').length;
  lines.push('', `${rows.length} ENIs, ${configured} configured. * primary`);
  return `${lines.join('\n')}\n`;
}

function summarise(values: readonly string[]): string {
  const [first] = values;
  if (first === undefined) return '-';
  return values.length === 1 ? first : `${first} +${values.length - 1}`;
}

/** What would be done and why, one change a line; the last line counts. */
export function renderPlan(changes: readonly Change[], conflicts: readonly string[]): string {
  const lines = changes.map((change) => `${change.linkName || '-'}: ${describeChange(change)}  # ${change.reason}`);
  for (const conflict of conflicts) lines.push(`conflict: ${conflict}`);
  lines.push(changes.length === 0 ? 'Converged: nothing to change.' : `${changes.length} changes pending.`);
  return `${lines.join('\n')}\n`;
}
