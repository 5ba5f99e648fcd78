/**
 * What is executed lies where SELinux policies have programs: init_t would execute lib_t in its own
 * domain, without execmem.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findFileType, policies } from '../../fixtures/file-contexts.ts';

const units = join(import.meta.dirname, '../../units');
const read = (name: string) => readFileSync(join(units, name), 'utf8');

function listExecuted(): string[] {
  const started = readdirSync(units)
    .filter((name) => name.endsWith('.service'))
    .flatMap((name) => [...read(name).matchAll(/^Exec\w+=[-+@!:]*(\S+)/gm)].map(([, path = '']) => path));
  const installed = [...read('install.sh').matchAll(/^\s*put 755 \S+ (\S+)$/gm)].map(([, path = '']) => path);
  return [...new Set([...started, ...installed])];
}

describe.each(Object.keys(policies) as (keyof typeof policies)[])('by the policy of %s', (name) => {
  it('everything that is executed is bin_t', () => {
    const executed = listExecuted();
    expect(executed).toEqual(expect.arrayContaining(['/usr/bin/enid', '/usr/libexec/enid/enid.js']));
    for (const path of executed) expect([path, findFileType(path, policies[name])]).toEqual([path, 'bin_t']);
  });
});

it('says what selabel_lookup said of these paths with the whole policy of Fedora', () => {
  const label = (path: string) => findFileType(path, policies.fedora);
  expect(label('/usr/lib/enid/node')).toBe('lib_t');
  // A folder of this name is none for programs there: `/usr/lib/.*` is the more specific pattern.
  expect(label('/usr/lib/enid/bin/node')).toBe('lib_t');
  expect(label('/usr/libexec/enid/node')).toBe('bin_t');
  expect(label('/usr/lib/systemd/system/enid.service')).toBe('systemd_unit_file_t');
});
