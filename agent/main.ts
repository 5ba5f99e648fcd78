/** Parses argv, loads the configuration, wires and runs. The only process.exit of the program. */

import { Command, Option } from 'commander';
import { checkConfig, printSchema, showConfig } from './cli/config.ts';
import { run } from './cli/run.ts';
import { type CommandResult, showPlan, showStatus } from './cli/status.ts';
import { type ConfigPlaces, loadConfig } from './config/load.ts';
import type { Config } from './config/types.ts';
import { createJournal } from './report/journal.ts';
import { version } from './version.ts';

const defaultConfigFile = '/etc/enid/config.yaml';

/** A main file elsewhere has its drop-ins beside it, as /etc/enid/config.yaml has /etc/enid/config.d. */
function placesOf(mainFile: string): ConfigPlaces {
  const dropInDirectory = mainFile.replace(/\.ya?ml$/, '').concat('.d');
  return { mainFile, dropInDirectory, isMainFileRequired: mainFile !== defaultConfigFile };
}

function load(mainFile: string): Promise<Config> {
  return loadConfig(placesOf(mainFile));
}

function print(result: CommandResult): void {
  process.stderr.write(result.stderr);
  process.stdout.write(result.stdout);
  process.exitCode = result.exitCode;
}

const program = new Command('enid')
  .description("Keeps an EC2 instance's network interfaces right.")
  .version(version)
  .showHelpAfterError()
  .addHelpText(
    'after',
    `
Examples:
  enid status                 how each ENI stands
  enid plan                   what would be changed, and why (exit code 2: something would)
  enid run --once             bring everything in order, then end
  systemctl reload enid       read configuration, metadata and kernel anew`,
  );

const configOption = () => new Option('--config <file>', 'main configuration file').default(defaultConfigFile);
const jsonOption = () => new Option('--json', 'machine-readable output').default(false);

program
  .command('run')
  .description('run in the foreground, as the systemd unit does')
  .addOption(configOption())
  .option('--once', 'end when everything is in order', false)
  .option('--debug', 'log every decision', false)
  .action(async (options: { config: string; once: boolean; debug: boolean }) => {
    const journal = createJournal({ level: options.debug ? 'debug' : 'info' });
    process.exitCode = await run({ loadConfig: () => load(options.config), journal, once: options.once });
  });

program
  .command('status')
  .description('show how each ENI stands')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options: { config: string; json: boolean }) =>
    print(await showStatus(await load(options.config), options)),
  );

program
  .command('plan')
  .description('show what would be changed, and why; exit code 0: nothing, 2: something, 1: error')
  .addOption(configOption())
  .addOption(jsonOption())
  .action(async (options: { config: string; json: boolean }) =>
    print(await showPlan(await load(options.config), options)),
  );

const config = program.command('config').description('check and show the configuration');
config
  .command('check')
  .description('refuse bad configuration files; exit code 1 where one is')
  .addOption(configOption())
  .action(async (options: { config: string }) => print(await checkConfig(placesOf(options.config))));
config
  .command('show')
  .description('print what is in force, defaults included')
  .addOption(configOption())
  .action(async (options: { config: string }) => print(await showConfig(placesOf(options.config))));
config
  .command('schema')
  .description('print the JSON schema of the configuration files')
  .action(() => print(printSchema()));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`enid: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
process.exit();
