/** `enid status` and `enid plan`. */

import { styleText } from 'node:util';
import type { Config } from '../config/types.ts';
import { computeStanding } from '../decide/explain/standing.ts';
import type { EniHistory } from '../report/history.ts';
import {
  buildPlanLine,
  buildStatusRow,
  renderPlan,
  renderStatusTable,
  type StatusRow,
} from '../report/status-table.ts';
import { type PlanAnswer, planSchema, type StatusAnswer, statusSchema } from './answers.ts';
import { askDaemon, type Question, renderUnanswered } from './ask-daemon.ts';
import { type Inspection, inspectHost } from './inspect.ts';

/** What a command prints, and its exit code. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface LookOptions {
  readonly json: boolean;
  /** False: inspects the host without asking the daemon. */
  readonly asksDaemon: boolean;
  /** Lines about the configuration (`loadTolerantly`), which a daemon's answer has itself. */
  readonly ignored?: readonly string[];
}

/** How the table is to look. */
export interface StatusLook {
  readonly isColoured?: boolean;
  /** Columns of the terminal; none: not a terminal. */
  readonly width?: number | undefined;
}

/**
 * Exit code 0 whatever the state: 1 only if the host cannot be read (the error is thrown).
 * `isDaemon`: it answered.
 */
export async function showStatus(
  config: Config,
  { json, asksDaemon, ignored = [], isColoured = false, width }: LookOptions & StatusLook,
): Promise<CommandResult & { readonly isDaemon: boolean }> {
  const look = async (): Promise<StatusAnswer> => {
    const inspection = await inspectHost(config);
    return { enis: buildRows(inspection, () => null), warnings: [...ignored, ...inspection.warnings] };
  };
  const { answer, daemon, note } = await askOrLook(
    config,
    asksDaemon,
    { member: 'Describe', schema: statusSchema },
    look,
  );
  const stdout = json
    ? `${JSON.stringify({ ...answer, daemon }, null, 2)}\n`
    : renderStatusTable(answer.enis, {
        paint: (state, text) => (isColoured ? styleText(styles[state], text) : text),
        ...(width === undefined ? {} : { width }),
      });
  return { stdout, stderr: note + renderWarnings(answer), exitCode: 0, isDaemon: daemon };
}

/** The daemon's answer; without one, what `look` finds, with a note for stderr that says so. */
export async function askOrLook<T>(
  config: Config,
  asksDaemon: boolean,
  question: Question<T>,
  look: () => Promise<T>,
): Promise<{ answer: T; daemon: boolean; note: string }> {
  const asked = asksDaemon ? await askDaemon(config, question) : null;
  if (asked?.kind === 'answered') return { answer: asked.value, daemon: true, note: '' };
  return { answer: await look(), daemon: false, note: asked === null ? '' : renderUnanswered(asked.reason) };
}

const styles = {
  configured: 'green',
  waiting: 'yellow',
  overridden: 'blue',
  ignored: 'gray',
  degraded: 'red',
  detaching: 'gray',
} as const;

/**
 * One row for each ENI and each link that looks like one. `historyOf`: the daemon's history; null:
 * there is none.
 */
export function buildRows(
  { desired, changes, conflicts, networkd }: Pick<Inspection, 'desired' | 'changes' | 'conflicts' | 'networkd'>,
  historyOf: (mac: string) => EniHistory | null,
): StatusRow[] {
  return desired.reports.map((report) =>
    buildStatusRow({
      report: { ...report, state: computeStanding(report, { changes, conflicts }) },
      desired: desired.enis.find(({ mac }) => mac === report.mac) ?? null,
      networkFile: networkd.links.find(({ linkIndex }) => linkIndex === report.linkIndex)?.networkFile ?? null,
      changesPending: changes.filter(({ mac }) => mac === report.mac).length,
      history: historyOf(report.mac),
    }),
  );
}

/**
 * Exit code 0: nothing to change; 2: changes are pending; 1: metadata or networkd are not known at
 * all.
 */
export async function showPlan(
  config: Config,
  { json, asksDaemon, ignored = [] }: LookOptions,
): Promise<CommandResult> {
  const look = async () => {
    const inspection = await inspectHost(config);
    return describePlan({ ...inspection, warnings: [...ignored, ...inspection.warnings] });
  };
  const { answer, daemon, note } = await askOrLook(config, asksDaemon, { member: 'Plan', schema: planSchema }, look);
  const { changes, conflicts, unready, unknown } = answer;
  const isWhole = unknown.length === 0;
  const text = isWhole || changes.length > 0 ? renderPlan(changes, conflicts, unready) : '';
  const stdout = json ? `${JSON.stringify({ ...answer, daemon }, null, 2)}\n` : text;
  const stderr = note + renderWarnings({ warnings: [...answer.warnings, ...unknown] });
  return { stdout, stderr, exitCode: !isWhole ? 1 : changes.length === 0 ? 0 : 2 };
}

/** As `enid plan --json` prints it: keys are only ever added. */
export function describePlan({
  changes,
  conflicts,
  desired,
  warnings,
  snapshot,
  networkd,
}: Pick<Inspection, 'changes' | 'conflicts' | 'warnings' | 'snapshot'> & {
  readonly desired: Pick<Inspection['desired'], 'reports'>;
  /** Null: no pass was made yet. */
  readonly networkd: Pick<Inspection['networkd'], 'kind'> | null;
}): PlanAnswer {
  return {
    changes: changes.map(buildPlanLine),
    conflicts: conflicts.map(({ mac, reason }) => `${mac}: ${reason}`),
    unready: desired.reports.flatMap(({ linkName, state }) =>
      linkName !== null && (state.kind === 'waiting' || state.kind === 'degraded')
        ? [`${linkName}: ${state.kind}: ${state.reason}`]
        : [],
    ),
    unknown: [
      ...(snapshot === null ? ['no plan: the metadata was never read, so no ENI is known'] : []),
      ...(networkd === null || networkd.kind === 'unknown'
        ? ['no plan: the state of systemd-networkd is not known; the system bus does not answer']
        : []),
    ],
    warnings,
  };
}

/** For stderr: what could not be read. */
export function renderWarnings({ warnings }: { readonly warnings: readonly string[] }): string {
  return warnings.map((warning) => `enid: ${warning}\n`).join('');
}
