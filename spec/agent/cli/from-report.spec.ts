/** `plan --from` and `explain --from`: decide from a file, which is checked before. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { explainFrom, inspectReport, planFrom } from '../../../agent/cli/from-report.ts';
import { mergeConfig } from '../../../agent/config/merge.ts';
import { parseConfigFile } from '../../../agent/config/parse.ts';
import { computeGraph } from '../../../agent/decide/explain/graph.ts';
import { renderSvg } from '../../../agent/report/graph-svg.ts';

const scenario = join(import.meta.dirname, '../../../fixtures/scenarios/from-report');
const path = join(scenario, 'report.json');
const ask = { path, config: null, json: false };
const directory = mkdtempSync(join(tmpdir(), 'enid-report-'));
afterAll(() => rmSync(directory, { recursive: true }));

const drawFrom = (file: string) =>
  renderSvg(computeGraph(inspectReport({ ...ask, path: file })), 'the host of the report');

function written(change: (report: { sight: Record<string, unknown> }) => void): string {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  change(report);
  const file = join(directory, 'report.json');
  writeFileSync(file, JSON.stringify(report));
  return file;
}

describe('plan', () => {
  it('is what the scenario of the same host has', () => {
    const { stdout, exitCode } = planFrom({ ...ask, isDetailed: true });
    expect(readFileSync(join(scenario, 'plan.txt'), 'utf8')).toContain(stdout);
    expect([stdout.split('\n').length, exitCode]).toEqual([5, 2]);
  });

  it('takes another configuration', () => {
    const config = mergeConfig([parseConfigFile('drivers: [veth]\ninterfaces: [{ match: {}, manage: none }]\n', 'f')]);
    expect(planFrom({ ...ask, config }).stdout).toMatch(/ip rule del pref /);
  });
});

describe('explain', () => {
  it('finds the way in the rules and routes of the report', () => {
    // The rule of this source is gone there.
    const { stdout, exitCode } = explainFrom(ask, '10.0.2.21', undefined);
    expect(stdout).toMatch(/by ens5 \(eni-0+1\)[\s\S]*wants ens6 via 10\.0\.2\.1, table 10001\n.*drops it/);
    expect(exitCode).toBe(2);
    expect(explainFrom(ask, '10.0.1.10', '10.0.1.11')).toMatchObject({ exitCode: 0 });
  });

  it('refuses what is no address, with those of the link in the report', () => {
    expect(explainFrom(ask, 'ens6', undefined)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('10.0.2.21'),
    });
  });
});

describe('a file that is none', () => {
  it.each<[string, () => string, RegExp]>([
    ['is not there', () => join(directory, 'none'), /failed to read the report .*ENOENT/],
    ['no JSON', () => import.meta.filename, /expected JSON/],
    ['another format', () => written((report) => Object.assign(report, { format: 'x' })), /format: /],
    ['a later version', () => written((report) => Object.assign(report, { version: 2 })), /version: /],
    [
      'a route to nowhere',
      () => written(({ sight }) => Object.assign(sight['kernel'] as object, { routes: [{}] })),
      /sight\.kernel\.routes\.0/,
    ],
    [
      'an ENI that no service describes',
      () =>
        written(({ sight }) =>
          Object.assign((sight['metadata'] as { snapshot: object }).snapshot, { primaryMac: 'x' }),
        ),
      /sight\.metadata/,
    ],
    ['an object with a key too many', () => written(({ sight }) => Object.assign(sight, { more: 1 })), /sight: /],
  ])('%s', (_what, make, reason) => {
    expect(() => planFrom({ ...ask, path: make() })).toThrow(reason);
  });

  it('or one in which anything is replaced, is refused, or decided about', () => {
    const text = readFileSync(path, 'utf8');
    const file = join(directory, 'broken.json');
    const value = fc.oneof(
      fc.constantFrom(null, '', 'x', '::/0', '0.0.0.0/0', '10.0.2.21', '2001:db8::1', -1, 0, 1e308, true, [], {}),
      fc.jsonValue({ maxDepth: 1 }),
    );
    let decided = 0;
    fc.assert(
      fc.property(fc.nat(), value, (choice, replacement) => {
        const report = JSON.parse(text);
        const places: (() => void)[] = [];
        const walk = (node: Record<string, unknown>) => {
          for (const [key, child] of Object.entries(node)) {
            places.push(() => {
              node[key] = replacement;
            });
            if (typeof child === 'object' && child !== null) walk(child as Record<string, unknown>);
          }
        };
        walk(report.sight);
        places[choice % places.length]?.();
        writeFileSync(file, JSON.stringify(report));
        try {
          planFrom({ ...ask, path: file });
          explainFrom({ ...ask, path: file }, '10.0.2.21', undefined);
          explainFrom({ ...ask, path: file }, '2001:db8:0:2::21', undefined);
          drawFrom(file);
          decided++;
        } catch (error) {
          expect(['ReportError', 'ConfigError']).toContain((error as Error).name);
        }
      }),
      { numRuns: 150 },
    );
    expect(decided).toBeGreaterThan(5);
  }, 60_000);

  it('a FIFO is refused at once', () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(() => planFrom({ ...ask, path: fifo })).toThrow(/expected a regular file, got a FIFO/);
  });
});
