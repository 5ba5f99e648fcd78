/** `plan --from` and `explain --from`: decide from the file of `enid report`, without this host. */

import type { Config } from '../config/types.ts';
import { explainPacket } from '../decide/explain/explain.ts';
import { answerFromRecords, packetFromRecords } from '../decide/explain/from-records.ts';
import { buildExplanation, renderExplanation } from '../report/explain-text.ts';
import { readPacket } from './explain.ts';
import { decideOnce, type Inspection } from './inspect.ts';
import { renderJson } from './json.ts';
import { readReport, readSight } from './report-schema.ts';
import { type CommandResult, describePlan, type PlanOptions, renderPlanAnswer, renderWarnings } from './status.ts';

interface FromOptions {
  readonly path: string;
  /** Another configuration than the report's; null: that one. */
  readonly config: Config | null;
  readonly json: boolean;
}

/** Throws a ReportError. */
export function inspectReport({ path, config }: FromOptions): Inspection {
  return decideOnce(readSight(readReport(path), config));
}

/** Exit codes as of `plan`. Throws a ReportError. */
export function planFrom(options: FromOptions & Pick<PlanOptions, 'isDetailed' | 'isColoured'>): CommandResult {
  const sight = readSight(readReport(options.path), options.config);
  const answer = describePlan({ ...decideOnce(sight), directory: sight.config.networkd.unitDirectory });
  return renderPlanAnswer(answer, { ...options, daemon: false, note: '' });
}

/**
 * Exit codes as of `explain`; what the kernel would have said follows from its rules and routes.
 * Throws a ReportError.
 */
export function explainFrom(options: FromOptions, source: string, destination: string | undefined): CommandResult {
  const inspection = inspectReport(options);
  const { kernel, warnings } = inspection;
  const indexOf = (name: string) => kernel.links.find((link) => link.name === name)?.index;
  const question = readPacket(source, destination, (name) =>
    kernel.addresses.filter(({ linkIndex }) => linkIndex === indexOf(name)).map(({ address }) => address),
  );
  if (typeof question === 'string') return { stdout: '', stderr: `enid: ${question}\n`, exitCode: 1 };
  const packet = packetFromRecords(inspection, question);
  const explanation = explainPacket({ ...inspection, packet, answer: answerFromRecords(inspection, packet) });
  const answer = buildExplanation(explanation);
  const stdout = options.json ? renderJson({ ...answer, daemon: false }) : renderExplanation(answer);
  return { stdout, stderr: renderWarnings({ warnings }), exitCode: answer.right ? 0 : 2 };
}
