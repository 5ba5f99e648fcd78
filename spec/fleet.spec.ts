/** docs/fleet.md: its figures are counted, and its alerts are those of the rules. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../agent/report/metrics.ts';
import type { StatusRow } from '../agent/report/status-row.ts';

const docs = join(import.meta.dirname, '../docs');
const page = readFileSync(join(docs, 'fleet.md'), 'utf8');

function makeRow(index: number): StatusRow {
  return {
    ...{ eni: `eni-0123456789abcde${10 + index}`, mac: `06:00:00:00:00:${10 + index}`, link: `ens${5 + index}` },
    ...{ primary: index === 0, device: index, card: 0, state: 'configured', reason: null, table: null },
    ...{ mtuOutside: null, addresses: [], prefixes: [], publicAddresses: {}, networkFile: null },
    ...{ changesPending: 0, lastChange: null, repairs: null, recurringRepairs: [], lastFight: null },
  };
}

async function listSeries(eniCount: number): Promise<string[]> {
  const metrics = new Metrics();
  metrics.update(
    Array.from({ length: eniCount }, (_, index) => makeRow(index)),
    1,
  );
  return (await metrics.render()).split('\n').filter((line) => line.startsWith('enid_'));
}

const rows = [...page.matchAll(/^\| (\d+) \| (\d+) \| (\d+) \|/gm)].map((row) => row.slice(1).map(Number));

it.each(rows)('of %i ENIs %i series are own', async (eniCount, own) => {
  expect(rows.length).toBeGreaterThan(3);
  expect(await listSeries(eniCount)).toHaveLength(own);
});

it('and what is reckoned from them', async () => {
  const perEni = (await listSeries(2)).length - (await listSeries(1)).length;
  const fixed = (await listSeries(1)).length - perEni;
  const buckets = (await listSeries(1)).filter((line) => /^enid_\w+_bucket/.test(line)).length;
  expect(page).toContain(`${fixed}, and ${perEni} for each ENI.`);
  expect(page).toContain(`(of the ${fixed}, ${buckets})`);
  const [, own = 0, all = 0] = rows.find(([eniCount]) => eniCount === 2) ?? [];
  expect(page).toContain(`10 000 hosts with two ENIs are ${own * 10} 000 series through the textfile collector`);
  expect(page).toContain(`${(all / 100).toFixed(2)} million through the port`);
});

it('names alerts that there are, and pages for every one by which packets are lost', () => {
  const { groups } = parse(readFileSync(join(docs, 'metrics/alerts.yaml'), 'utf8'), { merge: true });
  const rules: { alert: string; labels: { severity: string } }[] = groups[0].rules;
  const named = [...new Set(page.match(/\bEnid[A-Z]\w+/g))];
  expect(named.filter((name) => !rules.some(({ alert }) => alert === name))).toEqual([]);
  const critical = rules.filter(({ labels }) => labels.severity === 'critical').map(({ alert }) => alert);
  expect(critical.filter((name) => !named.includes(name))).toEqual([]);
});
