import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeFile, removeLeftovers, writeFileAtomically } from '../../../lib/file/write-file.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enid-file-'));
  path = join(directory, '70-ens6.network');
});
afterEach(() => rm(directory, { recursive: true }));

describe('writeFileAtomically', () => {
  it('writes once, with the mode asked for, and leaves nothing else', async () => {
    expect(await writeFileAtomically(path, 'ä\n', { mode: 0o640, sync: true })).toBe(true);
    const { ino, mtimeNs, mode } = await lstat(path, { bigint: true });
    expect(Number(mode & 0o777n)).toBe(0o640);
    expect(await writeFileAtomically(path, 'ä\n')).toBe(false);
    expect(await lstat(path, { bigint: true })).toMatchObject({ ino, mtimeNs });
    expect(await writeFileAtomically(path, '')).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('');
    expect((await lstat(path)).mode & 0o777).toBe(0o644);
    expect(await readdir(directory)).toEqual(['70-ens6.network']);
  });

  it('replaces a symbolic link and does not write through it', async () => {
    const target = join(directory, 'target');
    await writeFile(target, 'same');
    await symlink(target, path);
    expect(await writeFileAtomically(path, 'same')).toBe(true);
    expect((await lstat(path)).isFile()).toBe(true);
    expect(await writeFileAtomically(path, 'new')).toBe(true);
    expect(await readFile(target, 'utf8')).toBe('same');
  });

  it('leaves the old state and no temporary file when it fails', async () => {
    await mkdir(path);
    await expect(writeFileAtomically(path, 'x')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(directory)).toEqual(['70-ens6.network']);
    await expect(writeFileAtomically(join(directory, 'none', 'x'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('removeFile', () => {
  it('is content with what is gone already', async () => {
    await writeFile(path, 'x');
    expect(await removeFile(path)).toBe(true);
    expect(await removeFile(path)).toBe(false);
    await mkdir(path);
    await expect(removeFile(path)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

describe('removeLeftovers', () => {
  it('takes what a killed writer left for names that begin so, and nothing else', async () => {
    const kept = ['.70-ens6.network.tmp', '.80-x.network.0123456789ab.tmp', '70-ens6.network', 'a.0123456789ab.tmp'];
    for (const name of [...kept, '.70-ens6.network.0123456789ab.tmp']) await writeFile(join(directory, name), '');
    await removeLeftovers(directory, '70-');
    expect((await readdir(directory)).sort()).toEqual(kept.sort());
    await removeLeftovers(join(directory, 'none'));
  });
});
