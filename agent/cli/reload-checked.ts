/**
 * `enid reload`: what the files say is checked, and compared with the host, before the daemon hears
 * of it.
 */

import { createInterface } from 'node:readline/promises';
import { formatFault } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigPlaces, readConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { readConfigInForce } from './load-config.ts';
import { describeLosses, findPrimaryLosses } from './primary-losses.ts';
import { reload } from './reload.ts';
import type { CommandResult } from './status.ts';

export interface ReloadOptions {
  /** For stderr, before the daemon is asked. */
  readonly warn: (text: string) => void;
  /** Somebody is there to answer: nothing is taken from the primary without a yes. */
  readonly isAsked: boolean;
}

/** Exit codes as of `reload`; 1 also where a file has a fault, or the answer is no. */
export async function reloadChecked(places: ConfigPlaces, { warn, isAsked }: ReloadOptions): Promise<CommandResult> {
  const { config, faults, cautions } = readConfig(places);
  if (config === null || faults.length > 0) {
    const kept = 'enid: not reloaded: the daemon keeps the configuration that it has\n';
    return { stdout: '', stderr: `${faults.map((one) => `enid: ${formatFault(one)}\n`).join('')}${kept}`, exitCode: 1 };
  }
  for (const one of cautions) warn(`enid: warning: ${formatFault(one)}\n`);
  const losses = await findLosses(config);
  for (const line of describeLosses(losses)) warn(`enid: ${line}\n`);
  if (losses.length > 0 && isAsked && !(await isConfirmed()))
    return { stdout: '', stderr: 'enid: not reloaded\n', exitCode: 1 };
  return await reload(config);
}

/** With the configuration that is in force already a reload takes nothing that a pass would not. */
async function findLosses(config: Config): Promise<string[]> {
  const inForce = await readConfigInForce();
  if (inForce === null || formatConfig(inForce) === formatConfig(config)) return [];
  // What cannot be looked at is no reason not to reload.
  return await findPrimaryLosses(config).catch(() => []);
}

async function isConfirmed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Reload all the same? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
