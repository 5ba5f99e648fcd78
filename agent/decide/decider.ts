/**
 * The whole decision of a pass: from what is known to the changes. The only composition of the
 * steps, for the daemon, the command line, the tests' model and the benchmarks. Each step is pure
 * and computed again only if its input differs: most passes repair one object, or find nothing to
 * do.
 */

import type { Desired, Ledger } from '../model.ts';
import { rememberLast } from './base/memo.ts';
import { computeDesired } from './desired/desired.ts';
import { keepDesired } from './desired/keep-desired.ts';
import { type Failures, type Sensed, type World, WorldKeeper } from './desired/world.ts';
import { type Actual, Differ, type Difference } from './diff/diff.ts';
import { LedgerKeeper } from './diff/ledger.ts';
import { readDeclared } from './diff/on-file.ts';
import { holdUnconfirmed } from './diff/unconfirmed.ts';
import { findCandidates } from './inputs/match-links.ts';

/** The state of the host, and which files networkd was given and has read. */
export interface Known extends Sensed, Pick<Actual, 'settling' | 'unreloaded' | 'offered' | 'unread'> {
  /**
   * False: the snapshot is remembered from before the start, and the service has not confirmed it
   * yet. No key: it has.
   */
  readonly isConfirmed?: boolean;
}

export interface Decision extends Difference {
  readonly desired: Desired;
  /** To be recorded before the changes are made. */
  readonly ledger: Ledger;
  /** When to decide again even if nothing changes; null: never. */
  readonly againMs: number | null;
  /** Errors thrown for single ENIs, by MAC. */
  readonly thrown: ReadonlyMap<string, unknown>;
}

const nothingThrown: Decision['thrown'] = new Map();
const noFailures: Failures = new Map();

export class Decider {
  readonly #worlds = new WorldKeeper();
  #lastDesired: Desired | null = null;
  readonly #desired = rememberLast((world: World) => {
    this.#lastDesired = keepDesired(this.#lastDesired, computeDesired(world));
    return this.#lastDesired;
  });
  readonly #candidates = rememberLast(({ kernel, config }: Pick<World, 'kernel' | 'config'>) =>
    findCandidates(kernel, config.drivers),
  );
  readonly #declared = rememberLast(readDeclared);
  readonly #recorded = rememberLast(
    ({ declared, ledger }: { declared: Ledger; ledger: Ledger }): Ledger => ({ ...declared, ...ledger }),
  );
  readonly #ledger = new LedgerKeeper();
  readonly #differ = new Differ();

  /**
   * An ENI that makes the decision throw, by a defect of this program, is not changed, and the
   * others are decided without it. Throws if no ENI is the cause. `nowMs`: on a monotonic clock.
   */
  decide(known: Known, nowMs: number): Decision {
    try {
      return this.#decide(known, nowMs, noFailures);
    } catch (error) {
      return this.#decideWithout(known, nowMs, error);
    }
  }

  /** First without any ENI; then adds each one again, unless it makes the decision throw. */
  #decideWithout(known: Known, nowMs: number, cause: unknown): Decision {
    const thrown = new Map<string, unknown>();
    const failures = new Map(listMacs(known).map((mac) => [mac, describe(cause)]));
    if (failures.size === 0) throw cause;
    let decision = this.#decide(known, nowMs, new Map(failures));
    for (const mac of [...failures.keys()]) {
      failures.delete(mac);
      try {
        decision = this.#decide(known, nowMs, new Map(failures));
      } catch (error) {
        failures.set(mac, describe(error));
        thrown.set(mac, error);
        decision = this.#decide(known, nowMs, new Map(failures));
      }
    }
    return { ...decision, thrown };
  }

  #decide(known: Known, nowMs: number, failures: Failures): Decision {
    const { networkd, settling, unreloaded, offered, unread } = known;
    const { world, kernel, againMs } = this.#worlds.see(known, nowMs, failures);
    const { ownFiles: files } = world;
    const desired = this.#desired(world);
    const declared = this.#declared({
      files,
      candidates: this.#candidates({ kernel: world.kernel, config: world.config }),
    });
    const recorded = this.#recorded({ declared, ledger: known.ledger });
    const { isConfirmed = true, replies } = known;
    const actual = {
      ...{ kernel, files, networkd, ledger: recorded, settling, unreloaded, offered, unread, isConfirmed },
      ...(replies?.table === undefined ? {} : { replyTable: replies.table }),
    };
    const { changes: all, conflicts } = this.#differ.compute(desired, actual, world.kernel.links);
    const changes = known.isConfirmed === false ? holdUnconfirmed(all, desired, files) : all;
    const ledger = this.#ledger.compute({ desired, previous: recorded, declared, kernel });
    return { desired, ledger, againMs, thrown: nothingThrown, changes, conflicts };
  }
}

/**
 * The input of a one-off decision without a running daemon: networkd is not configuring anything
 * for us.
 */
export function lookOnce(sensed: Sensed & Pick<Known, 'isConfirmed'>): Known {
  const [settling, unreloaded, unread] = [new Set<string>(), new Set<string>(), new Set<string>()];
  return { ...sensed, settling, unreloaded, unread, offered: new Set(sensed.directory.own.map(({ name }) => name)) };
}

function listMacs({ snapshot, departed }: Sensed): string[] {
  const listed = (snapshot?.enis ?? []).map((reading) => (reading.kind === 'ready' ? reading.eni.mac : reading.mac));
  return [...new Set([...listed, ...departed.map(({ mac }) => mac)])];
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
