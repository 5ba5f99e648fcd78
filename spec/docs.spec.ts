/** The documents that name tests name those that there are. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Each `spec/….spec.ts` with the title that follows it, if any; `…` ends a shortened title. */
function listTests(text: string): { file: string; title: string | null }[] {
  return [...text.matchAll(/`(spec\/[\w/.-]+\.spec\.ts)`(?:\s“([^”]+)”)?/g)].map(([, file = '', title]) => ({
    file,
    title: title?.replaceAll(/\s+/g, ' ').replace(/ ?….*/, '') ?? null,
  }));
}

const documents = ['capabilities', 'pains', 'policies', 'promises', 'security'].map((name) => `docs/${name}.md`);

describe.each(documents)('%s', (document) => {
  const tests = listTests(read(document));

  it('names tests', () => {
    expect(tests.length).toBeGreaterThan(10);
  });

  it.each(tests.map(({ file, title }) => [file, title] as const))('%s: %s', (file, title) => {
    expect(existsSync(join(root, file))).toBe(true);
    if (title !== null) expect(read(file)).toContain(title);
  });
});

/** Names of scenarios in a cell: a word in back quotes without a path. */
function listScenarios(cell: string): string[] {
  return [...cell.matchAll(/`([a-z0-9-]+)`/g)].map(([, name = '']) => name);
}

function expectProof(cell: string): void {
  const scenarios = listScenarios(cell);
  expect([cell, listTests(cell).length + scenarios.length]).not.toEqual([cell, 0]);
  for (const name of scenarios)
    expect([name, existsSync(join(root, 'fixtures/scenarios', name))]).toEqual([name, true]);
}

it('docs/capabilities.md has a test or a scenario for whatever enid can do', () => {
  const cells = read('docs/capabilities.md')
    .split('\n')
    .flatMap((line) => (/^\| [^|]+\| y /.test(line) ? [line.split('|')[2] ?? ''] : []));
  expect(cells.length).toBeGreaterThan(25);
  for (const cell of cells) expectProof(cell.replaceAll(/`(eni-|device-)[^`]*`/g, ''));
});

describe('docs/pains.md', () => {
  const rows = read('docs/pains.md')
    .split('\n')
    .filter((line) => /^\| \d/.test(line));

  it('has a test or a scenario for each of the twenty-five', () => {
    expect(rows.map((row) => Number(/^\| (\d+)/.exec(row)?.[1]))).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    for (const row of rows) {
      expectProof(row.split('|').at(-2) ?? '');
    }
  });
});
