/** What the specs of the ways share. */

import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { Matrix, type Selection } from '../../fixtures/ways/matrix.ts';
import type { Shape } from '../../fixtures/ways/shapes.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
import type { WayResult } from '../../fixtures/ways/way.ts';

/** Each networkd, by its program; undefined: the machine's own. */
export const releases: [string, () => readonly string[] | undefined][] = [
  ['252', () => undefined],
  ['257', trixieNetworkd],
];
export const sparse: Selection = { protocols: { out: ['udp'], in: ['tcp'] } };

/** Throws with a table of the lost ways. */
export function expectAll(results: readonly WayResult[]): void {
  if (results.length === 0) throw new Error('no way was tried');
  const lost = formatLost(results);
  if (lost !== '') throw new Error(lost);
}

export async function prepare(vpc: Vpc, shape: Shape): Promise<Matrix> {
  const matrix = await Matrix.create(vpc, shape.subnets);
  const missing = await matrix.listen(5_000);
  if (missing.length > 0) throw new Error(`not on the host: ${missing.join(', ')}`);
  return matrix;
}
