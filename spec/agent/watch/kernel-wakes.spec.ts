import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import type { ChangeListener } from '../../../agent/sense/kernel.ts';
import { wakeOnKernelChanges } from '../../../agent/watch/kernel-wakes.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Link 5 can be an ENI; `update` makes one of 6, or takes 5 away. */
function open(update: (concerned: Set<number>) => void = () => undefined) {
  const concerned = new Set([5]);
  const wake = jest.fn();
  let change: ChangeListener = () => undefined;
  wakeOnKernelChanges({
    mirror: {
      onChange: (listener) => {
        change = listener;
        return () => true;
      },
    },
    candidates: {
      concerns: (index) => concerned.has(index),
      update: () => update(concerned),
    },
    config: () => defaultConfig,
    wake,
  });
  return { wake, change };
}

describe('a change', () => {
  it.each<[string, number | null, (concerned: Set<number>) => void]>([
    ['of a link that can be an ENI', 5, () => undefined],
    ['of no link', null, () => undefined],
    ['that makes a link one that can be an ENI', 6, (concerned) => concerned.add(6)],
    ['by which one that could be an ENI goes', 5, (concerned) => concerned.delete(5)],
  ])('%s wakes at once', (_name, link, update) => {
    const { wake, change } = open(update);
    change(new Set(['link']), new Set([7, link]));
    expect(wake).toHaveBeenCalledTimes(1);
  });

  it('of other programs’ links wakes within a second, and once for many', () => {
    const { wake, change } = open();
    for (let index = 7; index < 500; index++) change(new Set(['link', 'address']), new Set([index]));
    expect(wake).toHaveBeenCalledTimes(0);
    jest.advanceTimersByTime(1_000);
    expect(wake).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(60_000);
    expect(wake).toHaveBeenCalledTimes(1);
    change(new Set(['address']), new Set([7]));
    jest.advanceTimersByTime(1_000);
    expect(wake).toHaveBeenCalledTimes(2);
  });
});
