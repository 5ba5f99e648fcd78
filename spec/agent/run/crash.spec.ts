/**
 * Promise P6 with new metadata in flight: killed between any two steps, with a disk that accepts
 * every write, none, or suddenly none any more, the program restarts without the metadata service
 * and removes nothing that works.
 */

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MetadataError } from '../../../agent/errors.ts';
import type { Change, Ledger, Snapshot } from '../../../agent/model.ts';
import { KeptValue } from '../../../agent/run/kept-value.ts';
import { Reconciler } from '../../../agent/run/reconciler.ts';
import { MetadataPoller, type StoredMetadata } from '../../../agent/watch/metadata-poller.ts';
import type { ModelWorld } from '../../../fixtures/model/world.ts';
import { makeWorld, snapshotOf } from '../../properties/host.ts';
import { makeEni } from '../eni.ts';

type Fault = 'none' | 'metadata' | 'ledger' | 'both';

/** What survives the program. */
class Disk {
  metadata: StoredMetadata | null = null;
  ledger: Ledger = {};
  fault: Fault = 'none';

  write(what: 'metadata' | 'ledger'): void {
    if (this.fault === what || this.fault === 'both') throw new Error('ENOSPC');
  }
}

/** The program from its start until it is killed at a step: a write to disk, or a change. */
class Program {
  readonly changes: Change[] = [];
  steps = 0;
  #isDead = false;
  readonly #killAt: number;
  readonly #poller: MetadataPoller;
  readonly #reconciler: Reconciler;

  constructor(world: ModelWorld, disk: Disk, read: () => Promise<Snapshot>, killAt = Number.POSITIVE_INFINITY) {
    this.#killAt = killAt;
    const kept = new KeptValue<StoredMetadata>({
      write: async (stored) => {
        await this.#step();
        disk.write('metadata');
        disk.metadata = stored;
      },
      onFailure: () => undefined,
    });
    this.#poller = new MetadataPoller({
      read,
      intervalMs: 60_000,
      stored: disk.metadata,
      keep: (stored) => kept.keep(stored),
      onChanged: () => this.#reconciler.wake(),
      onTrouble: () => undefined,
      onLost: () => undefined,
      onRecovered: () => undefined,
      presentMacs: () => new Set(world.state.links.flatMap(({ mac }) => (mac === null ? [] : [mac]))),
    });
    const senses = {
      kernel: () => world.kernel(),
      readKernel: async () => undefined,
      networkd: () => world.state.networkd,
      lostRouters: () => [],
      files: () => world.files(),
      replies: () => world.state.replies,
      metadata: () => ({ ...this.#poller.metadata(), isSilent: false }),
    };
    const acts = {
      apply: async (changes: readonly Change[]) => {
        for (const change of changes) {
          await this.#step();
          this.changes.push(change);
          world.state.snapshot = this.#poller.metadata().snapshot;
          world.apply(change, world.decide().desired);
        }
        return changes.map((change) => ({ change, error: null, isMoot: false }));
      },
      readLedger: () => disk.ledger,
      writeLedger: async (ledger: Ledger) => {
        await this.#step();
        disk.write('ledger');
        disk.ledger = ledger;
        world.state.ledger = ledger;
      },
    };
    const ignore = () => undefined;
    const listener = { changed: ignore, fought: ignore, passed: ignore, failed: ignore, ledgerFailed: ignore };
    this.#reconciler = new Reconciler(world.state.config, senses, acts, listener);
  }

  /** A killed program does nothing more. */
  async #step(): Promise<void> {
    if (!this.#isDead) this.#isDead = this.steps === this.#killAt;
    if (this.#isDead) await new Promise(() => undefined);
    this.steps++;
  }

  get isKilled(): boolean {
    return this.#isDead;
  }

  async run(ms: number): Promise<void> {
    this.#reconciler.start();
    void this.#poller.readNow();
    await jest.advanceTimersByTimeAsync(ms);
  }

  /** Makes the poller ask the service again, and advances the clock. */
  async poll(ms: number): Promise<void> {
    void this.#poller.readNow();
    await jest.advanceTimersByTimeAsync(ms);
  }

  kill(): void {
    this.#isDead = true;
    this.#poller.stop();
    void this.#reconciler.stop();
  }
}

const before = snapshotOf([makeEni(0), makeEni(1)]);
const more = {
  ...makeEni(1),
  ipv4Addresses: [...makeEni(1).ipv4Addresses, '10.0.1.99'],
  ipv4Prefixes: ['10.0.1.160/28'],
  ipv6Addresses: [...makeEni(1).ipv6Addresses, '2001:db8:0:1::99'],
};
const after = snapshotOf([makeEni(0), more]);

const silent = async (): Promise<Snapshot> => Promise.reject(new MetadataError('status', 'mac', 'got 503'));

beforeEach(() => {
  jest.useFakeTimers({ advanceTimers: false, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** What others can see of a host: all addresses, rules and routes, whoever made them. */
function listObjects({ state }: ModelWorld): string[] {
  return [
    ...state.addresses.map(({ linkIndex, address }) => `address ${linkIndex} ${address}`),
    ...state.rules.map(({ priority, source, table }) => `rule ${priority} ${source} ${table}`),
    ...state.routes.map(
      ({ table, destination, gateway, linkIndex }) => `${table} ${destination} ${gateway} ${linkIndex}`,
    ),
  ];
}

async function tryAt(fault: Fault, killAt: number): Promise<{ isOver: boolean; lost: string[]; removed: string[] }> {
  const world = makeWorld([makeEni(0), makeEni(1)]);
  const disk = new Disk();
  let answer = before;
  const first = new Program(world, disk, async () => answer);
  await first.run(10_000);
  first.kill();
  answer = after;
  disk.fault = fault;
  const second = new Program(world, disk, async () => answer, killAt);
  await second.run(10_000);
  await second.poll(10_000);
  const isOver = !second.isKilled;
  second.kill();
  const stood = listObjects(world);
  const third = new Program(world, disk, silent);
  await third.run(120_000);
  const left = new Set(listObjects(world));
  const removed = third.changes
    .filter(({ kind }) => kind.startsWith('remove-'))
    .map(({ kind, mac }) => `${kind} ${mac}`);
  third.kill();
  return { isOver, lost: stood.filter((object) => !left.has(object)), removed };
}

describe.each<Fault>(['none', 'metadata', 'ledger', 'both'])('with a disk that refuses: %s', (fault) => {
  it('removes nothing after it was killed at any step', async () => {
    let killAt = 0;
    for (; ; killAt++) {
      const { isOver, lost, removed } = await tryAt(fault, killAt);
      expect({ killAt, lost, removed }).toEqual({ killAt, lost: [], removed: [] });
      if (isOver) break;
    }
    expect(killAt).toBeGreaterThan(5);
  }, 120_000);
});

it('configures everything once the metadata service answers', async () => {
  const world = makeWorld([makeEni(0), makeEni(1)]);
  const disk = new Disk();
  const first = new Program(world, disk, async () => before);
  await first.run(10_000);
  first.kill();
  disk.fault = 'metadata';
  const second = new Program(world, disk, async () => after);
  await second.run(10_000);
  second.kill();
  // Its files were written once; what the service no longer lists is removed when a second read
  // confirms it.
  disk.fault = 'none';
  const third = new Program(world, disk, async () => before);
  await third.run(10_000);
  await third.poll(10_000);
  third.kill();
  expect(listObjects(world).filter((object) => object.includes('10.0.1.99'))).toEqual([]);
  expect(third.changes.some(({ kind }) => kind === 'remove-address')).toBe(true);
}, 60_000);
