/** Commands that explain: which way packets take, what is wrong with the host, a file of it all. */

import { type Command, Option } from 'commander';
import { examples } from '../help.ts';
import {
  configOption,
  fromOption,
  jsonOption,
  type LookOptions,
  loadNamed,
  loadToLook,
  noDaemonOption,
  type Options,
  placesOf,
  prefersDaemon,
} from './options.ts';
import { isColoured, print, printPicture } from './output.ts';

export function addExplain(program: Command): void {
  program
    .command('explain')
    .description('show which way a packet takes, and why')
    .argument('[source]', 'source address of the packet; not with --all')
    .argument('[destination]', 'destination address (default: a host on the Internet)')
    .option('--all', 'show the ways of every source of every ENI, as a table', false)
    .option('--reply', 'of an answer of a published port (DNAT) at the source address', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(noDaemonOption())
    .addHelpText(
      'after',
      examples`
      enid explain 10.0.1.5                              where do packets from 10.0.1.5 leave?
      enid explain 10.0.1.5 172.17.0.2                   and packets to a container?
      enid explain 2001:db8::5                           the same for IPv6
      enid explain 10.0.1.5 198.51.100.10 --reply        how does a container answer what came to 10.0.1.5?
      enid explain --all                                 does every source leave by its own ENI, to every destination?
      enid explain 10.0.1.5 --from enid-report.json      on another host, by its report`,
    )
    .addOption(fromOption())
    .action(
      async (
        source: string | undefined,
        destination: string | undefined,
        options: LookOptions & { all: boolean; reply: boolean; from?: string },
      ) => {
        const { json, daemon: asksDaemon, all, reply: isReply, from } = options;
        if (isReply && (all || from !== undefined))
          return program.error('enid: explain: expected --reply without --all and --from');
        if (all === (source !== undefined)) return program.error('enid: explain: expected either a source or --all');
        if (from !== undefined && source !== undefined) {
          const { explainFrom } = await import('../from-report.ts');
          return print(explainFrom({ path: from, json, config: await loadNamed(options) }, source, destination));
        }
        if (from !== undefined) return program.error('enid: explain: expected a source with --from, got --all');
        const config = await loadToLook(options.config, { asksDaemon, prefersDaemon: prefersDaemon(options) });
        if (source === undefined) {
          const { explainAll } = await import('../ways.ts');
          return print(await explainAll(config, { json }));
        }
        const { explain } = await import('../explain.ts');
        print(await explain(config, source, destination, { json, asksDaemon, isReply }));
      },
    );
}

export function addDoctor(program: Command): void {
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
      const { examine } = await import('../doctor.ts');
      const look = { json: options.json, isColoured: isColoured() };
      printPicture(await examine(placesOf(options.config), look));
    });
}

export function addReport(program: Command): void {
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
      const { writeReport } = await import('../report.ts');
      const { output = null, redact: redacts } = options;
      print(await writeReport(placesOf(options.config), { output, redacts }));
    });
}

export function addGraph(program: Command): void {
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
      const { drawGraph } = await import('../graph.ts');
      const { config: file, format, from = null } = options;
      const named = from === null ? null : await loadNamed(options);
      const look = { asksDaemon: true, prefersDaemon: prefersDaemon(options) };
      print(await drawGraph({ format, from, config: named }, () => loadToLook(file, look)));
    });
}
