/** `enid reload` where there is no bus: a signal to the holder of the lock, and its answer. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { reload } from '../../../agent/cli/reload.ts';
import { defaultConfig } from '../../../agent/config/defaults.ts';

let directory: string;
let holder: ChildProcess | null;
const busBefore = process.env['DBUS_SYSTEM_BUS_ADDRESS'];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-reload-'));
  holder = null;
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${directory}/no-bus`;
});
afterEach(() => {
  holder?.kill('SIGKILL');
  rmSync(directory, { recursive: true });
  if (busBefore === undefined) delete process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  else process.env['DBUS_SYSTEM_BUS_ADDRESS'] = busBefore;
});

async function startHolder(...answer: string[]): Promise<void> {
  const { NODE_OPTIONS: _jestOnly, ...env } = process.env;
  const script = join(import.meta.dirname, 'holder.ts');
  const argv = ['--import', 'tsx', script, directory, ...answer];
  holder = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  if (holder.stdout !== null) await once(holder.stdout, 'data');
}

const run = () => reload({ ...defaultConfig, runtimeDirectory: directory });

it('is done when the daemon says so, and says what it did', async () => {
  await startHolder();
  expect(await run()).toEqual({ stdout: 'reloaded: 12 changes\n', stderr: '', exitCode: 0 });
});

it('says where the metadata could not be read, and is done', async () => {
  await startHolder('', 'got 503');
  const { stderr, exitCode } = await run();
  const message = 'metadata unreadable (got 503): using what was known at 2026-01-02 03:04:05 UTC';
  expect([stderr, exitCode]).toEqual([`enid: ${message}\n`, 0]);
});

it('fails where the kernel refused a change', async () => {
  await startHolder('', 'fails');
  const { stdout, stderr, exitCode } = await run();
  expect([stdout, exitCode]).toEqual(['reloaded: 1 change\n', 1]);
  expect(stderr).toContain('enid: 2 changes failed. See: enid plan, journalctl -u enid\n');
});

it('fails with why the configuration was refused', async () => {
  await startHolder('config.yaml:1: bad', 'got 503');
  expect(await run()).toEqual({ stdout: '', stderr: 'enid: config.yaml:1: bad\n', exitCode: 1 });
});

it('fails where the daemon ends meanwhile', async () => {
  await startHolder('end');
  expect(await run()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ended during the reload') });
});

it('signals nobody where nobody holds the lock, whatever number is in it', async () => {
  const other = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(other, 'spawn');
  writeFileSync(join(directory, 'lock'), `${other.pid}\n`);
  expect(await run()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no daemon runs') });
  const end = once(other, 'exit');
  other.kill('SIGTERM');
  expect(await end).toEqual([null, 'SIGTERM']);
});
