/** The metrics, and that the alerts, the dashboard and the documentation speak of metrics that there are. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../../../agent/report/metrics.ts';
import type { StatusRow } from '../../../agent/report/status-table.ts';

const docs = join(import.meta.dirname, '../../../docs');
const row: StatusRow = {
  eni: 'eni-1',
  mac: '06:00:00:00:00:01',
  link: 'ens5',
  primary: true,
  device: 0,
  card: 0,
  state: 'configured',
  reason: null,
  table: null,
  addresses: [],
  prefixes: [],
  publicAddresses: {},
  networkFile: null,
  changesPending: 2,
  lastChange: null,
  repairs: null,
};

async function readNames(): Promise<Set<string>> {
  const text = await new Metrics().render();
  return new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name ?? ''));
}

function listUsed(text: string): string[] {
  const names = [...text.matchAll(/\b(?:enid|process)_[a-z_]+[a-z]\b/g)].map(([name]) =>
    name.replace(/_(bucket|count|sum)$/, ''),
  );
  return [...new Set(names)];
}

describe('the metrics', () => {
  it('tell the state of each ENI, and forget one that is gone', async () => {
    const metrics = new Metrics();
    metrics.update([row, { ...row, eni: 'eni-2', link: null, state: 'waiting' }], 4);
    expect(await metrics.render()).toContain('enid_eni_state{eni="eni-2",interface="",state="waiting"} 1');
    metrics.update([row], 4);
    const text = await metrics.render();
    expect(text).not.toContain('eni-2');
    expect(text).toContain('enid_eni_state{eni="eni-1",interface="ens5",state="degraded"} 0');
    expect(text).toContain('enid_changes_pending 2');
    expect(text).toContain('enid_pass_duration_seconds_bucket{le="0.005"} 2');
  });

  it('count what happens', async () => {
    const metrics = new Metrics();
    metrics.observe({ kind: 'change', change: 'add-rule', isFailure: true, repair: null });
    metrics.observe({ kind: 'change', change: 'add-route', isFailure: false, repair: 'route' });
    metrics.observe({ kind: 'fight' });
    metrics.observe({ kind: 'events-lost' });
    for (const outcome of ['value', 'absent', 'value']) metrics.observe({ kind: 'metadata-request', outcome });
    metrics.observe({ kind: 'metadata-read', failure: 'timeout', durationMs: 5_000 });
    const text = await metrics.render();
    for (const line of [
      'enid_changes_total{kind="add-rule",result="failed"} 1',
      'enid_repairs_total{kind="route"} 1',
      'enid_repairs_total{kind="rule"} 0',
      'enid_fights_total 1',
      'enid_kernel_events_lost_total 1',
      'enid_metadata_requests_total{outcome="value"} 2',
      'enid_metadata_read_failures_total{kind="timeout"} 1',
      'enid_metadata_last_read_timestamp_seconds 0',
      'enid_metadata_read_duration_seconds_count 0',
    ])
      expect(text.split('\n')).toContain(line);
  });
});

it('are written for node-exporter, without names that are its own', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'enid-metrics-'));
  const metrics = new Metrics();
  const problems: unknown[] = [];
  try {
    metrics.update([row], 4);
    await metrics.writeTextfile(join(directory, 'enid.prom'), (problem) => problems.push(problem));
    const text = readFileSync(join(directory, 'enid.prom'), 'utf8');
    expect(text).toContain('enid_eni_state{eni="eni-1",interface="ens5",state="configured"} 1\n');
    expect(text).not.toMatch(/^(process|nodejs)_/m);
    expect(problems).toEqual([]);
    metrics.close();
    await metrics.writeTextfile(join(directory, 'missing/enid.prom'), (problem) => problems.push(problem));
    expect(problems).toMatchObject([{ code: 'ENOENT' }]);
  } finally {
    metrics.close();
    rmSync(directory, { recursive: true });
  }
});

it.each(['metrics.md', 'metrics/alerts.yaml', 'metrics/dashboard.json'])(
  'docs/%s speaks of metrics that there are',
  async (file) => {
    const names = await readNames();
    const used = listUsed(readFileSync(join(docs, file), 'utf8'));
    expect(used.length).toBeGreaterThan(4);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  },
);

it('every metric of ours is documented, watched or drawn', async () => {
  const texts = ['metrics.md'].map((file) => readFileSync(join(docs, file), 'utf8')).join();
  const missing = [...(await readNames())].filter((name) => name.startsWith('enid_') && !texts.includes(name));
  expect(missing).toEqual([]);
});

it('alerts and dashboard can be parsed', () => {
  const { groups } = parse(readFileSync(join(docs, 'metrics/alerts.yaml'), 'utf8'));
  for (const rule of groups[0].rules)
    expect(rule).toMatchObject({ alert: expect.any(String), expr: expect.any(String) });
  expect(JSON.parse(readFileSync(join(docs, 'metrics/dashboard.json'), 'utf8')).panels.length).toBeGreaterThan(5);
});
