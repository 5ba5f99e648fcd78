/** Draws stories from a seed and plays them until the time is over or one goes wrong. */

import fc from 'fast-check';
import { playStory, type Release, type Tally } from './host.ts';
import { type Story, stories } from './story.ts';

export interface RunOptions {
  readonly seed: number;
  readonly minutes: number;
  /** How long a story that goes wrong may take to be made smaller; 0: it is left as it is. */
  readonly shrinkMinutes: number;
  readonly release: Release;
}

export interface Failure {
  readonly story: Story;
  readonly reason: string;
}

export function makeTally(): Tally {
  return { steps: new Map(), stories: 0, quietChecks: 0, probes: 0 };
}

/** `failure`: the smallest story found that goes wrong; null: all went well. */
export async function runStories(options: RunOptions): Promise<{ failure: Failure | null; summary: Tally }> {
  const summary = makeTally();
  const end = performance.now() + options.minutes * 60_000;
  let failure: Failure | null = null;
  for (let number = 0; performance.now() < end && failure === null; number++) {
    failure = await runStory({ ...options, seed: options.seed + number }, summary);
  }
  return { failure, summary };
}

async function runStory({ seed, release, shrinkMinutes }: RunOptions, tally: Tally): Promise<Failure | null> {
  let failure: Failure | null = null;
  const property = fc.asyncProperty(stories, async (story) => {
    const size = story.reduce((sum, { steps }) => sum + steps.length, 0);
    try {
      await playStory(story, release, tally);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const start = reason.split('\n', 8).join('\n');
      process.stdout.write(`networkd ${release}, seed ${seed}: a story of ${size} steps went wrong: ${start}\n`);
      failure = { story, reason };
      throw error;
    }
  });
  const limits = shrinkMinutes === 0 ? { endOnFailure: true } : { interruptAfterTimeLimit: shrinkMinutes * 60_000 };
  await fc.check(property, { seed, numRuns: 1, unbiased: true, ...limits });
  return failure;
}
