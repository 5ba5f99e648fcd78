/** The import rule is seen to fail: on a small tree with one deliberate violation of each kind. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'enid-import-rule-'));
  for (const file of [
    'agent/model.ts',
    'agent/act/apply.ts',
    'agent/sense/kernel.ts',
    'agent/report/text.ts',
    'lib/ip/cidr.ts',
  ]) {
    write(file, 'export const thing = 1;\n');
  }
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

/** The rules that are broken, with the file that breaks each. */
function check(): string[] {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(root, '.dependency-cruiser.cjs');
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  writeFileSync(join(tree, 'tsconfig.json'), '{}');
  const argv = [program, '--config', config, 'agent', 'lib'];
  const { stdout, status } = spawnSync(process.execPath, argv, { cwd: tree, encoding: 'utf8', env });
  expect(stdout).toMatch(/dependency violations/);
  const broken = [...stdout.matchAll(/^ *error (\S+: \S+) → /gm)].map(([, text]) => text ?? '').sort();
  expect(status).toBe(broken.length);
  return broken;
}

it('accepts the data flow', () => {
  write(
    'agent/decide/plan.ts',
    "import { thing } from '../model.ts';\nimport '../../lib/ip/cidr.ts';\nexport const plan = thing;\n",
  );
  expect(check()).toEqual([]);
});

it('refuses every violation', () => {
  write('agent/decide/plan.ts', "import { readFileSync } from 'node:fs';\nexport const plan = readFileSync;\n");
  for (const [file, imported] of [
    ['agent/decide/guess.ts', '../sense/kernel.ts'],
    ['agent/sense/look.ts', '../act/apply.ts'],
    ['agent/act/do.ts', '../sense/kernel.ts'],
    ['agent/report/tell.ts', '../act/apply.ts'],
    ['lib/ip/eni.ts', '../../agent/model.ts'],
  ] as const)
    write(file, `import { thing } from '${imported}';\nexport const other = thing;\n`);
  expect(check()).toEqual([
    'act-is-a-leaf: agent/act/do.ts',
    'decide-is-pure: agent/decide/guess.ts',
    'decide-is-pure: agent/decide/plan.ts',
    'lib-knows-no-program: lib/ip/eni.ts',
    'report-is-a-leaf: agent/report/tell.ts',
    'sense-is-a-leaf: agent/sense/look.ts',
  ]);
});
