import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lockFile } from '../../../lib/file/lock-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('is had by one holder at a time and names its process', async () => {
  const path = join(directory, 'lock');
  const first = await lockFile(path);
  expect(first).not.toBeNull();
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  expect(await lockFile(path)).toBeNull();
  await first?.release();
  const second = await lockFile(path);
  expect(second).not.toBeNull();
  await second?.release();
});

it('ends with a process that is killed', async () => {
  const path = join(directory, 'lock');
  const child = spawn('flock', [path, 'sleep', '60'], { stdio: 'ignore', detached: true });
  let isTaken = false;
  for (let tries = 0; tries < 100 && !isTaken; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const lock = await lockFile(path);
    isTaken = lock === null;
    await lock?.release();
  }
  expect(isTaken).toBe(true);
  // flock(1) and the sleep that inherited its descriptor: the group.
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  let lock = await lockFile(path);
  for (let tries = 0; tries < 100 && lock === null; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    lock = await lockFile(path);
  }
  expect(lock).not.toBeNull();
  await lock?.release();
});
