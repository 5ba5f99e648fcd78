/**
 * A short chaos run on each networkd; `npm run chaos` runs as long as requested. ENID_CHAOS_MINUTES
 * extends this one, too.
 */

import { expect, it } from '@jest/globals';
import { runStories } from '../chaos/run-stories.ts';

const minutes = Number(process.env['ENID_CHAOS_MINUTES'] ?? 0.5);

it.each(['252', '257'] as const)(
  'stories on networkd %s succeed',
  async (release) => {
    const { failure, summary } = await runStories({ seed: 1, minutes, shrinkMinutes: 0, release });
    expect(failure).toBeNull();
    expect(summary.stories).toBeGreaterThan(0);
  },
  (minutes + 3) * 60_000,
);
