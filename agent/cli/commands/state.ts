/** Commands that show what is and what would be: status, plan, wait. */

import { type Command, Option } from 'commander';
import { escapePicture, escapeText } from '../../../lib/text/printable.ts';
import { examples, parseSeconds } from '../help.ts';
import {
  configOption,
  fromOption,
  jsonOption,
  type LookOptions,
  loadNamed,
  loadToLook,
  noDaemonOption,
  placesOf,
  prefersDaemon,
} from './options.ts';
import { isColoured, print, printPicture, write } from './output.ts';

interface StatusOptions extends LookOptions {
  readonly watch: boolean;
  readonly fullTime: boolean;
  readonly output?: 'wide';
}

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show the state of each ENI, or all about one')
    .argument('[eni]', 'id, link, or MAC of one ENI')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(noDaemonOption())
    .option('--watch', 'show it again whenever something changes, until q', false)
    .option('--full-time', 'times in place of ages', false)
    .addOption(new Option('-o, --output <format>', 'more columns').choices(['wide']))
    .addHelpText(
      'after',
      examples`
      enid status                                        a table, one line per ENI
      enid status ens6                                   all about one ENI
      enid status --watch                                the table, live
      enid status --json | jq -r '.enis[] | select(.state != "configured") | .eni'`,
    )
    .action(async (name: string | undefined, options: StatusOptions) => {
      const { json, daemon: asksDaemon } = options;
      if (options.watch) {
        const { watchOnTerminal } = await import('../watch-terminal.ts');
        const { loadForLook } = await import('../load-config.ts');
        const look = { asksDaemon, prefersDaemon: prefersDaemon(options) };
        const load = () => loadForLook(placesOf(options.config), look);
        const show = (text: string) => write(process.stdout, text, process.stdout.isTTY ? escapePicture : escapeText);
        return print(await watchOnTerminal({ load, json, asksDaemon, isColoured: isColoured(), write: show }));
      }
      const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: prefersDaemon(options) });
      if (name !== undefined) {
        const { showEni } = await import('../status-eni.ts');
        const look = { json, asksDaemon, isColoured: isColoured(), hasFullTimes: options.fullTime };
        return printPicture(await showEni(config, name, { ...look, places: placesOf(options.config) }));
      }
      const { showStatus } = await import('../status.ts');
      // 0: a terminal that does not know its size.
      const look = { isColoured: isColoured(), width: process.stdout.columns || undefined };
      const columns = { isWide: options.output === 'wide', hasFullTimes: options.fullTime };
      printPicture(await showStatus(config, { json, asksDaemon, ...look, ...columns }));
    });
}

export function addPlan(program: Command): void {
  program
    .command('plan')
    .description('show what would be changed')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(noDaemonOption())
    .option('--detailed', 'with the reason of each change', false)
    .addHelpText(
      'after',
      examples`
      enid plan                                          what would be added, changed and removed
      enid plan --detailed                               and why
      enid plan --config /tmp/new.yaml                   what another configuration would change
      enid plan --from enid-report.json                  the same of another host, from its report`,
    )
    .addOption(fromOption())
    .action(async (options: LookOptions & { detailed: boolean; from?: string }) => {
      if (options.from !== undefined) {
        const { planFrom } = await import('../from-report.ts');
        const look = { json: options.json, isDetailed: options.detailed, isColoured: isColoured() };
        return printPicture(planFrom({ path: options.from, config: await loadNamed(options), ...look }));
      }
      const { showPlan } = await import('../status.ts');
      const { json, daemon: asksDaemon } = options;
      const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: false });
      const look = { json, asksDaemon, isDetailed: options.detailed, isColoured: isColoured() };
      printPicture(await showPlan(config, look));
    });
}

export function addWait(program: Command): void {
  program
    .command('wait')
    .description('wait until ENIs are configured')
    .argument('[eni]', 'id, link, or MAC of one ENI')
    .option('--timeout <seconds>', 'how long at most', parseSeconds, 60)
    .addHelpText(
      'after',
      examples`
      enid wait                                          in user data, before the first download
      enid wait eni-0123456789abcdef0 --timeout 300      after attaching it`,
    )
    .action(async (name: string | undefined, { timeout }: { timeout: number }) => {
      const { waitForEnis } = await import('../wait.ts');
      const say = (line: string) => write(process.stderr, `${line}\n`);
      print(await waitForEnis({ name: name ?? null, timeoutMs: timeout * 1_000, say }));
    });
}
