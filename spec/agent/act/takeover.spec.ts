import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Takeover } from '../../../agent/act/takeover.ts';

let directory: string;
let file: string;
let takeover: Takeover;
const write = (text: string) => ({ kind: 'write', path: file, text, owner: 'root' }) as const;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-takeover-'));
  file = join(directory, 'interfaces');
  takeover = new Takeover(join(directory, 'enid/takeover'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('Takeover', () => {
  it('puts back what was there before the first of two', async () => {
    writeFileSync(file, 'before\n');
    await takeover.apply([write('first\n')], () => undefined);
    await takeover.complete();
    await takeover.apply([write('second\n')], () => undefined);
    expect(readFileSync(file, 'utf8')).toBe('second\n');
    expect(await takeover.undo(() => undefined)).toBeNull();
    expect(readFileSync(file, 'utf8')).toBe('before\n');
    expect(takeover.isTaken).toBe(false);
  });

  it('is undone by another version: the record has the keys of 0.1.0, and those that are not known stay', async () => {
    const record = join(directory, 'enid/takeover/record.json');
    const read = () => JSON.parse(readFileSync(record, 'utf8'));
    writeFileSync(file, 'before\n');
    await takeover.apply([write('first\n')], () => undefined);
    // What agent/act/takeover.ts of 0.1.0 takes, and no key more.
    expect(read()).toEqual({ files: [{ path: file, wasThere: true }], undo: [], undoFirst: [], isComplete: false });
    writeFileSync(record, JSON.stringify({ ...read(), writtenBy: '9.0.0' }));
    await takeover.apply([write('second\n')], () => undefined);
    expect(read().writtenBy).toBe('9.0.0');
    writeFileSync(record, JSON.stringify({ ...read(), format: 2 }));
    await expect(takeover.undo(() => undefined)).rejects.toThrow('a newer version has written it: install that');
    writeFileSync(record, JSON.stringify({ ...read(), format: 1 }));
    expect(await takeover.undo(() => undefined)).toBeNull();
    expect(readFileSync(file, 'utf8')).toBe('before\n');
  });

  it('keeps and puts back no directory: whose it is could lay a link into it meanwhile', async () => {
    mkdirSync(file);
    writeFileSync(join(file, 'x'), 'text\n');
    const remove = { kind: 'remove', path: file } as const;
    await expect(takeover.apply([remove], () => undefined)).rejects.toThrow(
      `failed to keep ${file}: expected a file, got a directory. Move it away`,
    );
    expect(readdirSync(join(directory, 'enid/takeover/files'))).toEqual([]);
    expect(readFileSync(join(file, 'x'), 'utf8')).toBe('text\n');
  });

  it('keeps what was there to itself, but not the directory that the daemon has a place in', async () => {
    await takeover.apply([write('first\n')], () => undefined);
    const modeOf = (name: string) => statSync(join(directory, name)).mode & 0o777;
    expect([modeOf('enid'), modeOf('enid/takeover')]).toEqual([0o755, 0o700]);
  });
});
