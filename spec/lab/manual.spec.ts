/** enid(8) has exactly the commands and options of the built program. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { program } from '../../fixtures/enid-process.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/man/enid.8.md'), 'utf8');
/** Of every command, and described once. */
const common = ['--config', '--help', '--version'];

function help(...words: string[]): string {
  return execFileSync(process.execPath, [program, ...words, '--help'], { encoding: 'utf8' });
}

/** First words of the lines of a section of the help text. */
function readSection(text: string, title: string): string[] {
  const [, section = ''] = new RegExp(`^${title}:\\n((?: +.*\\n?)+)`, 'm').exec(text) ?? [];
  return [...section.matchAll(/^ {2}(\S.*?)(?: {2,}|$)/gm)].map(([, words]) => words ?? '');
}

/** `status --json`, `status --watch`, …; a command without options by itself. */
function listOffered(...path: string[]): string[] {
  // The help of `help` is the help of all commands.
  if (path.at(-1) === 'help') return path.length === 1 ? ['help'] : [];
  const text = help(...path);
  const commands = readSection(text, 'Commands').map((words) => words.split(' ')[0] ?? '');
  if (commands.length > 0) return commands.flatMap((name) => listOffered(...path, name));
  return [path.join(' '), ...listOptions(text).map((option) => [...path, option].join(' '))];
}

function listOptions(text: string): string[] {
  const options = readSection(text, 'Options').map((words) => /--[a-z-]+/.exec(words)?.[0] ?? words);
  return options.filter((option) => !common.includes(option));
}

function listDocumented(): string[] {
  const synopsis = page.slice(page.indexOf('## SYNOPSIS'), page.indexOf('## DESCRIPTION'));
  return [...synopsis.matchAll(/^ {4}enid ([a-z]+(?: [a-z]+(?![a-z|]))?)(.*)$/gm)].flatMap(
    ([, path = '', rest = '']) => [path, ...[...rest.matchAll(/--[a-z-]+/g)].map(([option]) => `${path} ${option}`)],
  );
}

const offered = listOffered();

it('the synopsis is what --help says of each command', () => {
  expect(offered.length).toBeGreaterThan(20);
  // A command may have two lines.
  expect([...new Set(listDocumented())].sort()).toEqual([...offered].sort());
});

it('each option is described', () => {
  const described = page.slice(page.indexOf('## COMMANDS'), page.indexOf('## EXIT STATUS'));
  const options = new Set([...offered.flatMap((words) => /--[a-z-]+/.exec(words) ?? []), ...common]);
  expect([...options].filter((option) => !described.includes(`\`${option}\``))).toEqual([]);
});

it('every command with arguments has an example in its help', () => {
  const commands = offered.filter((words) => !words.includes('--'));
  const plain = ['config check', 'config schema', 'help'];
  const others = commands.filter((words) => !plain.includes(words));
  expect(others.filter((words) => !help(...words.split(' ')).includes('Examples:'))).toEqual([]);
});
