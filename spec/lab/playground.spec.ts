/** `npm run vpc`, as a newcomer would use it: commands piped in. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { testMs } from './lab.ts';

async function play(lines: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'fixtures/playground.ts'], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  return { code: await new Promise((resolve) => child.once('exit', resolve)), output };
}

const awaitConfigured = (count: number) =>
  `for i in $(seq 100); do enid status | grep -q ", ${count} configured" && exit; sleep 0.2; done; exit 1`;

it(
  'attaches, assigns, reaches; a failure is reported and sets the exit code',
  async () => {
    const good = await play(['attach alone', awaitConfigured(2), 'reach', 'enid plan', 'kill', 'reach', 'exit']);
    expect(good.output).toMatch(/✔ 10\.0\.2\.23\n[^✘]*Converged: nothing to change/);
    expect(good.output).not.toContain('✘');
    expect(good.code).toBe(0);

    const bad = await play(['assign alone bogus']);
    expect(bad.output).toMatch(/^assign: expected an address or a prefix, got "bogus"$/m);
    expect(bad.code).toBe(1);
  },
  testMs,
);

it(
  'does what README says of each of its lines',
  async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
    const typed = [...readme.matchAll(/^vpc> ([^#\n]+?) *(?:#.*)?$/gm)].map(([, line = '']) => line);
    expect(typed).toContain('fault 503');
    // A person types more slowly than a pipe, and looks at what is there when it has happened.
    const pauses = [
      [/^attach/, awaitConfigured(2)],
      [/^ip rule/, 'for i in $(seq 100); do enid status | grep -q " [1-9][0-9]*$" && exit; sleep 0.2; done; exit 1'],
      [/^fault/, 'for i in $(seq 100); do enid status 2>&1 | grep -q "got 503" && exit; sleep 0.2; done; exit 1'],
    ] as const;
    const { code, output } = await play(
      typed.flatMap((line) => [line, ...pauses.flatMap(([pattern, pause]) => (pattern.test(line) ? [pause] : []))]),
    );
    expect(output).not.toMatch(/showing a one-off inspection|degraded|✘/);
    expect(output.match(/^✔ /gm)).toHaveLength(9);
    // At once, before anything that was typed.
    expect(output.indexOf('configured: eni-00000000000000001')).toBeLessThan(output.indexOf('vpc> '));
    const [, afterAttach = '', afterRules = '', afterFault = ''] = output.split('vpc> enid status\n');
    for (const text of [afterAttach, afterRules, afterFault]) expect(text).toContain('2 ENIs, 2 configured');
    expect(afterRules).toMatch(/ens6 .* [1-9]\d*\n/);
    expect(afterFault).toMatch(/got 503; nothing is changed/);
    expect(code).toBe(0);
  },
  testMs * 2,
);
