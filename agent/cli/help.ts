/** Help texts, and what the commands are: for `help`, `--help` and the completion of shells. */

import { type Command, type Help, InvalidArgumentError, Option } from 'commander';
import { suggestWord } from '../config/suggest.ts';
import type { CommandWords, ValueKind } from './completion.ts';

/** Hidden: `enid complete-words enis|addresses` prints what this host has, one a line. */
export const wordsCommand = 'complete-words';

export const helpWidth = 80;

/**
 * The list of commands fits into the width, and an option that is off by default does not say so.
 */
export const helpStyle: Partial<Help> = {
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(nameArgument)].join(' '),
  optionDescription: ({ description, argChoices, defaultValue }) => {
    const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
    const fallback = defaultValue === undefined || defaultValue === false ? '' : ` (default: ${String(defaultValue)})`;
    return `${description}${choices}${fallback}`;
  },
};

function nameArgument(argument: Command['registeredArguments'][number]): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/**
 * Each line is a command and, behind two spaces or more, what it is for: side by side where that
 * fits into 80 columns, else below.
 */
export function examples(text: TemplateStringsArray): string {
  const pairs = text
    .join('')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/ {2,}/));
  const width = Math.max(...pairs.map(([command = '', what]) => (what === undefined ? 0 : command.length)));
  const areBeside = pairs.every(
    ([command = '', what = '']) => 2 + Math.max(width, command.length) + 2 + what.length <= helpWidth,
  );
  const lines = pairs.map(([command = '', what]) => {
    if (what === undefined) return `  ${command}`;
    return areBeside ? `  ${command.padEnd(width)}  ${what}` : `  ${command}\n      ${what}`;
  });
  return `\nExamples:\n${lines.join('\n')}`;
}

/** `60`, or with a unit: `60s`, `5m`. */
export function parseSeconds(text: string): number {
  const [, number = '', unit = 's'] = /^(\d{1,6})(s|m|h)?$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('Expected seconds, such as 60, or 5m.');
  return Number(number) * { s: 1, m: 60, h: 3_600 }[unit as 's' | 'm' | 'h'];
}

/** The command of these words; text: there is none, for the operator. */
export function findCommand(program: Command, names: readonly string[]): Command | string {
  let command = program;
  for (const name of names) {
    const known = command.commands.filter((one) => one.name() !== wordsCommand);
    const next = known.find((one) => one.name() === name);
    if (next === undefined) {
      const meant = suggestWord(
        name,
        known.map((one) => one.name()),
      );
      return `error: unknown command '${names.join(' ')}'${meant === null ? '' : `\n(Did you mean ${meant}?)`}`;
    }
    command = next;
  }
  return command;
}

export function listCommands(command: Command, path: readonly string[]): CommandWords[] {
  const children = command.commands.filter((one) => one.name() !== wordsCommand);
  const here: CommandWords = {
    path: path.join(' '),
    description: command.description(),
    subcommands: listNames(command),
    arguments: command.registeredArguments.map((one) =>
      one.name() === 'command' ? listNames(command.parent) : findKind(one.name(), one.argChoices),
    ),
    options: [...command.options, new Option('-h, --help', 'help on the command')].map((option) => ({
      flags: [option.long, option.short].flatMap((flag) => flag ?? []),
      description: option.description,
      value: option.required ? findKind(option.attributeName(), option.argChoices) : null,
    })),
  };
  return [here, ...children.flatMap((one) => listCommands(one, [...path, one.name()]))];
}

function listNames(command: Command | null): string[] {
  return (command?.commands ?? []).map((one) => one.name()).filter((name) => name !== wordsCommand);
}

function findKind(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return choices;
  const kinds: Readonly<Record<string, ValueKind>> = {
    ...{ config: 'file', from: 'file', output: 'file', eni: 'enis', source: 'addresses', destination: 'addresses' },
  };
  return kinds[name] ?? 'none';
}
