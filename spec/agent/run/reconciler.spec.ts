/** The reconciler over a host in memory: passes, retries, fights, failures. */

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eniGroup } from '../../../agent/decide/base/numbers.ts';
import { KernelError } from '../../../agent/errors.ts';
import { snapshotOf } from '../../properties/host.ts';
import { makeEni } from '../eni.ts';
import { Harness } from './harness.ts';

let harness: Harness;
beforeEach(() => {
  // Time passes normally, and is advanced where the test has to wait.
  jest.useFakeTimers({ advanceTimers: true, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  harness = new Harness();
});
afterEach(async () => {
  await harness.reconciler.stop();
  jest.useRealTimers();
});

describe('the reconciler', () => {
  it('does nothing before its start, and writes the ledger before the changes that it covers', async () => {
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.calls).toEqual([]);
    harness.reconciler.start();
    await harness.reconciler.idle();
    expect(harness.calls[0]).toBe('ledger');
    expect(harness.calls.length).toBeGreaterThan(5);
  });

  it('makes one pass for a burst of wake-ups, and reports nothing if nothing is to be done', async () => {
    await harness.converge();
    for (let count = 0; count < 1_000; count++) harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.passes).toHaveLength(1);
    expect(harness.changed).toEqual([]);
    expect(harness.calls).toEqual([]);
  });

  it('repairs what is removed', async () => {
    await harness.converge();
    harness.removeRule();
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.changed.map(({ kind }) => kind)).toEqual(['add-rule']);
    expect(harness.repairs).toEqual(['rule']);
    expect(harness.fights).toEqual([]);
  });

  it('does not count a first configuration or a new desired object as a repair', async () => {
    await harness.converge();
    expect(harness.configuredBy.length).toBeGreaterThan(5);
    expect(new Set(harness.configuredBy)).toEqual(new Set([null]));
    const more = { ...makeEni(1), ipv4Addresses: ['10.0.1.4', '10.0.1.5', '10.0.1.6'] };
    harness.world.state.snapshot = snapshotOf([makeEni(0), more]);
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.changed.map(({ kind }) => kind)).toContain('add-address');
    expect(new Set(harness.repairs)).toEqual(new Set([null]));
  });

  it('knows what the previous run made', async () => {
    await harness.converge();
    harness.removeRule();
    const next = new Harness(harness.world);
    next.reconciler.start();
    await next.reconciler.idle();
    await next.reconciler.stop();
    expect(next.repairs).toEqual(['rule']);
  });

  it('does not wait for networkd: an object removed during a reload is repaired, without a second reload', async () => {
    await harness.converge();
    harness.isNetworkdStuck = true;
    const { state } = harness.world;
    state.networkd = { ...state.networkd, links: state.networkd.links.map((link) => ({ ...link, networkFile: null })) };
    state.files.clear();
    state.offered.clear();
    harness.reconciler.forgetOffers();
    harness.reconciler.wake();
    await harness.reconciler.passed();
    expect(harness.answerReload).not.toBeNull();
    state.links = state.links.map((link) => ({ ...link, altNames: [] }));
    for (let count = 0; count < 3; count++) {
      harness.reconciler.wake();
      await harness.reconciler.passed();
    }
    expect(state.links.every(({ altNames }) => altNames.length > 0)).toBe(true);
    expect(harness.changed.filter(({ kind }) => kind === 'reload')).toEqual([]);
    harness.answerReload?.();
    await harness.reconciler.idle();
    // One answer for both ENIs.
    expect(harness.changed.filter(({ kind }) => kind === 'reload')).toHaveLength(2);
    expect(harness.calls.filter((call) => call === 'reload')).toHaveLength(2);
  });

  it('writes no file, and asks for no second reload, while networkd takes up what the first one offered', async () => {
    await harness.converge();
    harness.isNetworkdStuck = true;
    const { state } = harness.world;
    const networkd = {
      ...state.networkd,
      version: 252,
      links: state.networkd.links.map((link) => ({ ...link, networkFile: null, setupState: 'configuring' })),
    } as typeof state.networkd;
    state.networkd = networkd;
    state.files.clear();
    state.offered.clear();
    harness.reconciler.forgetOffers();
    harness.reconciler.wake();
    await harness.reconciler.passed();
    expect(harness.answerReload).not.toBeNull();
    // What networkd does to the links changes what the files should say, and its answer comes amid
    // a pass.
    harness.changed.length = 0;
    harness.isNetworkdStuck = false;
    const [name = '', text = ''] = [...state.files].at(-1) ?? [];
    state.files.set(name, `${text}# other\n`);
    state.links = state.links.map((link) => ({ ...link, altNames: [], group: 0 }));
    harness.onBatch = async () => {
      harness.answerReload?.();
      for (let count = 0; count < 20; count++) await Promise.resolve();
    };
    await harness.settle(3);
    expect(harness.changed.filter(({ kind }) => kind === 'write-file')).toEqual([]);
    expect(harness.changed.filter(({ kind }) => kind === 'reload')).toHaveLength(2);
    expect(harness.countCalls('reload')).toBe(2);
    expect(state.links.every(({ altNames }) => altNames.length > 0)).toBe(true);
  });

  it('backs off from a fight, tells it once, and goes on with everything else', async () => {
    await harness.converge();
    for (let count = 0; count < 40; count++) {
      harness.removeRule();
      harness.reconciler.wake();
      await harness.reconciler.idle();
    }
    expect(harness.fights).toEqual([21]);
    // On a busy machine the first delay ends meanwhile, once or twice.
    expect(harness.changed.length).toBeGreaterThanOrEqual(21);
    expect(harness.changed.length).toBeLessThan(26);
    expect(harness.passes.at(-1)?.remaining.map(({ kind }) => kind)).toEqual(['add-rule']);
    const { state } = harness.world;
    state.routes = state.routes.filter(({ protocol }) => protocol !== 236);
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.changed.some(({ kind }) => kind === 'add-route')).toBe(true);
    // The first delay is 250 ms; nothing else has to wake it.
    await jest.advanceTimersByTimeAsync(400);
    await harness.reconciler.idle();
    expect(harness.world.decide().difference.changes).toEqual([]);
  });

  it('retries a refused change later, not at once, and keeps the others', async () => {
    await harness.converge();
    harness.removeRule();
    harness.onApply = (change) => {
      if (change.kind === 'add-rule') throw new KernelError('EPERM', 'rule', 'failed to add a rule: EPERM');
    };
    for (let count = 0; count < 10; count++) {
      harness.reconciler.wake();
      await harness.reconciler.idle();
    }
    expect(harness.calls.filter((kind) => kind === 'add-rule')).toHaveLength(1);
    expect(harness.passes.at(-1)?.remaining).toHaveLength(1);
    harness.onApply = () => undefined;
    await jest.advanceTimersByTimeAsync(400);
    await harness.reconciler.idle();
    expect(harness.world.decide().difference.changes).toEqual([]);
  });

  it('reports once a rule that the kernel keeps in another form, and does not fight about it', async () => {
    await harness.converge();
    harness.removeRule();
    const { state } = harness.world;
    const keepOther = () => {
      state.rules = state.rules.map((rule) =>
        rule.table === 10_001 && rule.suppressPrefixLength === null && rule.protocol === 236
          ? { ...rule, priority: rule.priority + 1 }
          : rule,
      );
    };
    const apply = harness.world.apply.bind(harness.world);
    harness.world.apply = (change, desired) => {
      apply(change, desired);
      if (change.kind === 'add-rule') keepOther();
    };
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await harness.reconciler.idle();
    const counts = new Map<string, number>();
    for (const kind of harness.calls) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    expect(counts.get('add-rule') ?? 0).toBeLessThan(8);
    expect(counts.get('remove-rule') ?? 0).toBeLessThan(2);
    const lines = new Set(harness.errors.map(({ message }) => message));
    expect([...lines]).toEqual([expect.stringContaining('does not show it so')]);
    expect(harness.fights).toEqual([]);
    expect(harness.passes.at(-1)?.remaining.map(({ kind }) => kind)).toContain('add-rule');
  });

  it('leaves what the kernel has in place of a rule, even if it was there before the start', async () => {
    await harness.converge();
    // From here on it no longer belongs to networkd.
    harness.removeRule();
    harness.reconciler.wake();
    await harness.reconciler.idle();
    harness.calls.length = 0;
    const { state } = harness.world;
    const apply = harness.world.apply.bind(harness.world);
    harness.world.apply = (change, desired) => {
      apply(change, desired);
      keepOther();
    };
    const keepOther = () => {
      state.rules = state.rules.map((rule) =>
        rule.table === 10_001 && rule.suppressPrefixLength === null && rule.protocol === 236
          ? { ...rule, priority: 9_999 }
          : rule,
      );
    };
    keepOther();
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await harness.reconciler.idle();
    expect(harness.calls.filter((kind) => kind === 'remove-rule').length).toBeLessThan(4);
    expect([...new Set(harness.errors.map(({ message }) => message))]).toEqual([
      expect.stringContaining('the kernel takes add rule'),
    ]);
    expect(state.rules.some(({ priority }) => priority === 9_999)).toBe(true);
  });

  it('repairs the group of one link while the kernel does not show that of another', async () => {
    await harness.converge();
    const { state } = harness.world;
    const [first, second] = state.links.filter(({ group }) => group === eniGroup);
    const setGroup = (index: number | undefined) => {
      state.links = state.links.map((link) => (link.index === index ? { ...link, group: 0 } : link));
    };
    const apply = harness.world.apply.bind(harness.world);
    harness.world.apply = (change, desired) => {
      apply(change, desired);
      if (change.kind === 'set-link-group') setGroup(first?.index);
    };
    setGroup(first?.index);
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 40));
    // Another program changes it while the reconciler waits for the first one.
    setGroup(second?.index);
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(state.links.find(({ index }) => index === second?.index)?.group).toBe(eniGroup);
    setGroup(second?.index);
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(state.links.find(({ index }) => index === second?.index)?.group).toBe(eniGroup);
  });

  it('does not take a delay of the kernel’s events for a refusal', async () => {
    await harness.converge();
    const read = () => ({ ...harness.world.kernel(), rules: [...harness.world.state.rules] });
    let shown = read();
    const show = () => {
      shown = read();
    };
    harness.kernel = () => shown;
    harness.readKernel = async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      show();
    };
    harness.removeRule();
    show();
    harness.reconciler.wake();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(harness.errors).toEqual([]);
    expect(harness.calls.filter((kind) => kind === 'add-rule').length).toBeLessThan(3);
    expect(harness.passes.at(-1)?.remaining).toEqual([]);
  });

  it('survives a pass that fails as a whole, and recovers by itself', async () => {
    await harness.converge();
    harness.sensesFail = true;
    harness.removeRule();
    harness.reconciler.wake();
    await harness.reconciler.idle();
    expect(harness.failures).toHaveLength(1);
    expect(harness.reconciler.isFailing).toBe(true);
    harness.sensesFail = false;
    await jest.advanceTimersByTimeAsync(1_200);
    await harness.reconciler.idle();
    expect(harness.reconciler.isFailing).toBe(false);
    expect(harness.changed.map(({ kind }) => kind)).toEqual(['add-rule']);
  });

  it('stops after the pass in progress', async () => {
    await harness.converge();
    harness.removeRule();
    harness.reconciler.wake();
    await harness.reconciler.stop();
    const count = harness.passes.length;
    harness.reconciler.wake();
    await jest.advanceTimersByTimeAsync(20);
    expect(harness.passes).toHaveLength(count);
  });
});
