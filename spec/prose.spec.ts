/**
 * The prose check is seen to fail, for each word and for a long comment, and the repository passes
 * it.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const program = join(import.meta.dirname, 'prose.mjs');
let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'enid-prose-'));
  mkdirSync(join(tree, 'agent'));
});
afterEach(() => rmSync(tree, { recursive: true, force: true }));

/** Exit code and lines of the check over one file. */
function check(file: string, text: string): { code: number | null; lines: string[] } {
  writeFileSync(join(tree, file), text);
  const { stdout, status } = spawnSync(process.execPath, [program, tree], { encoding: 'utf8' });
  return { code: status, lines: stdout.split('\n').filter((line) => line !== '') };
}

it.each([
  ['// It is made anew.', 'anew'],
  ['// As wished.', 'wished'],
  ['// In spite of it.', 'In spite of'],
  ['// The metadata are late.', 'The metadata are'],
  ["const text = '1 errors';", '1 errors'],
])('%s', (line, word) => {
  const { code, lines } = check('agent/one.ts', `const fine = 1;\n${line}\n`);
  expect(code).toBe(1);
  expect(lines).toEqual([expect.stringMatching(`^agent/one\\.ts:2: "${word}": write `)]);
});

it('reads documents, too', () => {
  expect(check('README.md', 'All is as wished.\n').code).toBe(1);
});

it.each([
  '// Written again, as desired; the metadata is late, and 11 errors are left.',
  '// An address of the metadata, and the metadata service, are one thing.',
])('accepts %s', (line) => {
  expect(check('agent/one.ts', `${line}\n`)).toEqual({ code: 0, lines: [] });
});

it('a comment line has as many columns as it has characters', () => {
  const [, columns] = /^const longestComment = (\d+|null);$/m.exec(readFileSync(program, 'utf8')) ?? [];
  const longest = columns === 'null' ? 10_000 : Number(columns);
  expect(check('agent/one.ts', `// ${'é'.repeat(longest - 3)}\n`).code).toBe(0);
  expect(check('agent/one.ts', `// ${'é'.repeat(longest - 2)}\n`).code).toBe(columns === 'null' ? 0 : 1);
  expect(check('agent/one.ts', `const text = '${'e'.repeat(longest)}';\n`).code).toBe(0);
});
