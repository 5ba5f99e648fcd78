/** `npm run vpc`, as a newcomer would use it: commands piped in. */

import { spawn } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { testMs } from './lab.ts';

async function play(lines: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'fixtures/playground.ts'], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
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
