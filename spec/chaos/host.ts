/** One simulated host that a story happens to, and what is checked when it is quiet again. */

import { EnidProcess, installInto, runEnid } from '../../fixtures/enid-process.ts';
import { readState } from '../../fixtures/guest-state.ts';
import { measureLoss } from '../../fixtures/loss.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, until } from '../lab/lab.ts';
import { type Deeds, perform } from './deeds.ts';
import { findHarm, makeForeign } from './foreign.ts';
import type { Round, Step, Story } from './story.ts';

export type Release = '252' | '257';

/** What was done and seen, added up over all stories. */
export interface Tally {
  readonly steps: Map<string, number>;
  stories: number;
  quietChecks: number;
  probes: number;
}

/**
 * A repair that was held back by a fight, and a refused change, are tried again within a minute.
 */
const quietMs = 75_000;
/**
 * 252 drops its DHCPv6 addresses at its own restart; probes of 10 ms until they are back
 * (docs/proof/measured.md).
 */
const probesPerRestart = 8;

/**
 * Plays a whole story on a fresh host. Throws an Error that says what was wrong after which round.
 */
export async function playStory(story: Story, release: Release, tally: Tally): Promise<void> {
  const host = await ChaosHost.open(release, 'chaos');
  try {
    for (const [index, round] of story.entries()) {
      await host.play(round, tally).catch((error: unknown) => {
        const log = host.lines.slice(-60).join('\n');
        throw new Error(`round ${index + 1}: ${error instanceof Error ? error.message : error}\nlog:\n${log}`);
      });
    }
    await host.compareWithQuietHost(release);
    tally.stories++;
  } finally {
    await host.close();
  }
}

class ChaosHost {
  readonly #deeds: Deeds;

  private constructor(deeds: Deeds) {
    this.#deeds = deeds;
  }

  static async open(release: Release, name: string, enis = [primary, alone]): Promise<ChaosHost> {
    const guest = release === '257' ? { command: trixieNetworkd() } : {};
    const vpc = await Vpc.create({ name: `${name}-${release}`, subnets, guest });
    try {
      await installInto(vpc.guest);
      for (const eni of enis) await vpc.attach(eni);
      await vpc.guest.networkd.start();
      const enid = EnidProcess.start(vpc.guest);
      await awaitReach(vpc);
      await enid.converged();
      await makeForeign(vpc);
      return new ChaosHost({ vpc, enid, lines: [], lingering: new Set(), silent: new Set(), touched: new Set() });
    } catch (error) {
      await vpc.destroy();
      throw error;
    }
  }

  get lines(): readonly string[] {
    return [...this.#deeds.lines, ...this.#deeds.enid.lines];
  }

  async close(): Promise<void> {
    await this.#deeds.vpc.destroy();
  }

  async play(round: Round, tally: Tally): Promise<void> {
    const { vpc, touched } = this.#deeds;
    touched.clear();
    const run = async () => {
      for (const step of round.steps) {
        const name = await perform(step, this.#deeds);
        tally.steps.set(name, (tally.steps.get(name) ?? 0) + 1);
      }
    };
    if (round.isGentle) {
      const { lost, broken, fewestSent } = await measureLoss(vpc, run, { intervalMs: 10 });
      tally.probes += fewestSent;
      const wrong = [
        ...broken.filter((text) => !touched.has(text.split(' ')[0] ?? '')),
        ...[...lost]
          .filter(([name, count]) => !this.#mayLose(round.steps, name, count))
          .map(([name, count]) => `${name}: ${count} lost`),
      ];
      if (wrong.length > 0) throw new Error(`packets were lost that should not be: ${wrong.join('; ')}`);
    } else await run();
    await this.#becomeQuiet();
    tally.quietChecks++;
  }

  /**
   * What networkd loses by itself at its restart, longer where this program could not answer it.
   */
  #mayLose(steps: readonly Step[], name: string, count: number): boolean {
    const [source = ''] = name.split(' ');
    if (this.#deeds.touched.has(source)) return true;
    const restarts = steps.filter((step) => step.do === 'networkd' && step.how === 'restart').length;
    const isOld = !this.#deeds.vpc.guest.networkd.command.some((word) => word.includes('trixie'));
    if (restarts === 0 || !isOld) return false;
    const isAway = steps.some((step) => step.do === 'enid' && step.how !== 'reload');
    return isAway || (source.includes(':') && count <= restarts * probesPerRestart);
  }

  /**
   * Everything that was under way arrives; then all has to be right, and everything foreign as it
   * was.
   */
  async #becomeQuiet(): Promise<void> {
    const { vpc, lingering, silent } = this.#deeds;
    await vpc.imds.setFaults([]);
    for (const id of lingering) await vpc.metadata.remove(id);
    lingering.clear();
    for (const id of silent) if (vpc.enis.some((eni) => eni.id === id)) await vpc.setService(id, true);
    silent.clear();
    for (const { id } of vpc.enis) await vpc.publish(id);
    await until('a reload', async () => (await runEnid(vpc.guest, ['reload'])).code === 0);
    await awaitReach(vpc, quietMs);
    await this.#deeds.enid.converged(quietMs);
    // More than one look: an advertisement or a renewal may come between two readings of one.
    let plan = await this.#deeds.enid.plan();
    const isEmpty = async () => {
      plan = await this.#deeds.enid.plan();
      return plan.code === 0;
    };
    if (plan.code !== 0) await until('an empty plan', isEmpty).catch(() => undefined);
    if (plan.code !== 0) throw new Error(`kernel and desired state differ:\n${plan.stdout}`);
    const harm = await findHarm(vpc);
    if (harm.length > 0) throw new Error(`foreign state was changed:\n${harm.join('\n')}`);
  }

  /** The same ENIs on a host where nothing ever happened. */
  async compareWithQuietHost(release: Release): Promise<void> {
    const { vpc } = this.#deeds;
    const quiet = await ChaosHost.open(release, 'quiet', [...vpc.enis]);
    try {
      const [have, want] = [await readComparable(vpc), await readComparable(quiet.#deeds.vpc)];
      const missing = want.filter((line) => !have.includes(line)).map((line) => `- ${line}`);
      const extra = have.filter((line) => !want.includes(line)).map((line) => `+ ${line}`);
      if (missing.length + extra.length > 0) {
        throw new Error(
          `the end differs from the quiet host's (- there, + here):\n${[...missing, ...extra].join('\n')}`,
        );
      }
    } finally {
      await quiet.close();
    }
  }
}

/**
 * Without numbers of links and next hops, and without the other programs' links, which are looked
 * at by themselves.
 */
async function readComparable(vpc: Vpc): Promise<string[]> {
  return (await readState(vpc))
    .split('\n')
    .filter((line) => !/docker0|ctr1|^\d+: lo|dev lo|ifb/.test(line))
    .map((line) => (/^\d+: (not )?from /.test(line) ? line : line.replace(/^\d+: /, '')))
    .map((line) =>
      line
        .replace(/@if\d+|link-netnsid \d+| nhid \d+/g, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .sort();
}
