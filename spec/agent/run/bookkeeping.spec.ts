/**
 * What the reconciler remembers of past changes: reloads, fights, changes that did nothing, what is
 * on disk.
 */

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { InterfaceEntry } from '../../../agent/config/types.ts';
import { mainTable } from '../../../agent/decide/base/numbers.ts';
import { KernelError } from '../../../agent/errors.ts';
import type { Change } from '../../../agent/model.ts';
import { giveLease, makeWorld, plugIn, snapshotOf } from '../../properties/host.ts';
import { makeEni } from '../eni.ts';
import { Harness } from './harness.ts';

let harness: Harness;
beforeEach(() => {
  jest.useFakeTimers({ advanceTimers: true, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  harness = new Harness();
});
afterEach(async () => {
  await harness.reconciler.stop();
  jest.useRealTimers();
});

describe('a reload', () => {
  it('is not requested while a file of its ENI cannot be written', async () => {
    // networkd has only the files in force that a reload gave it: without the file there is nothing
    // to read.
    harness.onApply = ({ kind }) => {
      if (kind === 'write-file') throw new Error('ENOSPC');
    };
    harness.reconciler.start();
    await harness.reconciler.idle();
    await jest.advanceTimersByTimeAsync(60_000);
    await harness.reconciler.idle();
    expect(harness.countCalls('reload')).toBe(0);
    expect(harness.fights).toEqual([]);
    // Retried by itself, with growing delays.
    const writes = harness.countCalls('write-file');
    expect(writes).toBeGreaterThan(8);
    expect(writes).toBeLessThan(60);
    expect(harness.passes.length).toBeLessThan(60);
    harness.onApply = () => undefined;
    await jest.advanceTimersByTimeAsync(65_000);
    await harness.reconciler.idle();
    expect(harness.countCalls('reload')).toBe(2);
    expect(harness.world.decide().difference.changes).toEqual([]);
  });

  it('of one ENI does not wait for the files of another', async () => {
    harness.onApply = (change) => {
      if (change.kind === 'write-file' && change.mac === makeEni(1).mac) throw new Error('ENOSPC');
    };
    harness.reconciler.start();
    await harness.reconciler.idle();
    expect(harness.changed.filter(({ kind }) => kind === 'reload').map(({ mac }) => mac)).toEqual([makeEni(0).mac]);
  });

  it('counts only if its file is on disk when networkd has answered', async () => {
    await harness.converge();
    const { state } = harness.world;
    state.networkd = { ...state.networkd, links: state.networkd.links.map((link) => ({ ...link, networkFile: null })) };
    harness.reconciler.forgetOffers();
    state.offered.clear();
    const apply = harness.world.apply.bind(harness.world);
    let removals = 2;
    harness.world.apply = (change, desired) => {
      // Another program removes the file before networkd reads it.
      if (change.kind === 'reload' && removals-- > 0) return void state.files.clear();
      apply(change, desired);
    };
    await harness.settle();
    await jest.advanceTimersByTimeAsync(5_000);
    await harness.settle();
    expect(harness.countCalls('reload')).toBeGreaterThanOrEqual(4);
    expect(harness.world.decide().difference.changes).toEqual([]);
  });

  it('is reported after the files that were written before it, however fast networkd answers', async () => {
    harness.reconciler.start();
    await harness.reconciler.idle();
    const reload = harness.journal.indexOf('done reload');
    expect(reload).toBeGreaterThan(harness.journal.lastIndexOf('done write-file'));
    expect(harness.calls.filter((call) => call !== 'ledger')).toHaveLength(harness.journal.length);
  });
});

describe('a fight', () => {
  it('is not reported if an ENI is attached and detached repeatedly', async () => {
    await harness.converge();
    const eni = makeEni(1);
    const { state } = harness.world;
    for (let cycle = 1; cycle <= 30; cycle++) {
      const link = state.links.find(({ mac }) => mac === eni.mac);
      state.links = state.links.filter((one) => one !== link);
      state.addresses = state.addresses.filter(({ linkIndex }) => linkIndex !== link?.index);
      state.routes = state.routes.filter(({ linkIndex }) => linkIndex !== link?.index);
      const links = state.networkd.links.filter(({ linkIndex }) => linkIndex !== link?.index);
      state.networkd = { ...state.networkd, links };
      await harness.settle();
      plugIn(harness.world, eni);
      giveLease(harness.world, eni);
      await harness.settle();
    }
    expect(harness.fights).toEqual([]);
    expect(harness.world.decide().difference.changes).toEqual([]);
    expect(harness.passes.at(-1)?.remaining).toEqual([]);
  }, 60_000);

  it('is not reported if EC2 assigns and unassigns an address every 25 s, and the address is added at once each time', async () => {
    await harness.converge();
    const eni = makeEni(1);
    const floating = { ...eni, ipv4Addresses: [...eni.ipv4Addresses, '10.0.1.77'] };
    const isThere = () => harness.world.state.addresses.some(({ address }) => address === '10.0.1.77');
    for (let count = 1; count <= 40; count++) {
      for (const one of [floating, eni]) {
        harness.world.state.snapshot = snapshotOf([makeEni(0), one]);
        harness.reconciler.wake();
        await harness.reconciler.idle();
        expect({ count, isThere: isThere() }).toEqual({ count, isThere: one === floating });
        await jest.advanceTimersByTimeAsync(12_500);
      }
    }
    expect(harness.fights).toEqual([]);
  }, 60_000);

  it('is reported if another program undoes a change while EC2 assigns other addresses', async () => {
    await harness.converge();
    for (let count = 0; count < 60; count++) {
      const addresses = ['10.0.1.4', '10.0.1.5', `10.0.1.${100 + (count % 100)}`];
      harness.world.state.snapshot = snapshotOf([makeEni(0), { ...makeEni(1), ipv4Addresses: addresses }]);
      harness.removeRule();
      harness.reconciler.wake();
      await harness.reconciler.idle();
    }
    expect(harness.fights).toEqual([21, 22, 23]);
  }, 60_000);
});

describe('a change for which the kernel already has an equal object', () => {
  /** The operator's route in main, which bird has, too: the mirror does not keep bird's. */
  const entry: InterfaceEntry = {
    match: { device: 1 },
    policy: { routes: [{ to: '172.20.0.0/16', via: null, table: 'main' }] },
  };
  const isOperators = (change: Change) =>
    change.kind === 'add-route' && change.route.destination === '172.20.0.0/16' && change.route.table === mainTable;

  it('is not logged, is not pending, and is retried with growing delays', async () => {
    const world = makeWorld([makeEni(0), makeEni(1)]);
    world.state.config = { ...world.state.config, interfaces: [entry] };
    harness = new Harness(world);
    let tries = 0;
    let isTaken = true;
    harness.isMoot = (change) => {
      if (!isOperators(change)) return false;
      tries++;
      return isTaken;
    };
    harness.reconciler.start();
    await harness.reconciler.idle();
    await jest.advanceTimersByTimeAsync(30_000);
    await harness.reconciler.idle();
    expect(tries).toBeLessThan(12);
    expect(harness.changed.filter(isOperators)).toEqual([]);
    expect([harness.errors, harness.fights]).toEqual([[], []]);
    expect(harness.passes.at(-1)?.remaining).toEqual([]);
    const passes = harness.passes.length;
    await jest.advanceTimersByTimeAsync(30_000);
    expect(harness.passes.length - passes).toBeLessThan(6);
    // bird's route is removed: ours is added with the next attempt.
    isTaken = false;
    await jest.advanceTimersByTimeAsync(65_000);
    await harness.reconciler.idle();
    expect(harness.changed.filter(isOperators)).toHaveLength(1);
    expect(world.decide().difference.changes).toEqual([]);
  }, 60_000);
});

describe('what is on disk', () => {
  const added = '10.0.1.99';
  const assign = () => {
    const eni = makeEni(1);
    const ipv4Addresses = [...eni.ipv4Addresses, added];
    harness.world.state.snapshot = snapshotOf([makeEni(0), { ...eni, ipv4Addresses }]);
  };
  const isKnown = () => Object.keys(harness.world.state.ledger).some((key) => key.endsWith(` ${added}`));

  it('is finally the ledger: a failed write is retried until it succeeds, and delays nothing', async () => {
    await harness.converge();
    harness.onLedger = () => {
      throw new Error('ENOSPC');
    };
    assign();
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.world.state.addresses.some(({ address }) => address === added)).toBe(true);
    expect(isKnown()).toBe(false);
    expect(harness.ledgerFailures.length).toBeGreaterThan(0);
    await jest.advanceTimersByTimeAsync(60_000);
    const failures = harness.ledgerFailures.length;
    expect(failures).toBeGreaterThan(4);
    expect(failures).toBeLessThan(40);
    harness.onLedger = () => undefined;
    await jest.advanceTimersByTimeAsync(61_000);
    expect(isKnown()).toBe(true);
    expect(harness.countCalls('ledger')).toBe(failures + 1);
  });

  it('is the ledger, even if the program stops before the next retry', async () => {
    await harness.converge();
    harness.onLedger = () => {
      throw new Error('EROFS');
    };
    assign();
    harness.reconciler.wake();
    await harness.reconciler.idle();
    harness.onLedger = () => undefined;
    await harness.reconciler.stop();
    expect(isKnown()).toBe(true);
  });
});

describe('a reporter that throws', () => {
  it.each(['changed', 'fought', 'passed'] as const)('in %s neither fails a pass nor loses its timer', async (what) => {
    await harness.converge();
    harness.onReport = (one) => {
      if (one === what) throw new Error('no reporter');
    };
    for (let count = 0; count < 25; count++) {
      harness.removeRule();
      harness.reconciler.wake();
      await harness.reconciler.idle();
      expect(harness.reconciler.isFailing).toBe(false);
    }
    expect(harness.failures.length).toBeGreaterThan(0);
    // Held back by the fight: only its own timer wakes it.
    harness.onReport = () => undefined;
    await jest.advanceTimersByTimeAsync(10_000);
    await harness.reconciler.idle();
    expect(harness.world.decide().difference.changes).toEqual([]);
  });

  it('on a refused change does not lose the retry', async () => {
    await harness.converge();
    harness.removeRule();
    harness.onReport = () => {
      throw new Error('no reporter');
    };
    let isRefused = true;
    harness.onApply = (change) => {
      if (change.kind === 'add-rule' && isRefused) throw new KernelError('EPERM', 'rule', 'EPERM');
    };
    harness.reconciler.wake();
    await harness.reconciler.idle();
    isRefused = false;
    await jest.advanceTimersByTimeAsync(400);
    await harness.reconciler.idle();
    expect(harness.world.decide().difference.changes).toEqual([]);
  });
});
