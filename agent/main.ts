/** Parses argv, wires and runs. The only process.exit of the program. */

import './run/memory.ts';
import { Command } from 'commander';
import { escapeLine } from '../lib/text/printable.ts';
import { addConfig } from './cli/commands/config.ts';
import { addReload, addRun, addTakeover } from './cli/commands/daemon.ts';
import { write } from './cli/commands/output.ts';
import { addPlan, addStatus, addWait } from './cli/commands/state.ts';
import { addDoctor, addExplain, addGraph, addReport } from './cli/commands/ways.ts';
import { addCompletion, addHelp, addWords } from './cli/commands/words.ts';
import { examples, helpStyle, helpWidth } from './cli/help.ts';
import { version } from './version.ts';

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

// In the order of `enid --help`.
for (const add of [
  ...[addRun, addStatus, addPlan, addExplain, addDoctor, addWait, addReport, addGraph],
  ...[addReload, addTakeover, addConfig, addCompletion, addHelp, addWords],
]) {
  add(program);
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
