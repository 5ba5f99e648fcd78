/** The documents that name tests name those that there are. */

import { execFileSync, spawnSync } from 'node:child_process';
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

describe.each([
  'docs/proof/capabilities.md',
  'docs/proof/pains.md',
  'docs/policies.md',
  'docs/proof/promises.md',
  'docs/security.md',
])('%s', (document) => {
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

describe('docs/proof/capabilities.md', () => {
  const lines = read('docs/proof/capabilities.md').split('\n');
  const readTable = (title: string) => {
    const start = lines.findIndex((line) => line.startsWith(`| ${title} |`));
    const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
    return lines.slice(start, end).map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  };
  const [titles = [], , ...rows] = readTable('capability');
  const peers = titles.slice(2);
  /** Peer → letters of its sources. */
  const sources = new Map(
    readTable('peer')
      .slice(2)
      .map(([peer = '', version = '', files = '']) => {
        expect(version).toMatch(/^\d+(\.\d+)+$/);
        return [peer, [...files.matchAll(/(?:^|, )([a-z]) `/g)].map(([, letter = '']) => letter)] as const;
      }),
  );

  it('has the rows and peers that it had', () => {
    expect(rows.length).toBeGreaterThan(45);
    expect(peers).toEqual([...sources.keys()]);
  });

  it.each(rows.map(([capability = '', enid = '']) => [capability, enid]))('enid: %s', (_capability, cell) => {
    // What it cannot do has a way out in the cell.
    if (cell.startsWith('n: ')) return;
    expect(cell).toMatch(/^[yp][ :]/);
    expectProof(cell.replaceAll(/`(eni-|device-)[^`]*`/g, ''));
  });

  it.each(
    rows.flatMap(([capability = '', , ...cells]) => cells.map((cell, at) => [capability, peers[at] ?? '', cell])),
  )('%s, %s: a source', (_capability, peer, cell) => {
    if (cell === '–') return;
    const [, letter = ''] = /^(?:[ypn]\b|pods|own ENIs).* \(([a-z])\)$/.exec(cell) ?? [];
    expect({ cell, isKnown: sources.get(peer)?.includes(letter) }).toEqual({ cell, isKnown: true });
  });
});

describe('docs/proof/pains.md', () => {
  const rows = read('docs/proof/pains.md')
    .split('\n')
    .filter((line) => /^\| \d/.test(line));

  it('has a test or a scenario for each of the twenty-five', () => {
    expect(rows.map((row) => Number(/^\| (\d+)/.exec(row)?.[1]))).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
    for (const row of rows) {
      expectProof(row.split('|').at(-2) ?? '');
    }
  });
});

describe('what pages say is to be typed', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n');

  it.each(pages.filter((page) => existsSync(join(root, page)) && !page.startsWith('fixtures/')))('%s', (page) => {
    const named = [...read(page).matchAll(/npm run (?:-s |--silent )?([a-z][\w:]*)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });

  it('CONTRIBUTING.md names every Debian package that its commands install', () => {
    const list = '. fixtures/setup.sh && echo "$lab_programs $service_programs"';
    const { stdout } = spawnSync('bash', ['-c', list], { cwd: root, encoding: 'utf8' });
    const packages = stdout
      .trim()
      .split(/\s+/)
      .map((pair) => pair.replace(/.*=/, ''));
    expect(packages).toContain('shellcheck');
    const page = read('CONTRIBUTING.md');
    // It comes with dbus.
    const others = packages.filter((name) => !page.includes(name) && name !== 'dbus-daemon');
    expect([...new Set(others)]).toEqual([]);
  });
});
