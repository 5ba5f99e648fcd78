import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { lockFile, readLockHolder } from '../../../lib/file/lock-file.ts';

let directory: string;
let path: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-lock-'));
  path = join(directory, 'lock');
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) await end();
  child = null;
  rmSync(directory, { recursive: true, force: true });
});

/** Another process that has the lock, by Python's own fcntl. */
async function hold(): Promise<number> {
  const program = `import fcntl, time; f = open(${JSON.stringify(path)}, "a"); fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); time.sleep(60)`;
  child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child?.stdout?.once('data', resolve));
  return child.pid ?? 0;
}

async function end(): Promise<void> {
  const exit = new Promise((resolve) => child?.once('exit', resolve));
  child?.kill('SIGKILL');
  await exit;
}

it('is had by one process at a time; the kernel says which, until that one is killed', async () => {
  expect(await readLockHolder(path)).toBeNull();
  const processId = await hold();
  expect(await lockFile(path)).toBeNull();
  expect(await readLockHolder(path)).toBe(processId);
  await end();
  expect(await readLockHolder(path)).toBeNull();
  const lock = await lockFile(path);
  expect(lock).not.toBeNull();
  const rival = `import fcntl; fcntl.lockf(open(${JSON.stringify(path)}, "a"), fcntl.LOCK_EX | fcntl.LOCK_NB)`;
  expect(() => execFileSync('python3', ['-c', rival], { stdio: 'pipe' })).toThrow(/BlockingIOError/);
  await lock?.release();
  execFileSync('python3', ['-c', rival]);
});

it('a number in the file says nothing', async () => {
  writeFileSync(path, `${process.ppid}\n`);
  expect(await readLockHolder(path)).toBeNull();
});

it('is for its owner alone, also where an earlier version made it', async () => {
  const lock = await lockFile(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await lock?.release();
  chmodSync(path, 0o644);
  await (await lockFile(path))?.release();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it.each<[string, () => void]>([
  ['a link', () => symlinkSync(join(directory, 'victim'), path)],
  ['a FIFO', () => execFileSync('mkfifo', [path])],
])('is refused where it is %s, at once', async (_name, lay) => {
  writeFileSync(join(directory, 'victim'), 'precious');
  lay();
  await expect(lockFile(path)).rejects.toThrow(/ELOOP|regular file|ENXIO/);
  await expect(readLockHolder(path)).rejects.toThrow(/ELOOP|regular file/);
  expect(readFileSync(join(directory, 'victim'), 'utf8')).toBe('precious');
});
