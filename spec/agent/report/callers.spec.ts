import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Callers } from '../../../agent/report/callers.ts';
import type { OwnerListener } from '../../../lib/dbus/name-owners.ts';
import type { IncomingCall } from '../../../lib/dbus/object-tree.ts';

/** A bus that counts what it is asked. */
function makeBus(userId: number, { isAuthorised = false, polkitMs = 0 } = {}) {
  const asked = { userId: 0, polkit: 0 };
  let notify: OwnerListener = () => undefined;
  const callers = new Callers({
    readUserId: async () => {
      asked.userId += 1;
      return userId;
    },
    call: async () => {
      asked.polkit += 1;
      if (polkitMs > 0) await new Promise((resolve) => setTimeout(resolve, polkitMs));
      return [[isAuthorised, false, {}]] as never;
    },
    watchName: (_name, listener) => {
      notify = listener;
      return { remove: () => undefined };
    },
  });
  return { callers, asked, loseBus: () => notify({ kind: 'unknown' }, { kind: 'owned', uniqueName: 'x' }) };
}

const callOf = (sender: string, isInteractive = false) => ({ sender, isInteractive }) as IncomingCall;

describe('callers', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  it('are asked about once for each connection', async () => {
    const { callers, asked } = makeBus(65_534);
    const answers = await Promise.all(Array.from({ length: 100 }, () => callers.isAuthorised(callOf(':1.5'), 'act')));
    expect(new Set(answers)).toEqual(new Set([false]));
    expect(asked).toEqual({ userId: 1, polkit: 1 });
    await callers.isAuthorised(callOf(':1.6'), 'act');
    expect(asked).toEqual({ userId: 2, polkit: 2 });
    // A person may be asked now.
    await callers.isAuthorised(callOf(':1.6', true), 'act');
    expect(asked).toEqual({ userId: 2, polkit: 3 });
  });

  it('that are root are not polkit’s matter', async () => {
    const { callers, asked } = makeBus(0);
    expect(await callers.isAuthorised(callOf(':1.5'), 'act')).toBe(true);
    expect(asked.polkit).toBe(0);
  });

  it('are forgotten after 5 s, or with the bus: the next one gives their names to others', async () => {
    const { callers, asked, loseBus } = makeBus(65_534, { isAuthorised: true });
    await callers.isAuthorised(callOf(':1.5'), 'act');
    loseBus();
    await callers.isAuthorised(callOf(':1.5'), 'act');
    expect(asked).toEqual({ userId: 2, polkit: 2 });
    await jest.advanceTimersByTimeAsync(4_900);
    expect(callers.count).toBe(1);
    await jest.advanceTimersByTimeAsync(200);
    expect(callers.count).toBe(0);
  });

  it('wait for a person as long as it takes, with one question', async () => {
    const { callers, asked } = makeBus(65_534, { isAuthorised: true, polkitMs: 60_000 });
    const first = callers.isAuthorised(callOf(':1.5', true), 'act');
    await jest.advanceTimersByTimeAsync(30_000);
    const second = callers.isAuthorised(callOf(':1.5', true), 'act');
    await jest.advanceTimersByTimeAsync(31_000);
    expect([await first, await second, asked.polkit]).toEqual([true, true, 1]);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(callers.count).toBe(0);
  });

  it('are 64 at most', async () => {
    const { callers } = makeBus(65_534);
    for (let index = 0; index < 5_000; index += 1) await callers.readUserId(`:1.${index}`);
    expect(callers.count).toBe(64);
  });

  it('are asked about again where the bus could not tell', async () => {
    const failing = new Callers({
      readUserId: () => Promise.reject(new Error('no')),
      call: () => Promise.reject(new Error('no')),
      watchName: () => ({ remove: () => undefined }),
    });
    await expect(failing.readUserId(':1.5')).rejects.toThrow('no');
    expect(failing.count).toBe(0);
  });
});
