import { describe, expect, it } from '@jest/globals';
import { runCommand } from '../../../lib/process/run-command.ts';

const timeoutMs = 10_000;

describe('runCommand', () => {
  it('has the whole output of each of many that end at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      const results = await Promise.all(
        Array.from({ length: 6 }, () => runCommand(['sh', '-c', 'echo out; echo error >&2; exit 3'], { timeoutMs })),
      );
      for (const result of results) expect(result).toEqual({ code: 3, stdout: 'out\n', stderr: 'error\n' });
    }
  });

  it('does not wait for what a program leaves running', async () => {
    const argv = ['sh', '-c', 'sleep 20 & echo $!'];
    const { code, stdout } = await runCommand(argv, { timeoutMs });
    process.kill(Number(stdout));
    expect(code).toBe(0);
  });

  it('tells why a program could not be started', async () => {
    expect(await runCommand(['/nonexistent'], { timeoutMs: 100 })).toMatchObject({
      code: null,
      stderr: expect.stringContaining('ENOENT'),
    });
  });
});
