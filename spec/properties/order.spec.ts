/**
 * Promise P6 on the pure core: whatever happened in whatever order, killed wherever, the end is the
 * quiet one.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countRuns, eniList, limitRuns } from './arbitrary.ts';
import { Story, storyEvents } from './story.ts';

describe('any order of events', () => {
  it(
    'ends in the same state as the quiet order, and then has nothing to do',
    () => {
      fc.assert(
        fc.property(eniList, storyEvents, (enis, events) => {
          const story = new Story(enis);
          for (const event of events) story.play(event);
          story.settle();
          expect(story.world.pass()).toEqual([]);
          expect(story.view()).toEqual(story.quiet().view());
        }),
        { numRuns: countRuns(40) },
      );
    },
    limitRuns(40),
  );

  it(
    'also when it is killed at every single write',
    () => {
      fc.assert(
        fc.property(eniList, storyEvents, (enis, events) => {
          const story = new Story(enis);
          for (const event of events) story.play(event);
          const { changes } = story.world.decide().difference;
          for (let steps = 0; steps <= changes.length + 1; steps++) {
            const again = new Story(enis);
            for (const event of events) again.play(event);
            again.world.pass(steps);
            again.settle();
            expect(again.view()).toEqual(again.quiet().view());
          }
        }),
        { numRuns: countRuns(10) },
      );
    },
    limitRuns(10),
  );
});
