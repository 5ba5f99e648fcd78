/** One picture of `enid status --watch`: it never is larger than the screen. */

import { expect, it } from '@jest/globals';
import type { RecentChange } from '../../../agent/report/history.ts';
import { renderWatch } from '../../../agent/report/watch-picture.ts';

const now = new Date('2026-01-02T03:06:10.000Z');
const change: RecentChange = {
  ...{
    time: '2026-01-02T03:04:05.678Z',
    command: 'ip rule add pref 20001 from 10.0.2.0/24 iif lo lookup 10001 protocol 236',
  },
  ...{ reason: 'missing', mac: '06:53:e1:00:00:01', link: 'ens6', repair: 'rule' },
};
const table = ['ENI  LINK', ...Array.from({ length: 40 }, (_, index) => `\x1b[32meni-${index}\x1b[39m  ens${index}`)];

it.each([
  [80, 24],
  [200, 50],
  [20, 5],
])('fits into %d columns and %d lines', (columns, rows) => {
  const recentChanges = Array.from({ length: 10 }, () => change);
  const lines = renderWatch({ notes: ['enid: a note'], table, recentChanges, now }, { columns, rows }).split('\n');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room.
  const widths = lines.map((line) => line.replaceAll(/\x1b\[\d+m/g, '').length);
  expect(lines.length).toBeLessThanOrEqual(rows);
  expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
});

it('has a clock, how to end it, and the last five changes with their age', () => {
  const recentChanges = Array.from({ length: 10 }, () => change);
  const picture = { notes: [], table: ['ENI'], recentChanges, now };
  const lines = renderWatch(picture, { columns: 130, rows: 24 }).split('\n');
  expect(lines[0]).toMatch(/^enid status --watch +2026-01-02 03:06:10 UTC {2}q: quit$/);
  expect(lines[0]).toHaveLength(130);
  expect(lines.slice(-6)).toEqual([
    'Last changes',
    ...Array.from({ length: 5 }, () => `    2m  ens6  ${change.command}  (repaired: missing)`),
  ]);
});

it('knows no changes where no daemon was asked, and says where there were none', () => {
  const screen = { columns: 80, rows: 24 };
  expect(renderWatch({ notes: [], table: ['ENI'], recentChanges: null, now }, screen)).not.toContain('Last changes');
  expect(renderWatch({ notes: [], table: ['ENI'], recentChanges: [], now }, screen)).toContain('none since the daemon');
});
