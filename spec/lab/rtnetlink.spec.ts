import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Check, runInNamespace } from './run-in-namespace.ts';

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
