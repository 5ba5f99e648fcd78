/** `enid doctor`: checks the host for problems and suggests fixes. Changes nothing. */

import { styleText } from 'node:util';
import { Bus } from '../../lib/dbus/bus.ts';
import { countOf } from '../../lib/text/count.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import type { Config } from '../config/types.ts';
import { computeExitCode, diagnose } from '../decide/explain/diagnose.ts';
import type { Finding, Severity } from '../decide/explain/finding.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import type { HostFacts, KernelState } from '../model.ts';
import { busName } from '../report/bus-service.ts';
import { readHostFacts } from '../sense/host-facts.ts';
import { readReloadWays } from '../sense/reload-ways.ts';
import { RuntimeStore } from '../watch/runtime-store.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import type { CommandResult } from './status.ts';
import { askWays } from './ways.ts';

/**
 * Exit code 0: no problems; 2: warnings; 3: errors. Throws a KernelError if the kernel cannot be
 * read.
 */
export async function examine(
  config: Config,
  { json, isColoured }: { json: boolean; isColoured: boolean },
): Promise<CommandResult> {
  const inspection = await inspectHost(config);
  const facts = await readFactsOf(inspection, config);
  const findings = diagnose({ ...inspection, facts, ways: await askWays(inspection) });
  const stdout = json ? `${JSON.stringify({ findings }, null, 2)}\n` : renderFindings(findings, isColoured);
  return { stdout, stderr: '', exitCode: computeExitCode(findings) };
}

/** What the checks need beside an inspection. Never rejects: what cannot be read is left out. */
export async function readFactsOf({ kernel }: Pick<Inspection, 'kernel'>, config: Config): Promise<HostFacts> {
  const daemonProcessId = await findDaemon(config);
  const [facts, reloadWays] = await Promise.all([
    readHostFacts({
      links: listLinks(kernel, config.drivers),
      endpoints: config.imds.endpoints,
      timeoutMs: config.imds.timeoutMs,
      daemonProcessId,
    }),
    onBus((bus) => readReloadWays(bus, daemonProcessId)),
  ]);
  return { ...facts, ...(reloadWays === null ? {} : { reloadWays }) };
}

/**
 * Who holds the lock; for who may not ask that, who has the name on the bus, which only root and
 * enid may have.
 */
async function findDaemon(config: Config): Promise<number | null> {
  const holder = await new RuntimeStore(config.runtimeDirectory).readHolder();
  if (holder !== 'hidden') return holder;
  return await onBus((bus) => bus.readProcessId(busName));
}

/** Null: the bus does not answer. */
async function onBus<T>(ask: (bus: Bus) => Promise<T>): Promise<T | null> {
  const bus = new Bus();
  try {
    await bus.start();
    return bus.isConnected ? await ask(bus) : null;
  } catch {
    return null;
  } finally {
    bus.close();
  }
}

function listLinks(kernel: KernelState, drivers: readonly string[]) {
  const candidates = [...findCandidates(kernel, drivers).values()].flat();
  return candidates.map(({ link }) => {
    const addresses = kernel.addresses.filter(({ linkIndex }) => linkIndex === link.index);
    return { name: link.name, addresses: listLocalAddresses({ ...kernel, links: [link], addresses }, drivers) };
  });
}

const styles = { ok: 'green', info: 'blue', warning: 'yellow', error: 'red' } as const;

/** One line for each finding, the suggested fix below it; the last line is the count. */
function renderFindings(findings: readonly Finding[], isColoured: boolean): string {
  const colour = (severity: Severity, text: string) => (isColoured ? styleText(styles[severity], text) : text);
  const lines = findings.flatMap(({ check, severity, message, advice }) => [
    `${colour(severity, severity.padEnd(7))}  ${check.padEnd(13)}  ${escapeLine(message)}`,
    ...(advice === null ? [] : [`${' '.repeat(24)}→ ${escapeLine(advice)}`]),
  ]);
  const count = (severity: Severity) => {
    return countOf(findings.filter((finding) => finding.severity === severity).length, severity);
  };
  return `${[...lines, '', `${count('error')}, ${count('warning')}.`].join('\n')}\n`;
}
