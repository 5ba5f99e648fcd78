/**
 * A reload of networkd drops the advertised routes, and routers answer in any order: until the next
 * pass, the primary's addresses leave by the primary whichever advertisement comes first. The
 * kernel's look-up judges (spec/lab/look-up.spec.ts compares its model with the kernel).
 */

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { kernelRules, lookUp } from '../../fixtures/model/look-up.ts';
import { linkOf } from './arbitrary.ts';
import { makeWorld } from './host.ts';
import { mainTable, makeEni } from './ways-host.ts';

const [far, advertised] = ['2001:4860::8', 9];

it('the primary keeps its way while the routers of other ENIs are faster', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 4 }),
      fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
      fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
      (count, subnets, ranks) => {
        const shape = { families: '46', hosts: [0, 1], hasPrefix: false, networkCard: 0 } as const;
        const enis = Array.from({ length: count }, (_, index) =>
          makeEni({ ...shape, subnet: subnets[index] ?? 0 }, index),
        );
        const world = makeWorld(enis);
        const { desired, difference } = world.decide();
        for (const change of difference.changes) if (change.kind !== 'reload') world.apply(change, desired);
        const { state } = world;
        state.routes = state.routes.filter(({ protocol, family }) => protocol !== advertised || family !== 6);
        const order = enis.map((eni, index) => ({ eni, rank: ranks[index] ?? 0 })).sort((a, b) => a.rank - b.rank);
        for (const next of [null, ...order]) {
          if (next !== null) {
            const metric = desired.enis.find(({ mac }) => mac === next.eni.mac)?.metric ?? 0;
            world.lease(linkOf(next.eni).index, { router: 'fe80::1', metric });
          }
          for (const source of enis[0]?.ipv6Addresses ?? []) {
            const rules = [...kernelRules, ...state.rules];
            const found = lookUp({ ...state, rules }, { source, destination: far, inputInterface: 'lo' });
            const by = found.kind === 'route' ? found.route.linkIndex : found.errno;
            expect([source, next?.eni.mac ?? 'none', by]).toEqual([
              source,
              next?.eni.mac ?? 'none',
              linkOf(enis[0] as never).index,
            ]);
          }
        }
        expect(state.routes.some(({ table, protocol }) => table === mainTable && protocol === advertised)).toBe(true);
      },
    ),
  );
});
