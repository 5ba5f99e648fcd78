import { expect, it } from '@jest/globals';
import type { WaysCount } from './measurement.ts';
import { replaceWays } from './ways-table.ts';

const begin = '<!-- npm run bench -- --only ways --docs: from here -->';
const page = `before\n${begin}\n\n| old |\n\n<!-- to here -->\nafter\n`;
const count = (shape: string, who: string, lost: number, all = 10): WaysCount => ({
  shape,
  who,
  lost,
  all,
  missing: 0,
});

it('has a column for each, a row for each instance, and keeps the rows that were not counted', () => {
  const ofSeveral = [count('several', 'x by hand', 3, 9), count('several', 'enid', 0), count('several', 'peer 2', 4)];
  const once = replaceWays(page, ofSeveral);
  expect(once).toContain('| instance | ways | enid | peer 2 | x by hand |\n|---|---|---|---|---|');
  expect(once).toContain('| several ENIs | 10 | 0 | 4 | 3 of 9 |');
  const twice = replaceWays(
    once,
    ofSeveral.map((one) => ({ ...one, shape: 'single' })),
  );
  expect(twice).toMatch(/\| one ENI \| 10 \|.*\n\| several ENIs \| 10 \|/);
  expect(twice.startsWith('before\n')).toBe(true);
  expect(twice.endsWith('after\n')).toBe(true);
  // Other columns: the rows of before do not fit.
  expect(replaceWays(once, [count('single', 'enid', 0)])).not.toContain('several');
  expect(() => replaceWays('nothing', ofSeveral)).toThrow('expected a page');
});
