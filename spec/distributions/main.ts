/**
 * `npm run test:distributions [-- PART …] [--write]`: the rows whose names have one of these parts
 * (`trixie`, `no-polkit`), else all. Prints the table of what it has run; `--write` keeps that in
 * results.json, in the place of what was kept of the same rows, and puts the table of all that is
 * kept into README.md. Exit code 1 where a deed failed.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RowResult, runRow } from './matrix.ts';
import { findTree, nameRow, rows } from './rows.ts';
import { renderTable, replaceTable } from './table.ts';

const root = join(import.meta.dirname, '../..');
const words = process.argv.slice(2).filter((word) => word !== '--write');
const isWritten = process.argv.includes('--write');
const { ENID_MATRIX: trees = '', ENID_MATRIX_PACKAGES: packages = '' } = process.env;

const chosen = rows.filter((row) => words.length === 0 || words.some((word) => nameRow(row).includes(word)));
if (chosen.length === 0) throw new Error(`expected parts of ${rows.map(nameRow).join(' ')}, got ${words.join(' ')}`);
const date = new Date().toISOString().slice(0, 10);
const results: RowResult[] = [];
for (const row of chosen) {
  const name = nameRow(row);
  console.log(`== ${name}`);
  const parts = { tree: findTree(row, trees), packages };
  results.push({ ...(await runRow(row, parts, (text) => console.log(`   ${text}`))), date });
}
console.log(`\n${renderTable(results)}`);
if (isWritten) {
  const path = join(import.meta.dirname, 'results.json');
  const kept: RowResult[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const byName = new Map([...kept, ...results].map((result) => [nameRow(result.row), result]));
  const all = rows.flatMap((row) => byName.get(nameRow(row)) ?? []);
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
  const readme = join(root, 'README.md');
  writeFileSync(readme, replaceTable(readFileSync(readme, 'utf8'), renderTable(all)));
}
if (results.some(({ outcomes }) => Object.values(outcomes).includes('failed'))) process.exitCode = 1;
