import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SafeDirectory } from '../../../lib/file/safe-directory.ts';

let root: string;
const at = (path: string) => join(root, path);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enid-safe-'));
  for (const path of ['roots', 'shared', 'victim']) mkdirSync(at(path));
  chmodSync(at('shared'), 0o1777);
});
afterEach(() => rmSync(root, { recursive: true }));

it('follows a link of root, absolute or not, and none where another could have laid it', () => {
  writeFileSync(at('victim/file'), 'here');
  symlinkSync(at('victim'), at('roots/absolute'));
  symlinkSync('../victim/../victim', at('roots/relative'));
  for (const name of ['absolute', 'relative']) {
    const directory = SafeDirectory.open(at(`roots/${name}`));
    expect(readFileSync(directory.at('file'), 'utf8')).toBe('here');
    directory.close();
  }
  symlinkSync(at('victim'), at('shared/link'));
  expect(() => SafeDirectory.open(at('shared/link'))).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  expect(() => SafeDirectory.open(at('shared/link/below'), { make: true })).toThrow(/link is a symbolic link/);
  symlinkSync(at('roots/loop'), at('roots/loop'));
  expect(() => SafeDirectory.open(at('roots/loop'))).toThrow(expect.objectContaining({ code: 'ELOOP' }));
});

it('stays where it was opened, whatever takes its place', () => {
  mkdirSync(at('shared/folder'));
  const directory = SafeDirectory.open(at('shared/folder'));
  renameSync(at('shared/folder'), at('shared/aside'));
  symlinkSync(at('victim'), at('shared/folder'));
  writeFileSync(directory.at('file'), 'x');
  directory.close();
  expect([existsSync(at('victim/file')), existsSync(at('shared/aside/file'))]).toEqual([false, true]);
});

it('makes what is missing', () => {
  SafeDirectory.open(at('roots/a/b'), { make: true }).close();
  expect(existsSync(at('roots/a/b'))).toBe(true);
  expect(() => SafeDirectory.open(at('roots/c'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
