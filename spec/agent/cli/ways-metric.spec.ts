/** The ways that EC2 drops are counted now and then, and never keep the processor busy. */

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { countWays } from '../../../agent/cli/ways-metric.ts';
import type { AskedWays } from '../../../agent/decide/explain/check-ways.ts';
import type { KnownHost } from '../../../agent/decide/explain/explain.ts';
import type { JudgedWay } from '../../../agent/decide/explain/ways.ts';
import type { WayCounts } from '../../../agent/report/metrics.ts';

const host = {} as KnownHost;
const way = (isLost: boolean, sourceCount: number) => ({ isLost, question: { sourceCount } }) as JudgedWay;
const answer = (...judged: JudgedWay[]) => ({ judged }) as unknown as AskedWays;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it('counts sources, not questions, once a minute, and goes on after a failure', async () => {
  const counts: WayCounts[] = [];
  const problems: unknown[] = [];
  let asked = 0;
  const stop = countWays({
    host: () => host,
    report: (one) => counts.push(one),
    onProblem: (error) => problems.push(error),
    ask: async () => {
      asked += 1;
      if (asked === 1) throw new Error('no kernel');
      return answer(way(false, 3), way(true, 2));
    },
  });
  await jest.advanceTimersByTimeAsync(10_000);
  expect([asked, problems.length, counts]).toEqual([1, 1, []]);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(counts).toEqual([{ checked: 5, dropped: 2 }]);
  stop();
  await jest.advanceTimersByTimeAsync(600_000);
  expect(asked).toBe(2);
});

it('waits a hundred times as long as it took', async () => {
  let asked = 0;
  const stop = countWays({
    host: () => host,
    report: () => undefined,
    onProblem: () => undefined,
    ask: async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return answer();
    },
  });
  await jest.advanceTimersByTimeAsync(13_000);
  await jest.advanceTimersByTimeAsync(299_000);
  expect(asked).toBe(1);
  await jest.advanceTimersByTimeAsync(2_000);
  expect(asked).toBe(2);
  stop();
});

it('asks nothing before the first pass', async () => {
  const ask = jest.fn(async () => answer());
  const stop = countWays({ host: () => null, report: () => undefined, onProblem: () => undefined, ask });
  await jest.advanceTimersByTimeAsync(100_000);
  expect(ask).not.toHaveBeenCalled();
  stop();
});
