/** A bounded share of `npm run fuzz`; other inputs each time. */

import { expect, test } from '@jest/globals';
import { targets } from './targets.ts';

const share = 150;

test.each(targets.map((target) => [target.name, target] as const))('%s', async (_name, target) => {
  await expect(target.run({ seed: Date.now() % 0x7fffffff, count: share })).resolves.toBeUndefined();
});
