/**
 * `npm run chaos`: random stories on the simulated VPC, until the time is over or one goes wrong.
 */

import { parseArgs } from 'node:util';
import { playStory, type Release, type Tally } from './host.ts';
import { type Failure, makeTally, runStories } from './run-stories.ts';
import { type Story, storySchema } from './story.ts';

const usage = `usage: npm run chaos -- [--seed N] [--minutes M] [--networkd 252|257] [--shrink M] [--replay STORY]

Each story runs on a fresh host and ends with its comparison with a host where nothing happened. One that goes wrong is
told at once, then made as small as it gets within --shrink minutes (10), and printed for --replay.
`;

interface Options {
  readonly seed: number;
  readonly minutes: number;
  readonly shrinkMinutes: number;
  readonly releases: readonly Release[];
  readonly replay: Story | null;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      minutes: { type: 'string', default: '10' },
      shrink: { type: 'string', default: '10' },
      networkd: { type: 'string', default: '252,257' },
      replay: { type: 'string' },
    },
  });
  const [seed, minutes, shrinkMinutes] = [Number(values.seed), Number(values.minutes), Number(values.shrink)];
  if (!Number.isInteger(seed) || !(minutes > 0) || !(shrinkMinutes >= 0)) {
    throw new Error('expected a whole --seed, --minutes above 0 and --shrink of 0 or more');
  }
  const releases = values.networkd.split(',').map((text) => {
    if (text !== '252' && text !== '257') throw new Error(`--networkd: expected 252 or 257, got ${text}`);
    return text;
  });
  const replay = values.replay === undefined ? null : storySchema.parse(JSON.parse(values.replay));
  return { seed, minutes, shrinkMinutes, releases, replay };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function report(release: Release, { story, reason }: Failure): void {
  say(`✕ networkd ${release}: ${reason}`);
  say(`npm run chaos -- --networkd ${release} --replay '${JSON.stringify(story)}'`);
  process.exitCode = 1;
}

async function replayStory(story: Story, release: Release): Promise<void> {
  try {
    await playStory(story, release, makeTally());
    say(`✔ networkd ${release}: the story went well`);
  } catch (error) {
    report(release, { story, reason: error instanceof Error ? error.message : String(error) });
  }
}

function summarise(release: Release, seed: number, { steps, stories: told, quietChecks, probes }: Tally): void {
  const counts = [...steps].sort(([left], [right]) => (left < right ? -1 : 1));
  say(
    `networkd ${release}, seed ${seed}: ${told} stories, ${quietChecks} quiet checks, ${probes} probes on each address`,
  );
  say(counts.map(([name, count]) => `${name} ${count}`).join(', '));
}

async function run({ seed, minutes, shrinkMinutes, releases, replay }: Options): Promise<void> {
  for (const release of releases) {
    if (replay !== null) {
      await replayStory(replay, release);
      continue;
    }
    const { failure, summary } = await runStories({ seed, minutes, shrinkMinutes, release });
    if (failure !== null) report(release, failure);
    summarise(release, seed, summary);
  }
}

try {
  await run(readOptions());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}`);
  process.exitCode = 2;
}
