/** When the metadata is read again, and what a read changes. */

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MetadataError } from '../../../agent/errors.ts';
import type { Snapshot } from '../../../agent/model.ts';
import { MetadataPoller, type StoredMetadata } from '../../../agent/watch/metadata-poller.ts';
import { snapshotOf } from '../../properties/host.ts';
import { makeEni } from '../eni.ts';

const intervalMs = 60_000;

class Harness {
  readonly readsMs: number[] = [];
  readonly changes: StoredMetadata[] = [];
  readonly troubles: string[] = [];
  recovered = 0;
  wakes = 0;
  write: (metadata: StoredMetadata) => Promise<void> = async () => undefined;
  present = new Set<string>();
  answer: () => Promise<Snapshot> = async () => snapshotOf([makeEni(0)]);
  readonly poller: MetadataPoller;

  constructor(stored: StoredMetadata | null = null) {
    this.poller = new MetadataPoller({
      read: () => {
        this.readsMs.push(performance.now());
        return this.answer();
      },
      intervalMs,
      stored,
      keep: async (metadata) => {
        this.changes.push(metadata);
        await this.write(metadata);
      },
      onChanged: () => {
        this.wakes += 1;
      },
      onTrouble: (message) => this.troubles.push(message),
      onLost: (message) => this.troubles.push(message),
      onRecovered: () => {
        this.recovered += 1;
      },
      presentMacs: () => this.present,
      random: () => 1,
    });
  }

  fail(): void {
    this.answer = () => Promise.reject(new MetadataError('status', 'mac', 'got 503'));
  }

  /** Lets so much time pass; how many reads that took. */
  async pass(ms: number): Promise<number> {
    const before = this.readsMs.length;
    await jest.advanceTimersByTimeAsync(ms);
    return this.readsMs.length - before;
  }
}

let harness: Harness;
beforeEach(() => {
  jest.useFakeTimers();
  harness = new Harness();
});
afterEach(() => {
  harness.poller.stop();
  jest.useRealTimers();
});

describe('the poller', () => {
  it('reads within each interval, never twice at the same time, and tells only of changes', async () => {
    await harness.poller.readNow();
    expect(harness.changes).toHaveLength(1);
    expect(await harness.pass(10 * intervalMs)).toBeGreaterThanOrEqual(10);
    expect(harness.readsMs.length).toBeLessThanOrEqual(13);
    expect(harness.changes).toHaveLength(1);
    harness.answer = () => new Promise(() => undefined);
    void harness.poller.readNow();
    void harness.poller.readNow();
    expect(await harness.pass(intervalMs)).toBe(0);
  });

  it('reads at once and quickly while a link waits for its metadata, for as long as propagation takes', async () => {
    await harness.poller.readNow();
    harness.poller.await('06:00:00:00:00:02');
    expect(await harness.pass(1)).toBe(1);
    expect(await harness.pass(2_000)).toBeGreaterThanOrEqual(4);
    harness.poller.await('06:00:00:00:00:02');
    expect(await harness.pass(28_000)).toBeGreaterThanOrEqual(26);
    expect(await harness.pass(50_000)).toBeLessThanOrEqual(2);
    // Another link that waits begins afresh; nothing that waits ends it.
    harness.poller.await('06:00:00:00:00:02,06:00:00:00:00:03');
    expect(await harness.pass(1)).toBe(1);
    harness.poller.await(null);
    await harness.pass(2_000);
    expect(await harness.pass(40_000)).toBeLessThanOrEqual(1);
  });

  it('backs off while the service fails, tells of it once, and keeps what was known', async () => {
    await harness.poller.readNow();
    harness.fail();
    await harness.poller.readNow();
    expect(await harness.pass(1_000)).toBeGreaterThanOrEqual(1);
    const reads = await harness.pass(600_000);
    expect(reads).toBeLessThanOrEqual(20);
    expect(reads).toBeGreaterThanOrEqual(9);
    expect(harness.troubles).toEqual(['got 503']);
    expect(harness.poller.metadata().snapshot).toEqual(snapshotOf([makeEni(0)]));
    harness.answer = async () => snapshotOf([makeEni(0)]);
    await harness.pass(60_000);
    expect(harness.recovered).toBe(1);
    expect(harness.changes).toHaveLength(1);
  });

  it('asks every few seconds while nothing is known at all, however long that lasts', async () => {
    harness.fail();
    await harness.poller.readNow();
    await harness.pass(3_600_000);
    harness.answer = async () => snapshotOf([makeEni(0)]);
    expect(await harness.pass(5_000)).toBeGreaterThanOrEqual(1);
    expect(harness.poller.metadata().snapshot).toEqual(snapshotOf([makeEni(0)]));
  });

  it('believes what shrinks after a second read soon after', async () => {
    const both = snapshotOf([makeEni(0), makeEni(1)]);
    harness.answer = async () => both;
    await harness.poller.readNow();
    harness.answer = async () => snapshotOf([makeEni(0)]);
    await harness.poller.readNow();
    expect(harness.poller.metadata().snapshot).toEqual(both);
    expect(await harness.pass(3_100)).toBe(1);
    expect(harness.poller.metadata().snapshot).toEqual(snapshotOf([makeEni(0)]));
  });

  it('keeps an ENI that is no longer in the metadata until its link goes', async () => {
    const both = snapshotOf([makeEni(0), makeEni(1)]);
    harness.present = new Set([makeEni(0).mac, makeEni(1).mac]);
    harness.answer = async () => both;
    await harness.poller.readNow();
    // The reader gives the same object where all is as it was.
    const one = snapshotOf([makeEni(0)]);
    harness.answer = async () => one;
    for (let count = 0; count < 6; count++) await harness.poller.readNow();
    expect(harness.poller.metadata().departed).toEqual([makeEni(1)]);
    harness.present.delete(makeEni(1).mac);
    await harness.poller.readNow();
    expect(harness.poller.metadata().departed).toEqual([]);
  });

  it('begins with what was stored, and changes nothing where the service says the same', async () => {
    const stored = { snapshot: snapshotOf([makeEni(0)]), departed: [] };
    harness = new Harness(stored);
    expect(harness.poller.metadata()).toEqual({ ...stored, isConfirmed: false });
    await harness.poller.readNow();
    expect(harness.changes).toEqual([]);
    // What is remembered counts for more from now on.
    expect(harness.poller.metadata()).toEqual({ ...stored, isConfirmed: true });
    expect(harness.wakes).toBe(1);
    await harness.poller.readNow();
    expect(harness.wakes).toBe(1);
  });

  it('shows what it has accepted when that was written, or could not be', async () => {
    let written: () => void = () => undefined;
    harness.write = () =>
      new Promise((resolve) => {
        written = resolve;
      });
    const read = harness.poller.readNow();
    await harness.pass(10);
    expect(harness.changes).toHaveLength(1);
    expect([harness.poller.metadata().snapshot, harness.wakes]).toEqual([null, 0]);
    written();
    await read;
    expect([harness.poller.metadata().snapshot, harness.wakes]).toEqual([snapshotOf([makeEni(0)]), 1]);
  });

  it.each([
    ['answers', async () => snapshotOf([makeEni(0)])],
    ['fails', async () => Promise.reject(new MetadataError('status', 'mac', 'got 503'))],
  ])('takes no answer of a read that began under another configuration: it %s', async (_how, answer) => {
    const tagged = { ...snapshotOf([makeEni(0)]), tags: { role: 'gateway' } };
    let end: () => void = () => undefined;
    harness.answer = async () => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return answer();
    };
    const old = harness.poller.readNow();
    harness.answer = async () => tagged;
    harness.poller.abandonRead();
    await harness.poller.readNow();
    expect(harness.poller.metadata().snapshot).toEqual(tagged);
    end();
    expect(await old).toBe(false);
    expect(harness.poller.metadata().snapshot).toEqual(tagged);
    expect([harness.troubles, harness.poller.failure, harness.changes.length]).toEqual([[], null, 1]);
    // It goes on with its own time.
    expect(await harness.pass(10 * intervalMs)).toBeGreaterThanOrEqual(10);
  });

  it('takes a change after however many equal reads, and the same read again after it', async () => {
    const [before, after] = [snapshotOf([makeEni(0)]), snapshotOf([makeEni(0), makeEni(1)])];
    harness.present = new Set([makeEni(0).mac]);
    for (const [snapshot, changes] of [
      [before, 1],
      [after, 2],
      [before, 3],
    ] as const) {
      harness.answer = async () => snapshot;
      // What is gone goes with the second read.
      for (let count = 0; count < 5; count++) await harness.poller.readNow();
      expect(harness.poller.metadata().snapshot?.enis).toEqual(snapshot.enis);
      expect(harness.changes).toHaveLength(changes);
    }
  });

  it('reads no more once it is stopped', async () => {
    await harness.poller.readNow();
    harness.poller.stop();
    expect(await harness.pass(10 * intervalMs)).toBe(0);
  });
});
