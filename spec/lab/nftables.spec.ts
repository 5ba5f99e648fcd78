import { expect, it } from '@jest/globals';
import { runInNamespace } from './run-in-namespace.ts';

it('nf_tables: what is made is what nft(8) prints, and is read back', async () => {
  const checks = await runInNamespace('./nftables-namespace.ts');
  expect(checks.length).toBeGreaterThan(13);
  for (const { name, want, got } of checks) expect({ name, value: got }).toEqual({ name, value: want });
}, 70_000);
