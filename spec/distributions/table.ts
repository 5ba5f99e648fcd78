/** The matrix as a table of Markdown, from results alone. Pure. */

import { deeds } from './deeds.ts';
import type { Outcome, RowResult } from './matrix.ts';
import { chooseTool, nameDistribution } from './rows.ts';

const cells: Readonly<Record<Outcome, string>> = {
  passed: 'yes',
  failed: '**no**',
  refused: 'refused',
  'not run': '–',
};
/** Around the table in README.md. */
const begin = '<!-- npm run test:distributions -->';
const end = '<!-- end of its output -->';

export function renderTable(results: readonly RowResult[]): string {
  const names = deeds.map(({ name }) => name);
  const head = ['host', 'systemd', 'bus', 'polkit', 'IPv6', 'by', ...names, 'run on'];
  const lines = results.map(({ row, systemd, outcomes, date }) => [
    nameDistribution(row.tree),
    systemd,
    row.bus,
    row.polkit,
    row.ipv6,
    chooseTool(row.tree),
    // What the results do not name was not run.
    ...names.map((name) => cells[outcomes[name] ?? 'not run']),
    date ?? 'unknown',
  ]);
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

/**
 * The text with the table in the place of the one between the marks. Throws where they are not
 * there.
 */
export function replaceTable(text: string, table: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected ${begin} and ${end}`);
  return `${text.slice(0, from)}${begin}\n${table}${text.slice(to)}`;
}
