/**
 * The import rule is seen to fail: on a small tree of all rooms, with one deliberate violation of
 * each kind.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const config = join(root, '.dependency-cruiser.cjs');
const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
let tree: string;

/**
 * A file of each room, from the lowest one up: a file may import those before it in its own row and
 * all rows above.
 */
const layers = [
  ['lib/ip/cidr.ts'],
  ['agent/model.ts'],
  ['agent/config/types.ts'],
  ['agent/sense/kernel.ts', 'agent/act/apply.ts', 'agent/report/text.ts'],
  ['agent/watch/links.ts'],
  ['agent/run/daemon.ts'],
  ['agent/cli/status.ts'],
];
const steps = ['base/memo.ts', 'inputs/routers.ts', 'desired/eni.ts', 'diff/rules.ts', 'explain/ways.ts'];
const decisions = steps.map((file) => `agent/decide/${file}`);
const everyRoom = [...layers.flat(), ...decisions, 'agent/decide/takeover/netplan.ts'];

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'enid-import-rule-'));
  for (const file of everyRoom) write(file, 'export const thing = 1;\n');
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  writeFileSync(join(tree, file), text);
}

/** The rules that are broken, with the file that breaks each. */
function check(): string[] {
  writeFileSync(join(tree, 'tsconfig.json'), '{}');
  const argv = [program, '--config', config, 'agent', 'lib'];
  const { stdout, status } = spawnSync(process.execPath, argv, { cwd: tree, encoding: 'utf8', env });
  expect(stdout).toMatch(/dependency violations/);
  const broken = [...stdout.matchAll(/^ *error (\S+: \S+) → /gm)].map(([, text]) => text ?? '').sort();
  expect(status).toBe(broken.length);
  return broken;
}

function importOf(file: string, imported: string): string {
  const path = relative(dirname(file), imported);
  return `import { thing } from '${path.startsWith('.') ? path : `./${path}`}';\nexport const other = thing;\n`;
}

it('accepts what each room may import', () => {
  const writeImports = (file: string, lower: readonly string[]) => {
    for (const [place, imported] of lower.entries())
      write(file.replace('.ts', `-${place}.ts`), importOf(file, imported));
  };
  for (const [index, files] of layers.entries()) {
    // Neither lib nor the model imports anything of the program; its own row is not below it.
    if (index > 1) for (const file of files) writeImports(file, layers.slice(0, index).flat());
  }
  for (const [index, file] of decisions.entries())
    writeImports(file, ['lib/ip/cidr.ts', 'agent/model.ts', ...decisions.slice(0, index)]);
  write('agent/decide/decider.ts', importOf('agent/decide/decider.ts', 'agent/decide/explain/ways.ts'));
  write('agent/run/pass.ts', importOf('agent/run/pass.ts', 'agent/decide/decider.ts'));
  expect(check()).toEqual([]);
});

it('refuses every import of a higher room, I/O in a decision, and files without a room', () => {
  const violations: readonly (readonly [rule: string, file: string, imported: string])[] = [
    ['act-imports-lower-rooms', 'agent/act/1.ts', 'agent/sense/kernel.ts'],
    ['act-imports-lower-rooms', 'agent/act/2.ts', 'agent/watch/links.ts'],
    ['act-imports-lower-rooms', 'agent/act/3.ts', 'agent/run/daemon.ts'],
    ['config-imports-lower-rooms', 'agent/config/1.ts', 'agent/sense/kernel.ts'],
    ['decide-base-imports-earlier-steps', 'agent/decide/base/1.ts', 'agent/decide/inputs/routers.ts'],
    ['decide-desired-imports-earlier-steps', 'agent/decide/desired/1.ts', 'agent/decide/diff/rules.ts'],
    ['decide-diff-imports-earlier-steps', 'agent/decide/diff/1.ts', 'agent/decide/explain/ways.ts'],
    ['decide-explain-imports-earlier-steps', 'agent/decide/explain/1.ts', 'agent/decide/takeover/netplan.ts'],
    ['decide-inputs-imports-earlier-steps', 'agent/decide/inputs/1.ts', 'agent/decide/desired/eni.ts'],
    ['decide-is-pure', 'agent/decide/desired/2.ts', 'agent/sense/kernel.ts'],
    ['decide-takeover-imports-earlier-steps', 'agent/decide/takeover/1.ts', 'agent/decide/explain/ways.ts'],
    ['every-decision-has-a-step', 'agent/run/1.ts', 'agent/decide/loose.ts'],
    ['every-file-has-a-room', 'agent/run/2.ts', 'agent/loose.ts'],
    ['lib-knows-no-program', 'lib/ip/1.ts', 'agent/model.ts'],
    ['model-is-data', 'agent/takeover-model.ts', 'agent/config/types.ts'],
    ['report-imports-lower-rooms', 'agent/report/1.ts', 'agent/act/apply.ts'],
    ['report-imports-lower-rooms', 'agent/report/2.ts', 'agent/decide/diff/rules.ts'],
    ['report-imports-lower-rooms', 'agent/report/3.ts', 'agent/run/daemon.ts'],
    ['run-imports-lower-rooms', 'agent/run/3.ts', 'agent/cli/status.ts'],
    ['sense-imports-lower-rooms', 'agent/sense/1.ts', 'agent/act/apply.ts'],
    ['sense-imports-lower-rooms', 'agent/sense/2.ts', 'agent/decide/diff/rules.ts'],
    ['sense-imports-lower-rooms', 'agent/sense/3.ts', 'agent/watch/links.ts'],
    ['watch-imports-lower-rooms', 'agent/watch/1.ts', 'agent/run/daemon.ts'],
    ['watch-imports-lower-rooms', 'agent/watch/2.ts', 'agent/cli/status.ts'],
  ];
  for (const file of ['agent/loose.ts', 'agent/decide/loose.ts']) write(file, 'export const thing = 1;\n');
  for (const [, file, imported] of violations) write(file, importOf(file, imported));
  write('agent/decide/diff/2.ts', "import { readFileSync } from 'node:fs';\nexport const other = readFileSync;\n");
  const found = [...violations.map(([rule, file]) => `${rule}: ${file}`), 'decide-is-pure: agent/decide/diff/2.ts'];
  expect(check()).toEqual(found.sort());
});

/** `UPDATE_DOCS=1` puts it there. */
it('is drawn in docs/architecture.md as dependency-cruiser sees the rooms', () => {
  const rooms = '^agent/decide/[^/.]+(?=/)|^agent/[^/.]+(?=/)';
  const shared = '^agent/((takeover-)?model|errors|version)[.]ts$';
  const selection = ['--include-only', '^agent/', '--exclude', shared, '--collapse', rooms];
  const argv = [program, '--config', config, ...selection, '--output-type', 'mermaid', 'agent'];
  const { stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8', env });
  expect(stdout).toContain('flowchart');
  const page = join(root, 'docs/architecture.md');
  const text = readFileSync(page, 'utf8');
  const drawn = text.replace(/```mermaid\n[^`]*```/, () => `\`\`\`mermaid\n${stdout.trim()}\n\`\`\``);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, drawn);
  else expect(text).toBe(drawn);
});
