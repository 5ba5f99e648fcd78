/** Promise P4: on the real kernel, what is deleted or replaced is exactly what was meant. */

import { expect, it } from '@jest/globals';
import { runInNamespace } from './run-in-namespace.ts';

it('deletes and replaces by whole identity', async () => {
  const checks = await runInNamespace('./act-namespace.ts');
  expect(checks.length).toBeGreaterThan(50);
  const pick = (key: 'want' | 'got') => checks.map((check) => ({ name: check.name, value: check[key] }));
  expect(pick('got')).toEqual(pick('want'));
}, 70_000);
