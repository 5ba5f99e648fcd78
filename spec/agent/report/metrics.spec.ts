/**
 * The metrics, and that the alerts, the dashboard and the documentation speak of metrics that there
 * are.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
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

describe('the socket', () => {
  const directory = mkdtempSync(join(tmpdir(), 'enid-metrics-'));
  const path = join(directory, 'socket');
  const sockets: Socket[] = [];
  let metrics: Metrics;
  // Each has a server of its own: what one holds open counts for none of the others.
  beforeEach(async () => {
    metrics = new Metrics();
    await metrics.listen(`unix:${path}`);
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    metrics.close();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function open(text: string): Socket {
    const socket = connect(path);
    socket.on('error', () => undefined);
    socket.write(text);
    sockets.push(socket);
    return socket;
  }

  async function scrape(): Promise<string> {
    const socket = open('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  it('answers while others hold 200 connections open without a word, with half a request, and unread', async () => {
    const request = 'GET /metrics HTTP/1.1\r\nHost: x\r\n';
    const waiting = ['', request].flatMap((text) => Array.from({ length: 70 }, () => open(text)));
    for (let count = 0; count < 70; count += 1) open(`${request}\r\n`.repeat(100)).pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const startMs = performance.now();
    expect(await scrape()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*enid_changes_pending 0\n/);
    // Long before the 10 s after which those end by themselves.
    expect(performance.now() - startMs).toBeLessThan(8_000);
    expect(waiting.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(16);
  });

  it('ends a connection after 10 s, also one that sends a byte now and then', async () => {
    const socket = open('GET /metrics HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('a'), 200);
    const startMs = performance.now();
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    const tookMs = performance.now() - startMs;
    // Not before: a scraper may be slow.
    expect(tookMs).toBeGreaterThan(9_000);
    expect(tookMs).toBeLessThan(11_000);
  }, 15_000);

  it('makes its text twice in a second at most, however often it is asked', async () => {
    const render = jest.spyOn(metrics, 'render');
    const startMs = performance.now();
    for (let count = 0; count < 30; count += 1) await scrape();
    expect(render.mock.calls.length).toBeLessThanOrEqual(1 + (performance.now() - startMs) / 500);
  });
});
