import { execFileSync } from 'node:child_process';
import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { readRegularFile } from '../../../lib/file/read-file.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-read-'));
  path = join(directory, 'file');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('reads a file up to its limit', () => {
  writeFileSync(path, 'äb');
  expect(readRegularFile(path, { maxBytes: 3 })).toBe('äb');
  expect(() => readRegularFile(path, { maxBytes: 2 })).toThrow(/at most 2 bytes/);
  expect(() => readRegularFile(path, { maxBytes: 3, isTrusted: () => false })).toThrow(/owner/);
  writeFileSync(path, '');
  expect(readRegularFile(path, { maxBytes: 3 })).toBe('');
});

it.each<[string, () => void, string]>([
  ['a link', () => symlinkSync('/etc/passwd', path), 'ELOOP'],
  ['a link to a device', () => symlinkSync('/dev/zero', path), 'ELOOP'],
  ['a FIFO', () => execFileSync('mkfifo', [path]), 'EINVAL'],
  ['a directory', () => execFileSync('mkdir', [path]), 'EINVAL'],
  ['a device', () => execFileSync('mknod', [path, 'c', '1', '5']), 'EINVAL'],
  [
    'a second name of another file',
    () => {
      writeFileSync(join(directory, 'other'), 'x');
      linkSync(join(directory, 'other'), path);
    },
    'EINVAL',
  ],
])('refuses %s at once', (_name, lay, code) => {
  lay();
  expect(() => readRegularFile(path, { maxBytes: 10 })).toThrow(expect.objectContaining({ code }));
});
