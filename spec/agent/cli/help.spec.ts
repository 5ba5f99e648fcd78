/** What the commands are, for help and completion. */

import { expect, it } from '@jest/globals';
import { Argument, Command, Option } from 'commander';
import { findCommand, helpStyle, listCommands, parseSeconds, wordsCommand } from '../../../agent/cli/help.ts';

function makeProgram(): Command {
  const program = new Command('enid').configureHelp(helpStyle).helpCommand(false);
  program
    .command('status')
    .description('the state')
    .argument('[eni]')
    .option('--json', 'for programs', false)
    .addOption(new Option('-o, --output <format>', 'columns').choices(['wide']))
    .option('--config <file>', 'a file', '/etc/enid/config.yaml');
  const config = program.command('config').description('files');
  config.command('check').description('check them');
  program.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
  program.command('help').argument('[command...]');
  program.command(wordsCommand, { hidden: true });
  return program;
}

it('finds a command by its words, and names the one that was probably meant', () => {
  const program = makeProgram();
  expect(findCommand(program, [])).toBe(program);
  expect(findCommand(program, ['config', 'check'])).toMatchObject({ _name: 'check' });
  expect(findCommand(program, ['statsu'])).toBe("error: unknown command 'statsu'\n(Did you mean status?)");
  expect(findCommand(program, ['config', 'xyzzyx'])).toBe("error: unknown command 'config xyzzyx'");
  expect(findCommand(program, [wordsCommand])).toMatch(/^error: unknown command/);
});

it('lists subcommands, options with their values, and what an argument may be', () => {
  const commands = listCommands(makeProgram(), []);
  const of = (path: string) => commands.find((one) => one.path === path);
  expect(commands.map(({ path }) => path)).toEqual(['', 'status', 'config', 'config check', 'completion', 'help']);
  expect(of('')?.subcommands).toEqual(['status', 'config', 'completion', 'help']);
  expect(of('status')).toMatchObject({
    arguments: ['enis'],
    options: [
      { flags: ['--json'], value: null },
      { flags: ['--output', '-o'], value: ['wide'] },
      { flags: ['--config'], value: 'file' },
      { flags: ['--help', '-h'], value: null },
    ],
  });
  expect(of('completion')?.arguments).toEqual([['bash', 'zsh']]);
  expect(of('help')?.arguments).toEqual([['status', 'config', 'completion', 'help']]);
});

it('an option that is off by default does not say so, a value that holds by default does', () => {
  const help = makeProgram().commands[0]?.helpInformation() ?? '';
  expect(help).toMatch(/--json +for programs\n/);
  expect(help).toMatch(/--output <format> +columns \(wide\)\n/);
  expect(help).toContain('(default: /etc/enid/config.yaml)');
});

it.each([
  ['60', 60],
  ['90s', 90],
  ['5m', 300],
  ['1h', 3_600],
])('a time of %s', (text, seconds) => {
  expect(parseSeconds(text)).toBe(seconds);
});

it.each(['', '5 m', '-1', '1d', '1e9', '99999999'])('no time: %j', (text) => {
  expect(() => parseSeconds(text)).toThrow('Expected seconds');
});
