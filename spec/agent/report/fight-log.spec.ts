/** A fight is one line, and then a count once a minute. */

import { expect, it } from '@jest/globals';
import type { Change } from '../../../agent/model.ts';
import { FightLog } from '../../../agent/report/fight-log.ts';

const name = (altName: string, mac = '06:00:00:00:00:01'): Change => {
  return { mac, linkName: 'ens6', reason: 'missing', kind: 'add-alt-name', linkIndex: 3, altName };
};

it('has one line at the beginning, then one a minute with all objects of the link', () => {
  const log = new FightLog('/run/systemd/network');
  const lines = Array.from({ length: 180 }, (_, second) => {
    const news = log.note(name(`n${second % 3}`), 21 + second, second * 1_000);
    return news.message === null ? [] : [[second, news.message] as const];
  }).flat();
  expect(lines.map(([second]) => second)).toEqual([0, 60, 120]);
  expect(lines[0]?.[1]).toMatch(/keeps undoing `ip link property add dev ens6 altname n0`: done 21 times in a row/);
  expect(lines[1]?.[1]).toMatch(
    /^another program still undoes 3 objects on ens6: done \d+ times since \d{4}-.* UTC, last `/,
  );
});

it('tells the fights of two links apart, and one that begins again', () => {
  const log = new FightLog('/run/systemd/network');
  expect(log.note(name('a'), 21, 0).message).not.toBeNull();
  expect(log.note(name('a', '06:00:00:00:00:02'), 21, 1).message).not.toBeNull();
  expect(log.note(name('a'), 22, 2)).toEqual({ message: null, isNew: false });
  expect(log.isFought('ip link property add dev ens6 altname a', 89_000)).toBe(true);
  expect(log.isFought('ip link property add dev ens6 altname a', 100_000)).toBe(false);
  expect(log.note(name('a'), 21, 100_000)).toEqual({ message: expect.stringContaining('keeps undoing'), isNew: true });
});
