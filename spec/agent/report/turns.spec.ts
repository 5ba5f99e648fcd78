import { expect, it } from '@jest/globals';
import { Turns } from '../../../agent/report/turns.ts';

const work = (done: string[], name: string) => async () => {
  await new Promise(setImmediate);
  done.push(name);
  return name;
};

it('takes turns between those who ask, whoever asks more', async () => {
  const turns = new Turns<number>();
  const done: string[] = [];
  const flood = Array.from({ length: 20 }, (_, index) => turns.run(65_534, work(done, `flood ${index}`)));
  const mine = ['mine 0', 'mine 1'].map((name) => turns.run(0, work(done, name)));
  expect([turns.count(65_534), turns.count(0), turns.count(1)]).toEqual([19, 2, 0]);
  expect(await Promise.all(mine)).toEqual(['mine 0', 'mine 1']);
  expect(done.length).toBeLessThanOrEqual(5);
  await Promise.all(flood);
  expect(done.filter((name) => name.startsWith('flood'))).toHaveLength(20);
});

it('runs one at a time and rests for four times as long', async () => {
  const turns = new Turns<number>();
  let running = 0;
  let most = 0;
  const slow = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 80));
    running -= 1;
  };
  const startMs = performance.now();
  await Promise.all([1, 2, 3].map((who) => turns.run(who, slow)));
  expect(most).toBe(1);
  expect(performance.now() - startMs).toBeGreaterThan(3 * 80 + 2 * 320 - 10);
});

it('goes on after work that fails, which fails its own caller alone', async () => {
  const turns = new Turns<string>();
  const failing = turns.run('a', () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await turns.run('a', async () => 1)).toBe(1);
});
