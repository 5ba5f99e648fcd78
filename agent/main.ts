/** Parses argv, loads the configuration, wires and runs. The only process.exit of the program. */

import './run/memory.ts';
import { Argument, Command, Option } from 'commander';
import { escapeLine, escapePicture, escapeText } from '../lib/text/printable.ts';
import type { CommandWords, Shell } from './cli/completion.ts';
import type { CommandResult } from './cli/status.ts';
import { type ConfigPlaces, loadConfig, loadTolerantly } from './config/load.ts';
import type { Config } from './config/types.ts';
import { version } from './version.ts';

const defaultConfigFile = '/etc/enid/config.yaml';

/**
 * A main file elsewhere has its drop-ins beside it, as /etc/enid/config.yaml has
 * /etc/enid/config.d.
 */
function placesOf(mainFile: string): ConfigPlaces {
  const dropInDirectory = mainFile.replace(/\.ya?ml$/, '').concat('.d');
  return { mainFile, dropInDirectory, isMainFileRequired: mainFile !== defaultConfigFile };
}

function load(mainFile: string): Promise<Config> {
  return loadConfig(placesOf(mainFile));
}

/**
 * For commands that look at the host: as a daemon starts with it. After a downgrade they must work,
 * too.
 */
async function loadAsStarted(mainFile: string): Promise<Config> {
  const { config, ignored } = await loadTolerantly(placesOf(mainFile));
  for (const line of ignored) write(process.stderr, `enid: ${line}\n`);
  return config;
}

/**
 * The only place that writes a command's output: names and texts from elsewhere must not control
 * the terminal.
 */
function write(stream: NodeJS.WriteStream, text: string, toPrintable = escapeText): void {
  stream.write(toPrintable(text));
}

function print(result: CommandResult, toPrintable = escapeText): void {
  write(process.stderr, result.stderr);
  write(process.stdout, result.stdout, toPrintable);
  process.exitCode = result.exitCode;
}

/** On a terminal only, and not where https://no-color.org asks for none. */
function isColoured(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}

/** For commands whose output has colours. */
function pictureEscape(): (text: string) => string {
  return isColoured() ? escapePicture : escapeText;
}

const program = new Command('enid')
  // Before the commands are created: they inherit it.
  .configureOutput({
    writeErr: (text) => write(process.stderr, text),
    writeOut: (text) => write(process.stdout, text),
  })
  .description('Makes every ENI, IP address and prefix attached to an EC2 instance work, and keeps it working.')
  .version(version)
  .showHelpAfterError('(enid --help has commands, options and examples)')
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    examples`
    enid status                    the state of each ENI
    enid plan                      what would be changed, and why
    enid explain 10.0.1.5          which way packets from 10.0.1.5 take, and why
    enid doctor                    check the host for problems, with suggested fixes
    enid run --once                apply all changes, then exit
    systemctl reload enid          read configuration, metadata and kernel again
    journalctl -u enid ENI=eni-0a1b   what was changed on one ENI`,
  );

/** Help texts are indented here as the code is. */
function examples(text: TemplateStringsArray): string {
  return `\nExamples:${text.join('').replaceAll(/\n {4}/g, '\n  ')}`;
}

const configOption = () => new Option('--config <file>', 'main configuration file').default(defaultConfigFile);
const jsonOption = () => new Option('--json', 'machine-readable output').default(false);

const noDaemonOption = () => new Option('--no-daemon', 'inspect the host without asking the running daemon');

interface Options {
  readonly config: string;
  readonly json: boolean;
}

/** Commands that ask the daemon if it is running. */
interface LookOptions extends Options {
  readonly daemon: boolean;
}

program
  .command('run')
  .description('run in the foreground, as the systemd unit does')
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
    const [{ createJournal }, { run }] = await Promise.all([import('./report/journal.ts'), import('./cli/run.ts')]);
    const journal = createJournal({ level: options.debug ? 'debug' : 'info' });
    process.exitCode = await run({
      startConfig: () => loadTolerantly(placesOf(options.config)),
      loadConfig: () => load(options.config),
      journal,
      once: options.once,
      debug: options.debug,
    });
  });

program
  .command('status')
  .description('show the state of each ENI')
  .addOption(configOption())
  .addOption(jsonOption())
  .addOption(noDaemonOption())
  .option('--watch', 'update the output whenever something changes, until Ctrl-C', false)
  .addHelpText(
    'after',
    examples`
    enid status                                        a table, one line per ENI
    enid status --watch                                the table, live
    enid status --json | jq -r '.enis[] | select(.state != "configured") | .eni'`,
  )
  .action(async (options: LookOptions & { watch: boolean }) => {
    const { config, ignored } = await loadTolerantly(placesOf(options.config));
    const { json, daemon: asksDaemon } = options;
    const how = { json, asksDaemon, ignored, isColoured: isColoured() };
    if (!options.watch) {
      const { showStatus } = await import('./cli/status.ts');
      return print(await showStatus(config, { ...how, width: process.stdout.columns }), pictureEscape());
    }
    const { watchStatus } = await import('./cli/watch.ts');
    const end = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => end.abort());
    const show = (text: string) => write(process.stdout, text, pictureEscape());
    const width = () => process.stdout.columns;
    print(await watchStatus(config, { ...how, width, write: show, signal: end.signal }));
  });

program
  .command('plan')
  .description('show what would be changed, and why; exit code 0: nothing, 2: something, 1: error')
  .addOption(configOption())
  .addOption(jsonOption())
  .addOption(noDaemonOption())
  .addHelpText(
    'after',
    examples`
    enid plan                                          one line per change, in the syntax of ip(8), with the reason
    enid plan --config /tmp/new.yaml                   what another configuration would change`,
  )
  .action(async (options: LookOptions) => {
    const { showPlan } = await import('./cli/status.ts');
    const { config, ignored } = await loadTolerantly(placesOf(options.config));
    print(await showPlan(config, { json: options.json, asksDaemon: options.daemon, ignored }));
  });

program
  .command('explain')
  .description('show which way a packet takes, and why; exit code 0: the right one, 2: a wrong one, 1: error')
  .argument('[source]', 'source address of the packet; not with --all')
  .argument('[destination]', 'destination address (default: 192.0.2.1 or 2001:db8:ffff:ffff::1, "the Internet")')
  .option('--all', 'show the ways of every source of every ENI, as a table', false)
  .addOption(configOption())
  .addOption(jsonOption())
  .addOption(noDaemonOption())
  .addHelpText(
    'after',
    examples`
    enid explain 10.0.1.5                              where do packets from 10.0.1.5 leave?
    enid explain 10.0.1.5 172.17.0.2                   and packets to a container?
    enid explain 2001:db8::5                           the same for IPv6
    enid explain --all                                 does every source leave by its own ENI, to every destination?`,
  )
  .action(
    async (source: string | undefined, destination: string | undefined, options: LookOptions & { all: boolean }) => {
      const { json, daemon: asksDaemon, all } = options;
      if (all === (source !== undefined)) return program.error('enid: explain: expected either a source or --all');
      const config = await loadAsStarted(options.config);
      if (source === undefined) {
        const { explainAll } = await import('./cli/ways.ts');
        return print(await explainAll(config, { json }));
      }
      const { explain } = await import('./cli/explain.ts');
      print(await explain(config, source, destination, { json, asksDaemon }));
    },
  );

program
  .command('doctor')
  .description(
    'check the host for problems and suggest fixes; exit code 0: none, 2: warnings, 3: errors, 1: cannot check',
  )
  .addOption(configOption())
  .addOption(jsonOption())
  .addHelpText(
    'after',
    examples`
    sudo enid doctor                                   every check, with a suggested fix
    enid doctor --json | jq '.findings[] | select(.severity == "error")'`,
  )
  .action(async (options: Options) => {
    const { examine } = await import('./cli/doctor.ts');
    const look = { json: options.json, isColoured: isColoured() };
    print(await examine(await loadAsStarted(options.config), look), pictureEscape());
  });

program
  .command('reload')
  .description('make the daemon read configuration, metadata and kernel again, and wait until that is done')
  .addOption(configOption())
  .addHelpText(
    'after',
    examples`
    sudo enid reload                                   like systemctl reload enid; a bad configuration changes nothing`,
  )
  .action(async (options: { config: string }) => {
    const { reload } = await import('./cli/reload.ts');
    print(await reload(await load(options.config)));
  });

program
  .command('takeover')
  .description('hand the ENIs over from another network manager to systemd-networkd and enid, without a reboot')
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
    const { takeOver } = await import('./cli/takeover.ts');
    const show = (text: string) => write(process.stdout, text);
    print(await takeOver(await loadAsStarted(options.config), { ...options, write: show }));
  });

const config = program.command('config').description('check and show the configuration');
config
  .command('check')
  .description('validate the configuration; exit 1 if it is invalid')
  .addOption(configOption())
  .action(async (options: { config: string }) => {
    const { checkConfig } = await import('./cli/config.ts');
    print(await checkConfig(placesOf(options.config)));
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
    enid config show --resolved --config /tmp/new.yaml the same for another configuration`,
  )
  .action(async (options: Options & { resolved: boolean }) => {
    const { showConfig, showResolved } = await import('./cli/config.ts');
    const places = placesOf(options.config);
    print(options.resolved ? await showResolved(places, { json: options.json }) : await showConfig(places));
  });
config
  .command('schema')
  .description('print the JSON schema of the configuration files')
  .action(async () => {
    const { printSchema } = await import('./cli/config.ts');
    print(printSchema());
  });

program
  .command('completion')
  .description('print the completion script of a shell')
  .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
  .addHelpText(
    'after',
    examples`
    enid completion bash > /usr/share/bash-completion/completions/enid
    enid completion zsh  > /usr/share/zsh/site-functions/_enid
    enid completion fish > /usr/share/fish/vendor_completions.d/enid.fish`,
  )
  .action(async (shell: Shell) => {
    const { renderCompletion } = await import('./cli/completion.ts');
    print({ stdout: renderCompletion(shell, listCommands(program, [])), stderr: '', exitCode: 0 });
  });

function listCommands(command: Command, path: readonly string[]): CommandWords[] {
  const here: CommandWords = {
    path: path.join(' '),
    description: command.description(),
    subcommands: command.commands.map((one) => one.name()),
    options: command.options.map(({ long, description }) => ({
      flag: long ?? '',
      description,
      takesFile: long === '--config',
    })),
  };
  return [here, ...command.commands.flatMap((one) => listCommands(one, [...path, one.name()]))];
}

async function main(): Promise<never> {
  try {
    await program.parseAsync();
  } catch (error) {
    process.stderr.write(`enid: ${escapeLine(error instanceof Error ? error.message : String(error))}\n`);
    process.exitCode = 1;
  }
  await Promise.all([flush(process.stdout), flush(process.stderr)]);
  process.exit();
}

/**
 * A socket or a slow pipe takes long output in parts, and process.exit() would cut off the rest. No
 * error if the reader is gone.
 */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

void main();
