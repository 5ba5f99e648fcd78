import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { summarise } from './measurement.ts';
import { replaceResults } from './performance-page.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/proof/performance.md'), 'utf8');
const facts = {
  node: '24.0.0',
  kernel: '6.18',
  systemd: '252',
  processor: '2 cores (X)',
  minutes: 11.7,
  load: 0.42,
  failed: [],
};
const summaries = [
  summarise({ what: 'start', unit: 'ms', samples: [3, 1, 2], bar: { median: 1.5, of: '3 × bare' } }),
  summarise({ what: 'packages', unit: '', samples: [7], peer: { name: 'other', value: 70 } }),
];

it('puts the results of a run in the place of those before, and leaves the rest of the page', () => {
  const once = replaceResults(page, summaries, facts);
  expect(once).toContain('| start | 3 | 2 ms | 3 ms | ≤ 1.5 ms (3 × bare) |  | **no** |');
  expect(once).toContain('| packages | 1 | 7 | 7 |  | 70 |  |');
  expect(once).toContain(
    '12 minutes on 2 cores (X), kernel 6.18, systemd 252, Node.js 24.0.0, at a load of 0.4 before it.',
  );
  expect(once).toContain('1 of 1 bars are missed.\n');
  expect(replaceResults(page, summaries, { ...facts, failed: ['drift', 'size'] })).toContain(
    '1 of 1 bars are missed. Failed, so without a row: drift, size.',
  );
  const [before = '', after = ''] = page.split(/<!-- npm run bench.*<!-- to here -->/s);
  expect(once.startsWith(before)).toBe(true);
  expect(once.endsWith(after)).toBe(true);
  expect(before).toContain('# Performance');
  expect(after).toContain('performance.svg');
  expect(replaceResults(once, summaries, facts)).toBe(once);
});

it('refuses a page without a place for them', () => {
  expect(() => replaceResults('# Performance\n', summaries, facts)).toThrow('expected a page with the lines');
});
