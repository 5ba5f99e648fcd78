/**
 * What the decider remembers changes no decision: beside one that gets everything as new objects,
 * it decides the same.
 */

import { isDeepStrictEqual } from 'node:util';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSameList } from '../../agent/decide/base/memo.ts';
import { Decider, type Known } from '../../agent/decide/decider.ts';
import type { KernelState } from '../../agent/model.ts';
import type { ModelWorld } from '../../fixtures/model/world.ts';
import { countRuns, eniList, limitRuns } from './arbitrary.ts';
import { Story, storyEvents } from './story.ts';

/**
 * The mirror's lists are the same objects until something of their kind changes; the model's are
 * changed in place.
 */
class Mirror {
  #last: KernelState | null = null;

  read(world: ModelWorld): KernelState {
    const { links, addresses, routes, rules, drivers } = world.kernel();
    const last = this.#last;
    this.#last = {
      links: keep(last?.links, links),
      addresses: keep(last?.addresses, addresses),
      routes: keep(last?.routes, routes),
      rules: keep(last?.rules, rules),
      drivers: new Map(drivers),
    };
    return this.#last;
  }
}

function keep<Item>(before: readonly Item[] | undefined, now: readonly Item[]): readonly Item[] {
  return before !== undefined && isSameList(before, now) ? before : [...now];
}

function readKnown(world: ModelWorld, kernel: KernelState): Known {
  const { config, networkd, snapshot, departed, ledger, offered, unread } = world.state;
  return {
    ...{ config, kernel, networkd, lostRouters: [], directory: world.files(), snapshot, departed, ledger },
    isSilent: snapshot === null,
    ...{
      settling: new Set<string>(),
      unreloaded: new Set<string>(),
      offered: new Set(offered),
      unread: new Set(unread),
    },
  };
}

/** jest compares, and shows, only what differs: it takes as long as the decisions themselves. */
function expectSame(got: unknown, want: unknown): void {
  if (!isDeepStrictEqual(got, want, { skipPrototype: true })) expect(got).toEqual(want);
}

it(
  'decides the same',
  () => {
    fc.assert(
      fc.property(eniList, storyEvents, (enis, events) => {
        const story = new Story(enis);
        const mirror = new Mirror();
        const remembering = new Decider();
        const forgetful = new Decider();
        for (const [nowMs, event] of events.entries()) {
          story.play(event);
          const known = readKnown(story.world, mirror.read(story.world));
          expectSame(remembering.decide(known, nowMs), forgetful.decide(structuredClone(known), nowMs));
        }
      }),
      { numRuns: countRuns(25) },
    );
  },
  limitRuns(25),
);
