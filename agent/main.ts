/** Parses argv, loads the configuration, wires and runs. The only process.exit of the program. */

import './run/memory.ts';
import { Argument, Command, Option } from 'commander';
import { escapeLine, escapePicture, escapeText } from '../lib/text/printable.ts';
import type { WordKind } from './cli/complete-words.ts';
import type { Shell } from './cli/completion.ts';
import { examples, findCommand, helpStyle, helpWidth, listCommands, parseSeconds, wordsCommand } from './cli/help.ts';
import type { CommandResult } from './cli/status.ts';
import { type ConfigPlaces, loadConfig, readConfig } from './config/load.ts';
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

/** For a command that looks: what is wrong with the files is told, and is no reason not to. */
async function loadToLook(mainFile: string, look: { asksDaemon: boolean; prefersDaemon: boolean }): Promise<Config> {
  const { loadForLook, renderNotes } = await import('./cli/load-config.ts');
  const { config, notes } = await loadForLook(placesOf(mainFile), look);
  write(process.stderr, renderNotes(notes));
  return config;
}

/** Who names another file asks what it would mean. */
function prefersDaemon({ config }: Pick<Options, 'config'>): boolean {
  return config === defaultConfigFile;
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

/** On a terminal that has colours, and not where https://no-color.org asks for none. */
function isColoured(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
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
    getOutHelpWidth: () => helpWidth,
    getErrHelpWidth: () => helpWidth,
  })
  .description('makes every ENI, IP address and prefix of an EC2 instance work, and keeps it so')
  .version(version)
  .configureHelp(helpStyle)
  .helpCommand(false)
  .showHelpAfterError('(enid --help has commands, options and examples)')
  .showSuggestionAfterError()
  .addHelpText(
    'after',
    examples`
    enid status                      the state of each ENI
    enid status ens6                 all about one
    enid plan                        what would be changed
    enid explain 10.0.1.5            which way its packets take, and why
    enid doctor                      problems of the host, and fixes
    enid report --redact             one file for a bug report
    journalctl -u enid ENI=eni-0a1b  what was changed on one ENI`,
  );

const configOption = () => new Option('--config <file>', 'main configuration file').default(defaultConfigFile);
const jsonOption = () => new Option('--json', 'machine-readable output').default(false);

const fromOption = () => new Option('--from <file>', 'decide from a file of enid report, not from this host');

const noDaemonOption = () => new Option('--no-daemon', 'inspect the host without asking the running daemon');

interface Options {
  readonly config: string;
  readonly json: boolean;
}

interface StatusOptions extends LookOptions {
  readonly watch: boolean;
  readonly fullTime: boolean;
  readonly output?: 'wide';
}

/** Commands that ask the daemon if it is running. */
interface LookOptions extends Options {
  readonly daemon: boolean;
}

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
    const [{ createJournal }, { run }] = await Promise.all([import('./report/journal.ts'), import('./cli/run.ts')]);
    const journal = createJournal({ level: options.debug ? 'debug' : 'info' });
    process.exitCode = await run({
      readConfig: () => readConfig(placesOf(options.config)),
      journal,
      once: options.once,
      debug: options.debug,
    });
  });

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
      const { watchOnTerminal } = await import('./cli/watch-terminal.ts');
      const { loadForLook } = await import('./cli/load-config.ts');
      const look = { asksDaemon, prefersDaemon: prefersDaemon(options) };
      const load = () => loadForLook(placesOf(options.config), look);
      const show = (text: string) => write(process.stdout, text, process.stdout.isTTY ? escapePicture : escapeText);
      return print(await watchOnTerminal({ load, json, asksDaemon, isColoured: isColoured(), write: show }));
    }
    const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: prefersDaemon(options) });
    if (name !== undefined) {
      const { showEni } = await import('./cli/status-eni.ts');
      const look = { json, asksDaemon, isColoured: isColoured(), hasFullTimes: options.fullTime };
      return print(await showEni(config, name, { ...look, places: placesOf(options.config) }), pictureEscape());
    }
    const { showStatus } = await import('./cli/status.ts');
    // 0: a terminal that does not know its size.
    const look = { isColoured: isColoured(), width: process.stdout.columns || undefined };
    const columns = { isWide: options.output === 'wide', hasFullTimes: options.fullTime };
    print(await showStatus(config, { json, asksDaemon, ...look, ...columns }), pictureEscape());
  });

/** With `--from`: null where no other configuration was named. */
async function loadNamed({ config }: Pick<Options, 'config'>): Promise<Config | null> {
  return config === defaultConfigFile ? null : await load(config);
}

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
      const { planFrom } = await import('./cli/from-report.ts');
      const look = { json: options.json, isDetailed: options.detailed, isColoured: isColoured() };
      return print(planFrom({ path: options.from, config: await loadNamed(options), ...look }), pictureEscape());
    }
    const { showPlan } = await import('./cli/status.ts');
    const { json, daemon: asksDaemon } = options;
    const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: false });
    const look = { json, asksDaemon, isDetailed: options.detailed, isColoured: isColoured() };
    print(await showPlan(config, look), pictureEscape());
  });

program
  .command('explain')
  .description('show which way a packet takes, and why')
  .argument('[source]', 'source address of the packet; not with --all')
  .argument('[destination]', 'destination address (default: a host on the Internet)')
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
    enid explain --all                                 does every source leave by its own ENI, to every destination?
    enid explain 10.0.1.5 --from enid-report.json      on another host, by its report`,
  )
  .addOption(fromOption())
  .action(
    async (
      source: string | undefined,
      destination: string | undefined,
      options: LookOptions & { all: boolean; from?: string },
    ) => {
      const { json, daemon: asksDaemon, all, from } = options;
      if (all === (source !== undefined)) return program.error('enid: explain: expected either a source or --all');
      if (from !== undefined && source !== undefined) {
        const { explainFrom } = await import('./cli/from-report.ts');
        return print(explainFrom({ path: from, json, config: await loadNamed(options) }, source, destination));
      }
      if (from !== undefined) return program.error('enid: explain: expected a source with --from, got --all');
      const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: prefersDaemon(options) });
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
  .description('check the host for problems and suggest fixes')
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
    print(await examine(placesOf(options.config), look), pictureEscape());
  });

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
    const { waitForEnis } = await import('./cli/wait.ts');
    const say = (line: string) => write(process.stderr, `${line}\n`);
    print(await waitForEnis({ name: name ?? null, timeoutMs: timeout * 1_000, say }));
  });

program
  .command('report')
  .description('write one file for a bug report')
  .addOption(configOption())
  .option('--output <file>', 'where to; - for stdout (default: enid-report-TIME.json here)')
  .option('--redact', 'replace ids of account, instance, ENIs, subnets and VPC, and public addresses', false)
  .addHelpText(
    'after',
    examples`
    sudo enid report --redact                          a file to attach to a bug report
    enid plan --from enid-report.json                  what enid would change there
    enid explain 10.0.1.5 --from enid-report.json      which way packets take there`,
  )
  .action(async (options: { config: string; output?: string; redact: boolean }) => {
    const { writeReport } = await import('./cli/report.ts');
    const { output = null, redact: redacts } = options;
    print(await writeReport(placesOf(options.config), { output, redacts }));
  });

program
  .command('graph')
  .description('draw the ways of this host')
  .addOption(configOption())
  .addOption(new Option('--format <format>', 'kind of picture').choices(['svg', 'mermaid']).default('svg'))
  .addOption(fromOption())
  .addHelpText(
    'after',
    examples`
    enid graph > ways.svg                              a picture for a browser
    enid graph --format mermaid                        a flowchart for a document or a bug report
    enid graph --from enid-report.json > ways.svg      the ways of another host, from its report`,
  )
  .action(async (options: { config: string; format: 'svg' | 'mermaid'; from?: string }) => {
    const { drawGraph } = await import('./cli/graph.ts');
    const { config: file, format, from = null } = options;
    const named = from === null ? null : await loadNamed(options);
    const look = { asksDaemon: true, prefersDaemon: prefersDaemon(options) };
    print(await drawGraph({ format, from, config: named }, () => loadToLook(file, look)));
  });

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
    const { reloadChecked } = await import('./cli/reload-checked.ts');
    const warn = (text: string) => write(process.stderr, text);
    const isAsked = process.stdin.isTTY === true && process.stderr.isTTY === true && !options.yes;
    print(await reloadChecked(placesOf(options.config), { warn, isAsked }));
  });

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
    const { takeOver } = await import('./cli/takeover.ts');
    const show = (text: string) => write(process.stdout, text);
    const config = await loadToLook(options.config, { asksDaemon: false, prefersDaemon: false });
    print(await takeOver(config, { ...options, write: show }));
  });

const config = program.command('config').description('check and show the configuration');
config
  .command('check')
  .description('validate the configuration files, and name every fault')
  .addOption(configOption())
  .option('--against-host', 'also what a reload would take from the primary ENI', false)
  .action(async (options: { config: string; againstHost: boolean }) => {
    const { checkConfig } = await import('./cli/config.ts');
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
    const { showConfig, showResolved } = await import('./cli/config.ts');
    const places = placesOf(options.config);
    print(options.resolved ? await showResolved(places, { json: options.json }) : showConfig(places));
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

program
  .command('help')
  .description('help on a command')
  .argument('[command...]', 'one of the commands, such as `config check`')
  .action((names: readonly string[]) => {
    const command = findCommand(program, names);
    if (typeof command === 'string') return program.error(command);
    command.outputHelp();
  });

program
  .command(wordsCommand, { hidden: true })
  .addArgument(new Argument('<kind>').choices(['enis', 'addresses']))
  .action(async (kind: WordKind) => {
    const { listWords } = await import('./cli/complete-words.ts');
    print({ stdout: await listWords(kind), stderr: '', exitCode: 0 });
  });

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
