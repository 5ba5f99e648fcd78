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

function check() {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(root, '.dependency-cruiser.cjs');
  const env = { ...process.env, NODE_OPTIONS: '' };
  writeFileSync(join(tree, 'tsconfig.json'), '{}');
  return spawnSync(process.execPath, [program, '--config', config, 'agent', 'lib'], {
    cwd: tree,
    encoding: 'utf8',
    env,
  });
}

it('accepts the data flow', () => {
  write(
    'agent/decide/plan.ts',
    "import { thing } from '../model.ts';\nimport '../../lib/ip/cidr.ts';\nexport const plan = thing;\n",
  );
  const { status, stdout } = check();
  expect(stdout).toMatch(/no dependency violations found/);
  expect(status).toBe(0);
});

it.each([
  [
    'decide-is-pure',
    'agent/decide/plan.ts',
    "import { readFileSync } from 'node:fs';\nexport const plan = readFileSync;\n",
  ],
  [
    'decide-is-pure',
    'agent/decide/plan.ts',
    "import { thing } from '../sense/kernel.ts';\nexport const plan = thing;\n",
  ],
  ['sense-is-a-leaf', 'agent/sense/look.ts', "import { thing } from '../act/apply.ts';\nexport const look = thing;\n"],
  ['act-is-a-leaf', 'agent/act/do.ts', "import { thing } from '../sense/kernel.ts';\nexport const act = thing;\n"],
  [
    'report-is-a-leaf',
    'agent/report/tell.ts',
    "import { thing } from '../act/apply.ts';\nexport const tell = thing;\n",
  ],
  [
    'lib-knows-no-program',
    'lib/ip/eni.ts',
    "import { thing } from '../../agent/model.ts';\nexport const eni = thing;\n",
  ],
])('refuses a violation of %s', (rule, file, text) => {
  write(file, text);
  const { status, stdout } = check();
  expect(stdout).toContain(rule);
  expect(status).not.toBe(0);
});
