/**
 * Promises P1, P4 and P6 on the pure core: it converges from any state, and touches nothing that is
 * not its own.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TableRecord } from '../../agent/model.ts';
import { countRuns, eniList, foreignRoute, foreignRule, linkOf } from './arbitrary.ts';
import { forward, giveLease, makeWorld as makeBare, plugIn, snapshotOf, view } from './host.ts';

describe.each([false, true])('the pure core, forwarding: %s', (isForwarding) => {
  const makeWorld = (...host: Parameters<typeof makeBare>) =>
    isForwarding ? forward(makeBare(...host)) : makeBare(...host);

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
        expect(view(moved)).toEqual({ addresses: [], routes: [], rules: [], altNames: [], files: [], replies: null });

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
        const { replies } = world.state;
        if (replies?.table) world.state.replies = { ...replies, table: takeParts(replies.table, isKept) };
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

/** A rule, a chain, an element here and there. */
function takeParts({ chains, maps }: TableRecord, isKept: () => boolean): TableRecord | null {
  if (!isKept()) return null;
  const kept = maps.map((map) => ({ ...map, elements: new Map([...map.elements].filter(isKept)) }));
  const used = new Set(kept.flatMap(({ elements }) => [...elements.values()]));
  return {
    chains: chains.flatMap((chain) =>
      used.has(chain.name) || isKept() ? [{ ...chain, rules: chain.rules.filter(isKept) }] : [],
    ),
    maps: kept,
  };
}
