/** Promise P5 as an expectation. Apart from lab.ts, which benchmarks use without Jest. */

import { expect } from '@jest/globals';
import { type LossOptions, measureLoss } from '../../fixtures/loss.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';

/**
 * What was lost on the addresses that exist before and after, by `source protocol`; reports where
 * in their streams the losses were. No TCP stream breaks.
 */
export async function watchLoss(
  vpc: Vpc,
  action: () => Promise<unknown>,
  options: LossOptions = {},
): Promise<ReadonlyMap<string, number>> {
  const { lost, broken, fewestSent, notes } = await measureLoss(vpc, action, options);
  for (const note of notes) process.stderr.write(`lost: ${note}\n`);
  expect(broken).toEqual([]);
  expect(fewestSent).toBeGreaterThan(100);
  return lost;
}
