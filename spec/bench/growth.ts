/**
 * How the cost of one pass grows with ENIs and addresses, in the pure part (computeDesired,
 * computeDifference, ledger) over a host in memory: the lab would need 6 400 addresses on 64 links.
 * What foreign state costs, drift and memory tell.
 */

import { describeSize, type Size } from './instance.ts';
import type { Benchmark, Measurement } from './measurement.ts';
import { openModel } from './model-instance.ts';

/** The last has 64 times the ENIs of the second and twice its addresses each. */
const sizes: readonly Size[] = [
  { eniCount: 1, addressCount: 50 },
  { eniCount: 4, addressCount: 50 },
  { eniCount: 15, addressCount: 50 },
  { eniCount: 32, addressCount: 50 },
  { eniCount: 64, addressCount: 50 },
  { eniCount: 64, addressCount: 100 },
];
const warmUps = 10;
const rounds = 30;

export const growth: Benchmark = {
  name: 'growth',
  async run(): Promise<Measurement[]> {
    return sizes.map((size) => ({
      what: `pass, pure part: ${describeSize(size)}`,
      unit: 'ms',
      samples: measure(size),
      point: { curve: 'one pass without a change, the pure part', addressCount: size.eniCount * size.addressCount },
    }));
  },
};

function measure(size: Size): number[] {
  const world = openModel(size, 'separate');
  const samples: number[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    const startMs = performance.now();
    const { difference } = world.decide();
    if (round >= 0) samples.push(performance.now() - startMs);
    if (difference.changes.length > 0) throw new Error('expected a model that has converged');
  }
  return samples;
}
