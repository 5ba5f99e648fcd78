/**
 * `enid config check|show|schema`: what the configuration files say, and what follows for the ENIs
 * of this host.
 */

import { stringify } from 'yaml';
import { countFaults, formatFault } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, readConfig, requireConfig } from '../config/load.ts';
import { describeSchema } from '../config/schema.ts';
import { resolveEnis } from '../decide/explain/resolve.ts';
import { describeResolved } from '../report/resolved-text.ts';
import { inspectHost } from './inspect.ts';
import { renderJson } from './json.ts';
import { describeLosses, findPrimaryLosses } from './primary-losses.ts';
import { type CommandResult, renderWarnings } from './status.ts';

/**
 * Every fault of every file on stderr and exit code 1; else the files that were read and exit code
 * 0, with what is seldom meant on stderr. `againstHost`: also what a reload would take from the
 * primary ENI; exit code 2 where it would.
 */
export async function checkConfig(
  places: ConfigPlaces,
  { againstHost }: { readonly againstHost: boolean },
): Promise<CommandResult> {
  const { config, faults, cautions, files } = readConfig(places);
  const stderr = [...faults.map(formatFault), ...cautions.map((one) => `warning: ${formatFault(one)}`)];
  if (config === null || faults.length > 0) {
    stderr.push('', `${countFaults(faults)}: a reload refuses it, and the daemon keeps what it has.`);
    return { stdout: '', stderr: `${stderr.join('\n')}\n`, exitCode: 1 };
  }
  const read = files.map((path) => `${path}: ok\n`).join('');
  const stdout = files.length === 0 ? `no configuration file, using the defaults (${places.mainFile})\n` : read;
  const losses = againstHost ? await findPrimaryLosses(config) : [];
  stderr.push(...describeLosses(losses));
  const text = stderr.map((line) => `${line}\n`).join('');
  return { stdout, stderr: text, exitCode: losses.length > 0 ? 2 : 0 };
}

/**
 * What the files say together as YAML, every key spelled out; what a reload would refuse is on
 * stderr. Throws a ConfigError where they are refused.
 */
export function showConfig(places: ConfigPlaces): CommandResult {
  const reading = readConfig(places);
  const stderr = reading.faults.map((fault) => `enid: warning: ${formatFault(fault)}\n`).join('');
  return { stdout: formatConfig(requireConfig(reading)), stderr, exitCode: 0 };
}

/**
 * For each ENI of this host the entry that decides about it, the policy in force, and what follows:
 * YAML, or JSON. Does not ask the daemon. Throws a ConfigError, or a KernelError if the kernel
 * cannot be read.
 */
export async function showResolved(places: ConfigPlaces, { json }: { readonly json: boolean }): Promise<CommandResult> {
  const reading = readConfig(places);
  const [config, { entries }] = [requireConfig(reading), reading];
  const inspection = await inspectHost(config);
  const enis = resolveEnis({ ...inspection, config }).map(({ entry: index, ...rest }) => {
    const [entry, place] = index === null ? [] : [config.interfaces[index], entries[index]];
    const named =
      entry === undefined || place === undefined
        ? null
        : { ...entry, place: `${place.file}: interfaces[${place.index}]` };
    return describeResolved({ ...rest, entry: named });
  });
  const stdout = json ? renderJson({ enis }) : stringify({ enis }, { aliasDuplicateObjects: false, lineWidth: 0 });
  return { stdout, stderr: renderWarnings(inspection), exitCode: 0 };
}

/** The JSON schema of a configuration file, for editors. */
export function printSchema(): CommandResult {
  return { stdout: `${JSON.stringify(describeSchema(), null, 2)}\n`, stderr: '', exitCode: 0 };
}
