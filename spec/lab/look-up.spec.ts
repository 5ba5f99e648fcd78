import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Check, runInNamespace } from './run-in-namespace.ts';

describe('the model of the look-up against the real kernel', () => {
  let checks: readonly Check[] = [];

  beforeAll(async () => {
    checks = await runInNamespace('./look-up-namespace.ts');
  }, 70_000);

  it('answers thousands of questions about random rules and routes as RTM_GETROUTE does', () => {
    const asked = checks.filter(({ name }) => name.startsWith('questions'));
    expect(asked.map(({ name }) => name)).toEqual(['questions of IPv4', 'questions of IPv6']);
    // Only the differences, and how many questions were asked: the whole report would be megabytes.
    for (const { name, want, got } of checks) expect({ name, value: got }).toEqual({ name, value: want });
  });
});
