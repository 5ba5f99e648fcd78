import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileError, readRegularFile, readTextFile } from '../../../lib/file/read-file.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-read-'));
  path = join(directory, 'file');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Its code, and what it says. */
function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof FileError) return `${error.code}: ${error.message}`;
    if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
    throw error;
  }
  return 'read';
}

test('reads a regular file of at most so many bytes', () => {
  writeFileSync(path, 'grüße');
  expect(readTextFile(path, { maxBytes: 7 })).toBe('grüße');
  expect(refusalOf(() => readTextFile(path, { maxBytes: 6 }))).toBe('too-large: expected at most 6 bytes, got more');
  writeFileSync(path, '');
  expect(readTextFile(path, { maxBytes: 0 })).toBe('');
});

test('says what the system says of a file that is not there', () => {
  expect(refusalOf(() => readRegularFile(path, { maxBytes: 1 }))).toBe('ENOENT');
});

test('refuses at once what is no regular file', async () => {
  const kinds: Record<string, string> = {
    '/dev/zero': 'a device',
    '/dev/ptmx': 'a device',
    [directory]: 'a directory',
  };
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  kinds[fifo] = 'a FIFO';
  const socket = join(directory, 'socket');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  kinds[socket] = 'a socket';
  const link = join(directory, 'link');
  symlinkSync('/etc/hostname', link);
  kinds[link] = 'a symbolic link';
  for (const [one, kind] of Object.entries(kinds)) {
    const startMs = performance.now();
    expect(refusalOf(() => readRegularFile(one, { maxBytes: 100 }))).toBe(
      `not-regular: expected a regular file, got ${kind}`,
    );
    expect(performance.now() - startMs).toBeLessThan(500);
  }
  await new Promise((resolve) => server.close(resolve));
});

test('follows a link only where it is told to, and looks at what it leads to', () => {
  const target = join(directory, 'target');
  writeFileSync(target, 'text');
  symlinkSync(target, path);
  expect(readTextFile(path, { maxBytes: 9, followsLinks: true })).toBe('text');
  rmSync(target);
  mkdirSync(target);
  expect(refusalOf(() => readTextFile(path, { maxBytes: 9, followsLinks: true }))).toContain('a directory');
});

test('refuses the file of another user', () => {
  writeFileSync(path, 'text');
  const own = process.getuid?.() ?? 0;
  expect(readTextFile(path, { maxBytes: 9, owners: [own] })).toBe('text');
  expect(refusalOf(() => readTextFile(path, { maxBytes: 9, owners: [own + 1] }))).toBe(
    `owner: expected a file of user ${own + 1}, got one of user ${own}`,
  );
});

test('reads files of /proc, which have no size, within the same bound', () => {
  expect(readTextFile('/proc/self/status', { maxBytes: 65_536 })).toContain('CapEff:');
  expect(refusalOf(() => readTextFile('/proc/self/status', { maxBytes: 100 }))).toContain('too-large');
});

test('refuses text that is not UTF-8', () => {
  writeFileSync(path, Buffer.from([0x61, 0xff]));
  expect(refusalOf(() => readTextFile(path, { maxBytes: 9 }))).toBe('encoding: expected UTF-8 text');
  expect(readRegularFile(path, { maxBytes: 9 })).toEqual(Buffer.from([0x61, 0xff]));
});
