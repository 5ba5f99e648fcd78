/**
 * Command lines, given to the built program. Invariant: none gets beyond its configuration, which
 * is missing, so that nothing is asked or changed. A process each: a fiftieth of the other readers'
 * inputs.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { nearText } from './mutate.ts';
import { makeTarget, type Target } from './target.ts';

const program = join(import.meta.dirname, '../../dist/enid.js');
const longestMs = 20_000;
const share = 50;

const commands = [
  'explain',
  'plan',
  'status',
  'doctor',
  'config',
  'completion',
  'help',
  'explane',
  '--version',
  '--help',
];
const words = [
  '10.0.1.5',
  '2001:db8::5',
  '--json',
  '--no-daemon',
  '--all',
  'check',
  'show',
  'schema',
  'bash',
  '-h',
  '--',
  '-x=1',
];

function runProgram([command, rest]: readonly [string, readonly string[]]): void {
  // What has a NUL in it is no argument (execve(2)).
  const texts = rest.map((text) => text.replaceAll('\0', ''));
  const argv = [program, command, '--config', '/nonexistent/enid.yaml', ...texts];
  const { status, signal, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    timeout: longestMs,
    env: {},
  });
  const isDeclared = signal === null && status !== null && status <= 2;
  if (!isDeclared || /^\s+at .*:\d+:\d+\)?$/m.test(stderr))
    throw new TypeError(`expected exit code 0, 1 or 2 and no stack, got ${signal ?? status}: ${stderr}`);
}

const target = makeTarget(
  'argv',
  fc.tuple(fc.constantFrom(...commands), fc.array(nearText(words), { maxLength: 4 })),
  runProgram,
);

export const argvTarget: Target = {
  name: target.name,
  run: ({ seed, count }) => target.run({ seed, count: Math.ceil(count / share) }),
};
