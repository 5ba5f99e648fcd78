/** `enid doctor`: checks the host for problems and suggests fixes. Changes nothing. */

import { Bus } from '../../lib/dbus/bus.ts';
import { countOf } from '../../lib/text/count.ts';
import { paintText } from '../../lib/text/paint.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import { formatFault } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, type ConfigReading, readConfig, requireConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { computeExitCode, diagnose } from '../decide/explain/diagnose.ts';
import type { ConfigurationState } from '../decide/explain/diagnose-config.ts';
import type { DaemonMemory } from '../decide/explain/diagnose-daemon.ts';
import type { Finding, Severity } from '../decide/explain/finding.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import type { KernelState } from '../model.ts';
import { busName } from '../report/bus-service.ts';
import { readHostFacts } from '../sense/host-facts.ts';
import { readReloadWays } from '../sense/reload-ways.ts';
import { RuntimeStore } from '../watch/runtime-store.ts';
import { statusSchema } from './answers.ts';
import { askDaemon } from './ask-daemon.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import { renderJson } from './json.ts';
import { readConfigInForce } from './load-config.ts';
import type { CommandResult } from './status.ts';
import { askWays } from './ways.ts';

/**
 * Exit code 0: no problems; 2: warnings; 3: errors. Throws a KernelError if the kernel cannot be
 * read.
 */
export async function examine(
  places: ConfigPlaces,
  { json, isColoured }: { json: boolean; isColoured: boolean },
): Promise<CommandResult> {
  const { reading, inForce, state } = await examineConfiguration(places);
  const config = inForce ?? requireConfig(reading);
  const findings = await runChecks(await inspectHost(config), { config, configuration: state });
  const stdout = json ? renderJson({ findings }) : renderFindings(findings, isColoured);
  return { stdout, stderr: '', exitCode: computeExitCode(findings) };
}

/** Reads what the checks need beside an inspection. What cannot be read is left out. */
export async function runChecks(
  inspection: Inspection,
  { config, configuration }: { readonly config: Config; readonly configuration: ConfigurationState },
): Promise<Finding[]> {
  const { kernel } = inspection;
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
  const known = { ...facts, ...(reloadWays === null ? {} : { reloadWays }) };
  const [ways, memory] = await Promise.all([askWays(inspection), readMemory(config)]);
  return diagnose({ ...inspection, facts: known, ways, configuration, memory });
}

async function readMemory(config: Config): Promise<DaemonMemory | null> {
  const asked = await askDaemon(config, { member: 'Describe', schema: statusSchema });
  if (asked.kind === 'unanswered' || asked.value.metadata === null) return null;
  const { enis, metadata } = asked.value;
  const { lastRead, failure, intervalMs } = metadata;
  return {
    enis,
    metadataAgeMs: lastRead === null ? null : Date.now() - Date.parse(lastRead),
    metadataFailure: failure,
    metadataIntervalMs: intervalMs,
  };
}

export interface ExaminedConfiguration {
  readonly reading: ConfigReading;
  /** What the daemon goes by; null: none answers. */
  readonly inForce: Config | null;
  readonly state: ConfigurationState;
}

/** What the files say, and what the daemon goes by. */
export async function examineConfiguration(places: ConfigPlaces): Promise<ExaminedConfiguration> {
  const reading = readConfig(places);
  const inForce = await readConfigInForce();
  const { config: written, faults, cautions, files } = reading;
  const isInForce = inForce === null || written === null ? null : formatConfig(inForce) === formatConfig(written);
  const state = { faults: faults.map(formatFault), cautions: cautions.map(formatFault), files, isInForce };
  return { reading, inForce, state };
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
  const colour = (severity: Severity, text: string) => (isColoured ? paintText(styles[severity], text) : text);
  const lines = findings.flatMap(({ check, severity, message, advice }) => [
    `${colour(severity, severity.padEnd(7))}  ${check.padEnd(13)}  ${escapeLine(message)}`,
    ...(advice === null ? [] : [`${' '.repeat(24)}→ ${escapeLine(advice)}`]),
  ]);
  const count = (severity: Severity) => {
    return countOf(findings.filter((finding) => finding.severity === severity).length, severity);
  };
  return `${[...lines, '', `${count('error')}, ${count('warning')}.`].join('\n')}\n`;
}
