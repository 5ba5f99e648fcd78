/** README's table says what the matrix has seen (results.json), and nothing else. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { RowResult } from './matrix.ts';
import { renderTable, replaceTable } from './table.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, path), 'utf8');

it('README has the table of what was kept', () => {
  const results: RowResult[] = JSON.parse(read('results.json'));
  const readme = read('../../README.md');
  expect(replaceTable(readme, renderTable(results))).toBe(readme);
});

it('says of a deed that was not run that it was not', () => {
  const row = { tree: 'forky', bus: 'dbus-broker', polkit: 'no', ipv6: 'off' } as const;
  const outcomes = { install: 'passed', drift: 'failed' } as const;
  const table = renderTable([
    { row, systemd: '262-1', outcomes, failures: { drift: 'why' }, seconds: 1, date: '2026-11-27' },
  ]);
  expect(table.split('\n')[2]).toBe(
    '| Debian forky | 262-1 | dbus-broker | no | off | apt | yes | – | **no** | – | – | – | – | – | – | 2026-11-27 |',
  );
});

it('does not write where there is no place for it', () => {
  expect(() => replaceTable('text', '')).toThrow('expected');
});
