/**
 * Promise P10 at the largest instance: spec/lab/ways.spec.ts has the others, and every kind of way.
 */

import { describe, it } from '@jest/globals';
import { openWithEnid } from '../../fixtures/ways/instance.ts';
import type { Selection } from '../../fixtures/ways/matrix.ts';
import { makeLargest } from '../../fixtures/ways/shapes.ts';
import type { Kind } from '../../fixtures/ways/way.ts';
import { testMs } from '../lab/lab.ts';
import { expectAll, prepare, releases, sparse } from '../lab/ways.ts';

describe.each(releases)('with systemd-networkd %s', (_release, findNetworkd) => {
  it(
    'largest, 64 ENIs: every way that differs from ENI to ENI',
    async () => {
      const shape = makeLargest();
      const { vpc } = await openWithEnid(shape, { networkd: findNetworkd() });
      try {
        const matrix = await prepare(vpc, shape);
        const differing: readonly (Kind | null)[] = ['own subnet', 'other subnet', 'far', 'resolver', 'bridge'];
        const places: Selection['places'] = (place, { eni }) => differing.includes(place.kindFor(eni));
        expectAll(await matrix.run(await matrix.list({ ...sparse, places })));
      } finally {
        await vpc.destroy();
      }
    },
    // Leases of 64 links.
    5 * testMs,
  );
});
