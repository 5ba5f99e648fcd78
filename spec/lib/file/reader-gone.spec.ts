import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { isReaderGone } from '../../../lib/file/reader-gone.ts';

it('tells a pipe without a reader from one with a reader, and from a file', async () => {
  // The shell holds the reading end of the FIFO for as long as it lives.
  const reader = spawn('bash', ['-c', 'd=$(mktemp -d); mkfifo $d/f; exec 3<>$d/f; echo $d/f; sleep 60 3<$d/f'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const [path] = await once(reader.stdout, 'data');
  const fd = openSync(String(path).trim(), 'w');
  expect(isReaderGone(fd)).toBe(false);
  const exit = once(reader, 'exit');
  process.kill(-(reader.pid ?? 0), 'SIGKILL');
  await exit;
  for (let tries = 0; tries < 200 && !isReaderGone(fd); tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isReaderGone(fd)).toBe(true);
  closeSync(fd);
  const file = openSync('/dev/null', 'w');
  expect(isReaderGone(file)).toBe(false);
  closeSync(file);
});
