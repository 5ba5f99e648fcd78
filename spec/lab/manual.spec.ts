/** enid(8) has exactly the commands and options of the built program. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { program } from '../../fixtures/enid-process.ts';
import { judgingProgram } from '../../fixtures/vpc/debian-trees.ts';

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

it('no line of a help text is wider than 80 columns, and each command has one line in the list', () => {
  const commands = ['', ...offered.filter((words) => !words.includes('--')), 'config'];
  const wide = commands.flatMap((words) =>
    help(...words.split(' ').filter((word) => word !== ''))
      .split('\n')
      .filter((line) => line.length > 80),
  );
  expect(wide).toEqual([]);
  const list = /\nCommands:\n((?:.+\n)+)/.exec(help())?.[1] ?? '';
  expect(list.split('\n').filter((line) => line !== '' && !/^ {2}\S/.test(line))).toEqual([]);
});

it('an unknown command is named, with the one that was probably meant', () => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/enid.js', 'help', 'statsu'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: unknown command 'statsu'\n\(Did you mean status\?\)\n/);
});

describe.each(['enid.8', 'enid.yaml.5', 'org.enid1.5'])('%s at 80 columns', (name) => {
  const rendered = execFileSync(
    judgingProgram('mandoc'),
    ['-T', 'utf8', '-O', 'width=78', join(import.meta.dirname, '../../dist/man', name)],
    { encoding: 'utf8' },
  );
  // Bold and underlined letters are overstruck.
  const lines = rendered.replaceAll(/.[\b]/gu, '').split('\n');

  it('has no line that a terminal would break', () => {
    expect(lines.filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('has no entity of HTML, and no mark of Markdown or roff', () => {
    const text = lines.join('\n');
    expect(text.match(/&\w+;|\*\*|``|\\f[BIPR]|^\.[A-Z]{1,2}\b/gm) ?? []).toEqual([]);
  });

  it('has no line that ends early although the next word has room', () => {
    const isText = (line: string) => /^ {7,}\S/.test(line);
    const early = lines.filter((line, index) => {
      const next = lines[index + 1] ?? '';
      const indent = /^ */.exec(line)?.[0].length ?? 0;
      const isSame = isText(line) && isText(next) && (/^ */.exec(next)?.[0].length ?? 0) === indent;
      const word = next.trim().split(' ')[0] ?? '';
      // A term, the facts of a key, an example: those end where they end. Commands are literal.
      const isEnd =
        /:$| (?:since )?\d+\.\d+\.\d+\.$|^ *Example: /.test(line) || /^ *Example: /.test(next) || indent === 9;
      return isSame && !isEnd && line.length + 1 + word.length <= 74;
    });
    expect(early).toEqual([]);
  });
});
