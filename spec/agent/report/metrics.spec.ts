/**
 * The metrics, and that the alerts, the dashboard and the documentation speak of metrics that there
 * are.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../../../agent/report/metrics.ts';
import type { StatusRow } from '../../../agent/report/status-row.ts';

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
  mtuOutside: null,
  addresses: [],
  prefixes: [],
  publicAddresses: {},
  networkFile: null,
  changesPending: 2,
  lastChange: null,
  repairs: null,
  recurringRepairs: [],
  lastFight: null,
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
    metrics.observe({ kind: 'fight', object: 'ip rule add pref 1', isNew: true });
    metrics.observe({ kind: 'fight', object: 'ip rule add pref 1', isNew: false });
    metrics.observe({ kind: 'fight', object: 'ip rule add pref 2', isNew: true });
    metrics.observe({ kind: 'events-lost' });
    for (const outcome of ['value', 'absent', 'value']) metrics.observe({ kind: 'metadata-request', outcome });
    metrics.observe({ kind: 'metadata-read', failure: 'timeout', durationMs: 5_000 });
    const text = await metrics.render();
    for (const line of [
      'enid_changes_total{kind="add-rule",result="failed"} 1',
      'enid_repairs_total{kind="route"} 1',
      'enid_repairs_total{kind="rule"} 0',
      'enid_fights_total 2',
      'enid_fights_active 2',
      'enid_kernel_events_lost_total 1',
      'enid_metadata_requests_total{outcome="value"} 2',
      'enid_metadata_read_failures_total{kind="timeout"} 1',
      'enid_metadata_read_failures_total{kind="status"} 0',
      'enid_metadata_last_read_timestamp_seconds 0',
      'enid_metadata_read_duration_seconds_count 0',
    ])
      expect(text.split('\n')).toContain(line);
  });
});

it('say whether the configuration files were accepted, and how often the metadata is read', async () => {
  const metrics = new Metrics();
  metrics.configured({ isAccepted: true, intervalMs: 60_000 });
  const accepted = await metrics.render();
  expect(accepted).toContain('enid_config_last_reload_successful 1\n');
  expect(accepted).toContain('enid_metadata_poll_interval_seconds 60\n');
  const [, readAt] = /^enid_config_last_reload_success_timestamp_seconds (\S+)$/m.exec(accepted) ?? [];
  metrics.configured({ isAccepted: false, intervalMs: 60_000 });
  const refused = await metrics.render();
  expect(refused).toContain('enid_config_last_reload_successful 0\n');
  expect(refused).toContain(`enid_config_last_reload_success_timestamp_seconds ${readAt}\n`);
});

it('end a fight when the object was left alone for longer than the longest delay between two tries', async () => {
  const now = jest.spyOn(performance, 'now');
  try {
    const metrics = new Metrics();
    now.mockReturnValue(1_000);
    metrics.observe({ kind: 'fight', object: 'ip rule add pref 1', isNew: true });
    now.mockReturnValue(62_000);
    metrics.observe({ kind: 'fight', object: 'ip rule add pref 1', isNew: false });
    now.mockReturnValue(100_000);
    expect(await metrics.render()).toContain('enid_fights_active 1\n');
    now.mockReturnValue(160_000);
    expect(await metrics.render()).toContain('enid_fights_active 0\n');
  } finally {
    now.mockRestore();
  }
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

it.each(['metrics.md', 'metrics/alerts.yaml', 'metrics/alerts-test.yaml', 'metrics/dashboard.json'])(
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

describe('each alert', () => {
  const { groups } = parse(readFileSync(join(docs, 'metrics/alerts.yaml'), 'utf8'), { merge: true }) as {
    groups: { rules: { alert: string; labels?: Record<string, string>; annotations: Record<string, string> }[] }[];
  };
  const rules = groups.flatMap(({ rules }) => rules);
  const runbook = readFileSync(join(docs, 'alerts.md'), 'utf8');
  const anchors = [...runbook.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title.toLowerCase());
  const tested = readFileSync(join(docs, 'metrics/alerts-test.yaml'), 'utf8');

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s has severity, summary and runbook, and a test',
    (alert, rule) => {
      expect(rule.labels?.['severity']).toMatch(/^(critical|warning)$/);
      expect(rule.annotations['summary']).toContain('{{ $labels.instance }}');
      const [, anchor] = /\/docs\/alerts\.md#(\w+)$/.exec(rule.annotations['runbook_url'] ?? '') ?? [];
      expect(anchors).toContain(anchor);
      expect(tested).toMatch(new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`));
    },
  );

  it('is described, and no other one', () => {
    const names = rules.map(({ alert }) => alert.toLowerCase());
    expect(anchors.filter((anchor) => !names.includes(anchor))).toEqual([]);
  });
});

describe('the dashboard', () => {
  const text = readFileSync(join(docs, 'metrics/dashboard.json'), 'utf8');
  interface Dashboard {
    readonly panels: { readonly title: string; readonly targets?: { readonly expr: string }[] }[];
    readonly templating: { readonly list: { readonly name: string }[] };
  }
  const dashboard: Dashboard = JSON.parse(text);

  it('asks by job and instance in every panel', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance']);
    const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(20);
    for (const expr of expressions)
      for (const [, selector] of expr.matchAll(/\b(?:enid|process)_\w+(\{[^}]*\})?/g))
        expect([expr, selector]).toEqual([expr, expect.stringContaining('job=~"$job",instance=~"$instance"')]);
  });

  it('is what Grafana itself calls a dashboard', () => {
    // Outside of it the compiler does not find the package.
    const cache = join(docs, '../.cache');
    mkdirSync(cache, { recursive: true });
    const directory = mkdtempSync(join(cache, 'dashboard-'));
    try {
      const types = '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';
      const check = (dashboard: string) => {
        // To the compiler the text of a string enumeration is not its member.
        const members = dashboard
          .replaceAll('"absolute"', 'ThresholdsMode.Absolute')
          .replaceAll('"mode": "thresholds"', '"mode": FieldColorModeId.Thresholds');
        const imported = `import { type Dashboard, FieldColorModeId, ThresholdsMode } from '${types}';`;
        const code = `${imported}\nexport const dashboard: Dashboard = ${members};\n`;
        writeFileSync(join(directory, 'check.mts'), code);
        const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig'];
        const { stdout } = spawnSync('tsc', [...options, join(directory, 'check.mts')], { encoding: 'utf8' });
        return stdout;
      };
      expect(check(text)).toBe('');
      expect(check(text.replace('"timeseries"', '7'))).toContain("Type 'number' is not assignable to type 'string'");
      expect(check(text.replace('"refresh": 2', '"refresh": 9'))).toContain('VariableRefresh');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
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
    const { setTimeout: setRealTimeout } = globalThis;
    const arrived = () => new Promise((resolve) => setRealTimeout(resolve, 100));
    jest.useFakeTimers({ doNotFake: ['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate'] });
    try {
      const socket = open('GET /metrics HTTP/1.1\r\n');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await arrived();
      for (let second = 0; second < 9; second += 1) {
        jest.advanceTimersByTime(1_000);
        socket.write('a');
      }
      await arrived();
      // Not before: a scraper may be slow.
      expect(socket.closed).toBe(false);
      jest.advanceTimersByTime(1_100);
      await closed;
    } finally {
      jest.useRealTimers();
    }
  });

  it('makes its text twice in a second at most, however often it is asked', async () => {
    const render = jest.spyOn(metrics, 'render');
    const startMs = performance.now();
    for (let count = 0; count < 30; count += 1) await scrape();
    expect(render.mock.calls.length).toBeLessThanOrEqual(1 + (performance.now() - startMs) / 500);
  });
});
