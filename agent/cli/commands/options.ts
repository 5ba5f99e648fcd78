/** Options that several commands share, and the configuration that they name. */

import { Option } from 'commander';
import { type ConfigPlaces, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/types.ts';
import { write } from './output.ts';

const defaultConfigFile = '/etc/enid/config.yaml';

export interface Options {
  readonly config: string;
  readonly json: boolean;
}

/** Commands that ask the daemon if it is running. */
export interface LookOptions extends Options {
  readonly daemon: boolean;
}

export const configOption = () => new Option('--config <file>', 'main configuration file').default(defaultConfigFile);
export const jsonOption = () => new Option('--json', 'machine-readable output').default(false);
export const fromOption = () => new Option('--from <file>', 'decide from a file of enid report, not from this host');
export const noDaemonOption = () => new Option('--no-daemon', 'inspect the host without asking the running daemon');

/**
 * A main file elsewhere has its drop-ins beside it, as /etc/enid/config.yaml has
 * /etc/enid/config.d.
 */
export function placesOf(mainFile: string): ConfigPlaces {
  const dropInDirectory = mainFile.replace(/\.ya?ml$/, '').concat('.d');
  return { mainFile, dropInDirectory, isMainFileRequired: mainFile !== defaultConfigFile };
}

/** For a command that looks: what is wrong with the files is told, and is no reason not to. */
export async function loadToLook(
  mainFile: string,
  look: { asksDaemon: boolean; prefersDaemon: boolean },
): Promise<Config> {
  const { loadForLook, renderNotes } = await import('../load-config.ts');
  const { config, notes } = await loadForLook(placesOf(mainFile), look);
  write(process.stderr, renderNotes(notes));
  return config;
}

/** With `--from`: null where no other configuration was named. */
export async function loadNamed({ config }: Pick<Options, 'config'>): Promise<Config | null> {
  return config === defaultConfigFile ? null : await loadConfig(placesOf(config));
}

/** Who names another file asks what it would mean. */
export function prefersDaemon({ config }: Pick<Options, 'config'>): boolean {
  return config === defaultConfigFile;
}
