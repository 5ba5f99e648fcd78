/** Promise P4: on the real kernel, what is deleted or replaced is exactly what was meant. */

import { expect, it } from '@jest/globals';
import { runInNamespace } from './run-in-namespace.ts';

it.each([
  ['deletes and replaces by whole identity', './act-namespace.ts', 60],
  ['finishes after a change that the kernel does not announce', './echo-namespace.ts', 9],
])(
  '%s',
  async (_what, script, fewest) => {
    const checks = await runInNamespace(script);
    expect(checks.length).toBeGreaterThanOrEqual(fewest);
    const pick = (key: 'want' | 'got') => checks.map((check) => ({ name: check.name, value: check[key] }));
    expect(pick('got')).toEqual(pick('want'));
  },
  70_000,
);
