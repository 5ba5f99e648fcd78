/** What a start loads: READY waits for all of it. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
let directory: string;
/**
 * Modules of Node.js that are loaded when the configuration of `enid run` is refused: what it has
 * imported by then.
 */
let loaded: string[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-start-'));
  const program = join(directory, 'program');
  const run = (...argv: string[]) => spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8' });
  const { status, stderr } = run('build.mjs', 'agent/main.ts', program);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const list = join(directory, 'loaded.json');
  const preload = join(directory, 'preload.cjs');
  const write = `require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(process.moduleLoadList))`;
  writeFileSync(preload, `process.on('exit', () => ${write});`);
  const config = join(directory, 'bad.yaml');
  writeFileSync(config, 'hostname: 1\n');
  const refused = run('--require', preload, join(program, 'enid.js'), 'run', '--config', config);
  expect(refused.stderr).toContain('hostname: expected');
  loaded = JSON.parse(readFileSync(list, 'utf8'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it.each(['http', 'https', 'http2', 'tls', 'crypto', 'child_process', 'dgram', 'zlib', 'internal/deps/undici/undici'])(
  'loads no node:%s',
  (name) => {
    expect(loaded).not.toContain(`NativeModule ${name}`);
  },
);

it('loads what it speaks by', () => {
  expect(loaded).toEqual(expect.arrayContaining(['NativeModule fs', 'NativeModule net']));
});
