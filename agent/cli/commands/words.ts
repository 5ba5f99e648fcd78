/** Help on the commands, and their completion in a shell. */

import { Argument, type Command } from 'commander';
import type { WordKind } from '../complete-words.ts';
import type { Shell } from '../completion.ts';
import { examples, findCommand, listCommands, wordsCommand } from '../help.ts';
import { print } from './output.ts';

export function addCompletion(program: Command): void {
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
      const { renderCompletion } = await import('../completion.ts');
      print({ stdout: renderCompletion(shell, listCommands(program, [])), stderr: '', exitCode: 0 });
    });
}

export function addHelp(program: Command): void {
  program
    .command('help')
    .description('help on a command')
    .argument('[command...]', 'one of the commands, such as `config check`')
    .action((names: readonly string[]) => {
      const command = findCommand(program, names);
      if (typeof command === 'string') return program.error(command);
      command.outputHelp();
    });
}

export function addWords(program: Command): void {
  program
    .command(wordsCommand, { hidden: true })
    .addArgument(new Argument('<kind>').choices(['enis', 'addresses']))
    .action(async (kind: WordKind) => {
      const { listWords } = await import('../complete-words.ts');
      print({ stdout: await listWords(kind), stderr: '', exitCode: 0 });
    });
}
