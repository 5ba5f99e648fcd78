/** `enid graph`: the ways of this host, or of a report, as a picture. */

import type { Config } from '../config/types.ts';
import { computeGraph } from '../decide/explain/graph.ts';
import { renderMermaid } from '../report/graph-mermaid.ts';
import { renderSvg } from '../report/graph-svg.ts';
import { inspectReport } from './from-report.ts';
import { inspectHost } from './inspect.ts';
import { type CommandResult, renderWarnings } from './status.ts';

export interface GraphOptions {
  readonly format: 'svg' | 'mermaid';
  /** A file of `enid report`; null: this host. */
  readonly from: string | null;
  readonly config: Config | null;
}

/** Exit code 0. Throws a KernelError if the kernel cannot be read, or a ReportError. */
export async function drawGraph(
  { format, from, config }: GraphOptions,
  loadConfig: () => Promise<Config>,
): Promise<CommandResult> {
  const inspection =
    from === null ? await inspectHost(await loadConfig()) : inspectReport({ path: from, config, json: false });
  const graph = computeGraph(inspection);
  const name = inspection.snapshot?.instanceId ?? 'this host';
  const stdout = format === 'svg' ? renderSvg(graph, `The ways of ${name}`) : renderMermaid(graph);
  return { stdout, stderr: renderWarnings(inspection), exitCode: 0 };
}
