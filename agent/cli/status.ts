/** `enid status` and `enid plan`. */

import { styleText } from 'node:util';
import type { Config } from '../config/types.ts';
import { describeChange } from '../report/change-text.ts';
import type { EniHistory } from '../report/history.ts';
import { buildStatusRow, renderPlan, renderStatusTable, type StatusRow } from '../report/status-table.ts';
import { type Inspection, inspectHost } from './inspect.ts';

/** What a command prints and how it ends. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Exit code 0 whatever the state: 1 only where the host cannot be asked (the error is thrown). */
export async function showStatus(
  config: Config,
  { json, isColoured = false }: { json: boolean; isColoured?: boolean },
): Promise<CommandResult> {
  const inspection = await inspectHost(config);
  const rows = buildRows(inspection, () => null);
  const stdout = json
    ? `${JSON.stringify({ enis: rows, warnings: inspection.warnings }, null, 2)}\n`
    : renderStatusTable(rows, (state, text) => (isColoured ? styleText(styles[state], text) : text));
  return { stdout, stderr: renderWarnings(inspection), exitCode: 0 };
}

const styles = {
  configured: 'green',
  waiting: 'yellow',
  overridden: 'blue',
  ignored: 'gray',
  degraded: 'red',
  leaving: 'gray',
} as const;

/** One row for each ENI and each link that looks like one. `historyOf`: the daemon's; null: nobody remembers. */
export function buildRows(
  { desired, changes, conflicts, networkd }: Pick<Inspection, 'desired' | 'changes' | 'conflicts' | 'networkd'>,
  historyOf: (mac: string) => EniHistory | null,
): StatusRow[] {
  return desired.reports.map((report) =>
    buildStatusRow({
      report,
      desired: desired.enis.find(({ mac }) => mac === report.mac) ?? null,
      networkFile: networkd.links.find(({ linkIndex }) => linkIndex === report.linkIndex)?.networkFile ?? null,
      pending: changes.filter(({ mac }) => mac === report.mac),
      conflicts: conflicts.filter(({ mac }) => mac === report.mac).map(({ reason }) => reason),
      history: historyOf(report.mac),
    }),
  );
}

/** Exit code 0: converged; 2: changes are pending. */
export async function showPlan(config: Config, { json }: { json: boolean }): Promise<CommandResult> {
  const inspection = await inspectHost(config);
  const { changes } = inspection;
  const plan = describePlan(inspection);
  const stdout = json ? `${JSON.stringify(plan, null, 2)}\n` : renderPlan(changes, plan.conflicts);
  return { stdout, stderr: renderWarnings(inspection), exitCode: changes.length === 0 ? 0 : 2 };
}

/** As `enid plan --json` prints it: keys are only ever added. */
export function describePlan({ changes, conflicts, warnings }: Pick<Inspection, 'changes' | 'conflicts' | 'warnings'>) {
  return {
    changes: changes.map((change) => ({
      kind: change.kind,
      mac: change.mac,
      link: change.linkName,
      command: describeChange(change),
      reason: change.reason,
    })),
    conflicts: conflicts.map(({ mac, reason }) => `${mac}: ${reason}`),
    warnings,
  };
}

/** For stderr: what could not be asked. */
export function renderWarnings({ warnings }: Pick<Inspection, 'warnings'>): string {
  return warnings.map((warning) => `enid: ${warning}\n`).join('');
}
