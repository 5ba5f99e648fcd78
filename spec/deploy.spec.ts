/**
 * The recipes of deploy/ are what the parsers of their languages take, HashiCorp's own for Packer
 * and Terraform, and docs/deploy.md has each file. What runs of them: spec/release/recipes.spec.ts.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const listed = execFileSync('git', ['ls-files', 'deploy'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const files = listed.filter((path) => existsSync(join(root, path)));
const filesOf = (pattern: RegExp) => files.filter((path) => pattern.test(path));

/**
 * Which of the texts the parser takes. In a process of its own: the program inside does not end by
 * itself.
 */
function takesHcl(texts: readonly string[]): boolean[] {
  const script = `const { parse } = require('@cdktn/hcl2json');
    const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    Promise.all(texts.map((text) => parse('some.hcl', text).then(() => true, () => false))).then((taken) => {
      console.log(JSON.stringify(taken));
      process.exit();
    })`;
  const input = JSON.stringify(texts);
  const argv = ['--liftoff-only', '-e', script];
  return JSON.parse(execFileSync(process.execPath, argv, { cwd: root, input, encoding: 'utf8' }));
}

const hcl = filesOf(/\.(tf|hcl)$/);

it("HashiCorp's parser takes those for Packer and Terraform, and none with a slip", () => {
  expect(hcl).toHaveLength(2);
  const slips = hcl.map((path) => read(path).replace(/= var\./, '= .'));
  expect(takesHcl([...hcl.map(read), ...slips])).toEqual([true, true, false, false]);
});

it.each(hcl)('%s uses what it declares, and files that there are', (path) => {
  const text = read(path);
  const declared = [...text.matchAll(/^variable "(\w+)"/gm)].map(([, name]) => name);
  const used = [...text.matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name);
  expect([...new Set(used)].sort()).toEqual(declared.sort());
  const named = [...text.matchAll(/\$\{path\.(?:root|module)\}\/([\w./-]+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) expect([name, existsSync(join(root, dirname(path), name))]).toEqual([name, true]);
});

it.each(filesOf(/\.ya?ml$/))('%s is YAML', (path) => {
  expect(parseAllDocuments(read(path)).flatMap(({ errors }) => errors)).toEqual([]);
});

it.each(filesOf(/\.json$/))('%s is JSON', (path) => {
  expect(JSON.parse(read(path))).toBeInstanceOf(Object);
});

it('docs/deploy.md leads to each recipe', () => {
  const page = read('docs/deploy.md');
  const missing = files.filter(
    (path) => !page.includes(`(../${path})`) && !/\/roles\/|verify\.sh$|ssm\/package-/.test(path),
  );
  expect(missing).toEqual([]);
});
