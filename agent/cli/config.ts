/** `enid config check|show|schema`: what the configuration files say, without touching anything. */

import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, loadConfig, readConfigTexts } from '../config/load.ts';
import { describeSchema } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';
import type { CommandResult } from './status.ts';

/** Exit code 0 and the files that were read, or 1 and the first problem on stderr. */
export function checkConfig(places: ConfigPlaces): Promise<CommandResult> {
  return answer(async () => {
    await loadConfig(places);
    const files = await readConfigTexts(places);
    if (files.length === 0) return `no configuration file: the defaults hold (${places.mainFile})\n`;
    return files.map(({ path }) => `${path}: ok\n`).join('');
  });
}

/** The configuration in force as YAML, every key spelled out; exit code 1 and the first problem where it is refused. */
export function showConfig(places: ConfigPlaces): Promise<CommandResult> {
  return answer(async () => formatConfig(await loadConfig(places)));
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
