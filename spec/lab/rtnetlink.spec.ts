import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

interface Check {
  readonly name: string;
  readonly want?: unknown;
  readonly got?: unknown;
}

/** A Node process cannot enter a namespace, so the checks run in a child; `unshare -n` leaves nothing behind. */
async function runInNamespace(script: string): Promise<readonly Check[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { NODE_OPTIONS: _jestOnly, ...env } = process.env;
  const { stdout } = await promisify(execFile)('unshare', ['-n', process.execPath, '--import', 'tsx', path], {
    env,
    maxBuffer: 16 * 1024 * 1024,
    timeout: 60_000,
  });
  return JSON.parse(stdout);
}

describe('rtnetlink and the kernel mirror against the real kernel', () => {
  let checks: readonly Check[] = [];

  beforeAll(async () => {
    checks = await runInNamespace('./rtnetlink-namespace.ts');
  }, 70_000);

  it('ran them all', () => {
    expect(checks.length).toBeGreaterThan(100);
  });

  it('finds what ip(8) and fresh dumps say', () => {
    const pick = (key: 'want' | 'got') => checks.map((check) => ({ name: check.name, value: check[key] }));
    expect(pick('got')).toEqual(pick('want'));
  });
});

describe('a route interest', () => {
  it('means in the kernel what it means here', async () => {
    const checks = await runInNamespace('./route-interest-namespace.ts');
    expect(checks.length).toBeGreaterThan(7);
    for (const { name, want, got } of checks) expect({ name, value: got }).toEqual({ name, value: want });
  }, 70_000);
});
