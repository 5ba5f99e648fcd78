import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FileError, readRegularFile } from '../../../lib/file/read-file.ts';

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
    if (error instanceof FileError) return `${error.code}: ${error.expectation}`;
    if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
    throw error;
  }
  return 'read';
}

test('reads a regular file of at most so many bytes', () => {
  writeFileSync(path, 'grüße');
  expect(readRegularFile(path, { maxBytes: 7 })).toBe('grüße');
  expect(refusalOf(() => readRegularFile(path, { maxBytes: 6 }))).toBe('EFBIG: expected at most 6 bytes, got more');
  writeFileSync(path, '');
  expect(readRegularFile(path, { maxBytes: 0 })).toBe('');
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
      `${one === link ? 'ELOOP' : 'EINVAL'}: expected a regular file, got ${kind}`,
    );
    expect(performance.now() - startMs).toBeLessThan(500);
  }
  await new Promise((resolve) => server.close(resolve));
});

test('follows a link only where it is told to, and looks at what it leads to', () => {
  const target = join(directory, 'target');
  writeFileSync(target, 'text');
  symlinkSync(target, path);
  expect(readRegularFile(path, { maxBytes: 9, followsLinks: true })).toBe('text');
  rmSync(target);
  mkdirSync(target);
  expect(refusalOf(() => readRegularFile(path, { maxBytes: 9, followsLinks: true }))).toContain('a directory');
});

test('refuses the file of a user who is not trusted, and one with a second name', () => {
  writeFileSync(path, 'text');
  const own = process.getuid?.() ?? 0;
  const trust = (id: number) => ({ maxBytes: 9, isTrusted: ({ uid }: { uid: number }) => uid === id });
  expect(readRegularFile(path, trust(own))).toBe('text');
  expect(refusalOf(() => readRegularFile(path, trust(own + 1)))).toBe(`EPERM: expected another owner than user ${own}`);
  linkSync(path, join(directory, 'other'));
  expect(readRegularFile(path, { maxBytes: 9, followsLinks: true })).toBe('text');
  expect(refusalOf(() => readRegularFile(path, { maxBytes: 9 }))).toBe(
    'EINVAL: expected a file with one name, got one with 2',
  );
});

test('reads files of /proc, which have no size, within the same bound', () => {
  expect(readRegularFile('/proc/self/status', { maxBytes: 65_536 })).toContain('CapEff:');
  expect(refusalOf(() => readRegularFile('/proc/self/status', { maxBytes: 100 }))).toContain('EFBIG');
});

test('refuses text that is not UTF-8', () => {
  writeFileSync(path, Buffer.from([0x61, 0xff]));
  expect(refusalOf(() => readRegularFile(path, { maxBytes: 9 }))).toBe('EILSEQ: expected UTF-8 text');
});
