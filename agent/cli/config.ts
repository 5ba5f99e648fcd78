/**
 * `enid config check|show|schema`: what the configuration files say, and what follows for the ENIs
 * of this host.
 */

import { stringify } from 'yaml';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, loadConfig, readConfigTexts } from '../config/load.ts';
import { listEntryPlaces, mergeConfig } from '../config/merge.ts';
import { parseConfigFile } from '../config/parse.ts';
import { describeSchema } from '../config/schema.ts';
import { resolveEnis } from '../decide/explain/resolve.ts';
import { ConfigError } from '../errors.ts';
import { describeResolved } from '../report/resolved-text.ts';
import { inspectHost } from './inspect.ts';
import { type CommandResult, renderWarnings } from './status.ts';

/** Exit code 0 and the files that were read, or 1 and the first problem on stderr. */
export function checkConfig(places: ConfigPlaces): Promise<CommandResult> {
  return answer(async () => {
    await loadConfig(places);
    const files = await readConfigTexts(places);
    if (files.length === 0) return `no configuration file, using the defaults (${places.mainFile})\n`;
    return files.map(({ path }) => `${path}: ok\n`).join('');
  });
}

/**
 * The configuration in force as YAML, every key spelled out; exit code 1 and the first problem if
 * it is refused.
 */
export function showConfig(places: ConfigPlaces): Promise<CommandResult> {
  return answer(async () => formatConfig(await loadConfig(places)));
}

/**
 * For each ENI of this host the entry that decides about it, the policy in force, and what follows:
 * YAML, or JSON. Does not ask the daemon. Throws a KernelError if the kernel cannot be read.
 */
export async function showResolved(places: ConfigPlaces, { json }: { readonly json: boolean }): Promise<CommandResult> {
  const texts = await readConfigTexts(places);
  const files = texts.map(({ path, text }) => ({ path, file: parseConfigFile(text, path) }));
  const config = mergeConfig(files.map(({ file }) => file));
  const entryPlaces = listEntryPlaces(files);
  const inspection = await inspectHost(config);
  const enis = resolveEnis({ ...inspection, config }).map(({ entry: index, ...rest }) => {
    const [entry, place] = index === null ? [] : [config.interfaces[index], entryPlaces[index]];
    const named =
      entry === undefined || place === undefined ? null : { ...entry, place: `${place.file}: ${place.key}` };
    return describeResolved({ ...rest, entry: named });
  });
  const stdout = json
    ? `${JSON.stringify({ enis }, null, 2)}\n`
    : stringify({ enis }, { aliasDuplicateObjects: false, lineWidth: 0 });
  return { stdout, stderr: renderWarnings(inspection), exitCode: 0 };
}

/** The JSON schema of a configuration file, for editors. */
export function printSchema(): CommandResult {
  return { stdout: `${JSON.stringify(describeSchema(), null, 2)}\n`, stderr: '', exitCode: 0 };
}

async function answer(compute: () => Promise<string>): Promise<CommandResult> {
  try {
    return { stdout: await compute(), stderr: '', exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { stdout: '', stderr: `${error.message}\n`, exitCode: 1 };
  }
}
