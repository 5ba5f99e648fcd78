/** Commands that run the daemon, or change what it does. */

import type { Command } from 'commander';
import { readConfig } from '../../config/load.ts';
import { examples } from '../help.ts';
import { configOption, loadToLook, placesOf } from './options.ts';
import { print, write } from './output.ts';

export function addRun(program: Command): void {
  program
    .command('run')
    .description('run the daemon in the foreground')
    .addOption(configOption())
    .option('--once', 'exit when nothing is left to change', false)
    .option('--debug', 'log every decision with its reason', false)
    .addHelpText(
      'after',
      examples`
      sudo enid run --once                               apply all changes, then exit
      sudo enid run --once --debug                       the same, and log every decision with its reason`,
    )
    .action(async (options: { config: string; once: boolean; debug: boolean }) => {
      const [{ createJournal }, { run }] = await Promise.all([import('../../report/journal.ts'), import('../run.ts')]);
      const journal = createJournal({ level: options.debug ? 'debug' : 'info' });
      process.exitCode = await run({
        readConfig: () => readConfig(placesOf(options.config)),
        journal,
        once: options.once,
        debug: options.debug,
      });
    });
}

export function addReload(program: Command): void {
  program
    .command('reload')
    .description('make the daemon read everything again')
    .addOption(configOption())
    .option('--yes', 'do not ask before something is taken from the primary ENI', false)
    .addHelpText(
      'after',
      examples`
      sudo enid reload                                   like systemctl reload enid; a bad configuration changes nothing`,
    )
    .action(async (options: { config: string; yes: boolean }) => {
      const { reloadChecked } = await import('../reload-checked.ts');
      const warn = (text: string) => write(process.stderr, text);
      const isAsked = process.stdin.isTTY === true && process.stderr.isTTY === true && !options.yes;
      print(await reloadChecked(placesOf(options.config), { warn, isAsked }));
    });
}

export function addTakeover(program: Command): void {
  program
    .command('takeover')
    .description('take over from another network manager')
    .addOption(configOption())
    .option('--dry-run', 'show each step and all obstacles, and change nothing', false)
    .option('--undo', 'restore the previous network manager', false)
    .option('--if-safe', 'exit 0 without changing anything if obstacles are found', false)
    .option('--force', 'proceed despite obstacles', false)
    .addHelpText(
      'after',
      examples`
      sudo enid takeover --dry-run                       what configures the ENIs now, and each step
      sudo enid takeover                                 rolls itself back if the network does not work within a minute
      sudo enid takeover --undo                          restores the previous files, units and programs`,
    )
    .action(async (options: { config: string; dryRun: boolean; undo: boolean; ifSafe: boolean; force: boolean }) => {
      const { takeOver } = await import('../takeover.ts');
      const show = (text: string) => write(process.stdout, text);
      const config = await loadToLook(options.config, { asksDaemon: false, prefersDaemon: false });
      print(await takeOver(config, { ...options, write: show }));
    });
}
