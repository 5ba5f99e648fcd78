/** `enid status` and `enid plan`. */

import { paintText } from '../../lib/text/paint.ts';
import type { Config } from '../config/types.ts';
import { computeStanding } from '../decide/explain/standing.ts';
import type { EniHistory } from '../report/history.ts';
import { buildPlanLine, type PlanAction, renderPlan } from '../report/plan-text.ts';
import { buildStatusRow, type StatusRow } from '../report/status-row.ts';
import { renderStatusTable, type TableLook } from '../report/status-table.ts';
import { type PlanAnswer, planSchema, type StatusAnswer, statusSchema } from './answers.ts';
import { askDaemon, type Question, renderUnanswered } from './ask-daemon.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import { renderJson } from './json.ts';

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
}

/** How the table is to look. */
export interface StatusLook extends Pick<TableLook, 'isWide' | 'hasFullTimes' | 'highlight'> {
  readonly isColoured?: boolean;
  /** Columns of the terminal; none: not a terminal. */
  readonly width?: number | undefined;
}

export interface Status {
  readonly answer: StatusAnswer;
  /** Whether the daemon answered. */
  readonly daemon: boolean;
  /** For stderr. */
  readonly note: string;
}

/** The daemon's answer; without one what a one-off inspection finds. Throws a KernelError. */
export async function readStatus(config: Config, asksDaemon: boolean): Promise<Status> {
  const look = async (): Promise<StatusAnswer> => {
    const inspection = await inspectHost(config);
    const { warnings } = inspection;
    return { enis: buildRows(inspection, () => null), warnings, recentChanges: [], metadata: null };
  };
  return await askOrLook(config, asksDaemon, { member: 'Describe', schema: statusSchema }, look);
}

/** Exit code 0 whatever the state: 1 only if the host cannot be read (the error is thrown). */
export async function showStatus(
  config: Config,
  { json, asksDaemon, ...look }: LookOptions & StatusLook,
): Promise<CommandResult> {
  const { answer, daemon, note } = await readStatus(config, asksDaemon);
  const stdout = json ? renderJson({ ...answer, daemon }) : renderTable(answer.enis, look);
  return { stdout, stderr: note + renderWarnings(answer), exitCode: 0 };
}

export function renderTable(rows: readonly StatusRow[], { isColoured = false, width, ...look }: StatusLook): string {
  return renderStatusTable(rows, {
    ...look,
    nowMs: Date.now(),
    paint: (state, text) => (isColoured ? paintText(styles[state], text) : text),
    ...(width === undefined ? {} : { width }),
  });
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

export const styles = {
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

export interface PlanOptions extends LookOptions {
  /** With the reason of each change. */
  readonly isDetailed?: boolean;
  readonly isColoured?: boolean;
}

const planStyles = { add: 'green', change: 'yellow', remove: 'red' } as const;

/**
 * Exit code 0: nothing to change; 2: changes are pending; 1: metadata or networkd are not known at
 * all.
 */
export async function showPlan(
  config: Config,
  { json, asksDaemon, isDetailed = false, isColoured = false }: PlanOptions,
): Promise<CommandResult> {
  const look = async () => describePlan({ ...(await inspectHost(config)), directory: config.networkd.unitDirectory });
  const { answer, daemon, note } = await askOrLook(config, asksDaemon, { member: 'Plan', schema: planSchema }, look);
  return renderPlanAnswer(answer, { json, daemon, note, isDetailed, isColoured });
}

export interface PlanLook extends Pick<PlanOptions, 'json' | 'isDetailed' | 'isColoured'> {
  readonly daemon: boolean;
  /** For stderr: why the host was inspected without the daemon. */
  readonly note: string;
}

/** Exit codes as of `showPlan`. */
export function renderPlanAnswer(
  answer: PlanAnswer,
  { json, daemon, note, isDetailed = false, isColoured = false }: PlanLook,
): CommandResult {
  const { changes, unknown } = answer;
  const isWhole = unknown.length === 0;
  const paint = (action: PlanAction, text: string) => (isColoured ? paintText(planStyles[action], text) : text);
  const text = isWhole || changes.length > 0 ? renderPlan(answer, { isDetailed, paint }) : '';
  const stdout = json ? renderJson({ ...answer, daemon }) : text;
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
  directory,
}: Pick<Inspection, 'changes' | 'conflicts' | 'warnings' | 'snapshot'> & {
  readonly desired: Pick<Inspection['desired'], 'reports'>;
  /** Null: no pass was made yet. */
  readonly networkd: Pick<Inspection['networkd'], 'kind'> | null;
  /** Of networkd's files. */
  readonly directory: string;
}): PlanAnswer {
  const reportOf = (mac: string) => desired.reports.find((report) => report.mac === mac);
  return {
    changes: changes.map((change) =>
      buildPlanLine(change, { directory, eni: reportOf(change.mac)?.eni?.eniId ?? null }),
    ),
    conflicts: conflicts.map(({ mac, reason }) => `${reportOf(mac)?.linkName ?? (mac || 'the host')}: ${reason}`),
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
