/**
 * Promises P1, P4 and P6 on the pure core: it converges from any state, and touches nothing that is
 * not its own.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countRuns, eniList, foreignRoute, foreignRule, linkOf } from './arbitrary.ts';
import { giveLease, makeWorld, plugIn, snapshotOf, view } from './host.ts';

describe('the pure core', () => {
  it('converges from a bare host and then has nothing to do', () => {
    fc.assert(
      fc.property(eniList, (enis) => {
        const world = makeWorld(enis);
        world.converge();
        expect(world.pass()).toEqual([]);
      }),
      { numRuns: countRuns(40) },
    );
  });

  it('keeps every foreign rule and route, wherever it stands', () => {
    fc.assert(
      fc.property(eniList, fc.array(foreignRule), fc.array(foreignRoute), (enis, rules, routes) => {
        const world = makeWorld(enis, rules, routes);
        world.converge();
        world.state.snapshot = snapshotOf(enis.slice(0, 1));
        world.converge();
        expect(world.state.rules).toEqual(expect.arrayContaining(rules));
        expect(world.state.routes).toEqual(expect.arrayContaining(routes));
      }),
      { numRuns: countRuns(40) },
    );
  });

  it('ends in the same state whatever was there before', () => {
    fc.assert(
      fc.property(eniList, eniList, (before, after) => {
        const moved = makeWorld(before);
        moved.converge();
        const quiet = makeWorld(after);
        quiet.converge();

        for (const eni of before) {
          const { index } = linkOf(eni);
          moved.state.links = moved.state.links.filter((link) => link.index !== index);
          moved.state.addresses = moved.state.addresses.filter((address) => address.linkIndex !== index);
          moved.state.routes = moved.state.routes.filter((route) => route.linkIndex !== index);
        }
        moved.state.networkd = { kind: 'present', version: 252, links: [] };
        moved.converge();
        expect(view(moved)).toEqual({ addresses: [], routes: [], rules: [], altNames: [], files: [] });

        moved.state.offered.clear();
        moved.state.snapshot = snapshotOf(after);
        for (const eni of after) {
          plugIn(moved, eni);
          moved.converge();
          giveLease(moved, eni);
        }
        moved.converge();
        expect(view(moved)).toEqual(view(quiet));
      }),
      { numRuns: countRuns(40) },
    );
  });

  it('repairs any part of its own that is taken away', () => {
    fc.assert(
      fc.property(eniList, fc.infiniteStream(fc.boolean()), (enis, coin) => {
        const world = makeWorld(enis);
        world.converge();
        const want = view(world);
        const isKept = () => coin.next().value === true;
        world.state.rules = world.state.rules.filter(isKept);
        world.state.addresses = world.state.addresses.filter((address) => address.validLifetime !== null || isKept());
        world.state.routes = world.state.routes.filter((route) => route.table === 254 || isKept());
        world.converge();
        expect(view(world)).toEqual(want);
      }),
      { numRuns: countRuns(40) },
    );
  });

  it('changes nothing while the metadata is unknown', () => {
    fc.assert(
      fc.property(eniList, (enis) => {
        const world = makeWorld(enis);
        world.converge();
        world.state.snapshot = null;
        expect(world.pass()).toEqual([]);
        const [first, ...others] = enis;
        world.state.snapshot = {
          primaryMac: first?.mac ?? '',
          instanceId: null,
          enis: others.map(({ mac }) => ({ kind: 'pending' as const, mac, reason: 'late' })),
        };
        expect(world.pass()).toEqual([]);
      }),
      { numRuns: countRuns(40) },
    );
  });
});
