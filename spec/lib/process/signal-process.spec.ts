/** A signal to a process that is known by more than its number. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { signalProcess } from '../../../lib/process/signal-process.ts';

let child: ChildProcess;
beforeEach(async () => {
  child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
});
afterEach(() => {
  child.kill('SIGKILL');
});

it('reaches the process that is meant', async () => {
  const end = once(child, 'exit');
  expect(await signalProcess(child.pid ?? 0, 'SIGHUP', async () => true)).toBe(true);
  expect(await end).toEqual([null, 'SIGHUP']);
});

it('reaches none that is not meant', async () => {
  expect(await signalProcess(child.pid ?? 0, 'SIGHUP', async () => false)).toBe(false);
  // Still there, for this ends it.
  const end = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await end).toEqual([null, 'SIGTERM']);
});

it('reaches none where the process ends while it is asked for', async () => {
  const isMeant = async () => {
    const end = once(child, 'exit');
    child.kill('SIGKILL');
    await end;
    return true;
  };
  expect(await signalProcess(child.pid ?? 0, 'SIGHUP', isMeant)).toBe(false);
});

it('reaches none where there is no such process', async () => {
  const end = once(child, 'exit');
  child.kill('SIGKILL');
  await end;
  expect(await signalProcess(child.pid ?? 0, 'SIGHUP', async () => true)).toBe(false);
});
