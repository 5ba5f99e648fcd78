/** Commands about the configuration: check, show, schema. */

import type { Command } from 'commander';
import { examples } from '../help.ts';
import { configOption, type Options, placesOf } from './options.ts';
import { print } from './output.ts';

export function addConfig(program: Command): void {
  const config = program.command('config').description('check and show the configuration');
  config
    .command('check')
    .description('validate the configuration files, and name every fault')
    .addOption(configOption())
    .option('--against-host', 'also what a reload would take from the primary ENI', false)
    .action(async (options: { config: string; againstHost: boolean }) => {
      const { checkConfig } = await import('../config.ts');
      print(await checkConfig(placesOf(options.config), { againstHost: options.againstHost }));
    });
  config
    .command('show')
    .description('print the configuration in force, including defaults')
    .addOption(configOption())
    .option('--resolved', 'for each ENI: the entry that decides, the policy in force, and what follows from it', false)
    .option('--json', 'with --resolved: machine-readable output', false)
    .addHelpText(
      'after',
      examples`
      enid config show                                   all files merged, every key spelled out
      enid config show --resolved                        which entry matches which ENI, and what follows
      enid config show --resolved --config /tmp/new.yaml  the same for another configuration`,
    )
    .action(async (options: Options & { resolved: boolean }) => {
      const { showConfig, showResolved } = await import('../config.ts');
      const places = placesOf(options.config);
      print(options.resolved ? await showResolved(places, { json: options.json }) : showConfig(places));
    });
  config
    .command('schema')
    .description('print the JSON schema of the configuration files')
    .action(async () => {
      const { printSchema } = await import('../config.ts');
      print(printSchema());
    });
}
