/**
 * The workflows run nothing that can change under its name, with no more rights than they need, and
 * only commands that there are.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const directory = join(root, '.github/workflows');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

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

  it('runs scripts of package.json', () => {
    const lines = [...steps.map(({ run = '' }) => run), ...Object.values(jobs).flatMap(listMatrix)];
    const named = lines.flatMap((line) => [...line.matchAll(/npm run ([\w:]+)|^([\w]+:[\w]+)/gm)]);
    // The site has scripts of its own.
    const known = [...Object.keys(scripts), 'build'];
    for (const [, script, tier] of named) expect(known).toContain(script ?? tier);
  });
});

function listMatrix({ strategy }: Job): readonly string[] {
  return Object.values(strategy?.matrix ?? {}).flat();
}
