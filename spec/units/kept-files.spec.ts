/** What is kept for the next boot of the files in /run, and what comes back. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const script = readFileSync(join(import.meta.dirname, '../../units/kept-files.sh'), 'utf8');
const ours = '# Written by enid for 06:00:00:00:00:01 (eni-1, device 0, card 0).\n[Match]\n';
let directory: string;
const at = (path: string) => join(directory, path);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-kept-'));
  for (const path of ['kept', 'used']) mkdirSync(at(path));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** `instance`: as the firmware tells it; Xen does not. */
function run(action: 'save' | 'restore', instance = ''): void {
  writeFileSync(at('instance'), `${instance}\n`);
  const text = script
    .replace('/var/lib/enid/network', at('kept'))
    .replace('/run/systemd/network', at('used'))
    .replace('/sys/class/dmi/id/board_asset_tag', at('instance'));
  execFileSync('sh', ['-c', text, 'kept-files', action]);
}

function write(files: { readonly [path: string]: string }): void {
  for (const [path, text] of Object.entries(files)) writeFileSync(at(path), text);
}

it("saves enid's own files, in place of those before", () => {
  write({
    'used/70-ens5.network': `${ours}new`,
    'used/70-blue.netdev': ours,
    'used/10-other.network': '[Match]\n',
    'kept/70-ens5.network': `${ours}old`,
    'kept/70-ens6.network': ours,
    'kept/10-other.network': ours,
    'kept/part': 'cut short',
  });
  run('save');
  expect(readdirSync(at('kept')).sort()).toEqual(['70-blue.netdev', '70-ens5.network']);
  expect(readFileSync(at('kept/70-ens5.network'), 'utf8')).toBe(`${ours}new`);
});

it('saves nothing, and restores nothing, where there is nothing', () => {
  run('save');
  run('restore');
  expect([...readdirSync(at('kept')), ...readdirSync(at('used'))]).toEqual([]);
});

it('restores them, but nothing over a file that is there, and none that a crash has emptied', () => {
  write({
    'kept/70-ens5.network': ours,
    'kept/70-ens6.network': ours,
    'kept/70-ens7.network': '',
    'used/70-ens6.network': '[Match]\n',
  });
  run('restore');
  expect(readdirSync(at('used')).sort()).toEqual(['70-ens5.network', '70-ens6.network']);
  expect(readFileSync(at('used/70-ens6.network'), 'utf8')).toBe('[Match]\n');
});

const emptyUsed = () => {
  rmSync(at('used'), { recursive: true });
  mkdirSync(at('used'));
};

it.each([
  ['the same instance', 'i-0a1', 'i-0a1', ['70-blue.netdev', '70-ens5.network']],
  ['an instance made from an image of it', 'i-0a1', 'i-0b2', []],
  ['a machine that does not tell', 'i-0a1', '', []],
  ['one that did not tell when they were saved', '', 'i-0b2', ['70-blue.netdev', '70-ens5.network']],
])('restores what was saved: %s', (_name, saved, booted, want) => {
  const text = `${ours}PermanentMACAddress=06:00:00:00:00:01\n`;
  write({ 'used/70-ens5.network': text, 'used/70-blue.netdev': ours });
  run('save', saved);
  const first = readFileSync(at('kept/70-ens5.network'), 'utf8');
  run('save', saved);
  expect(readFileSync(at('kept/70-ens5.network'), 'utf8')).toBe(first);
  emptyUsed();
  run('restore', booted);
  expect(readdirSync(at('used')).sort()).toEqual(want);
  if (want.length > 0) expect(readFileSync(at('used/70-ens5.network'), 'utf8')).toBe(text);
  // What the new instance saves is its own.
  write({ 'used/70-ens5.network': `${text}new\n` });
  run('save', booted);
  emptyUsed();
  run('restore', booted);
  expect(readFileSync(at('used/70-ens5.network'), 'utf8')).toBe(`${text}new\n`);
});
