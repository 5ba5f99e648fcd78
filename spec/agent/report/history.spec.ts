import { expect, it } from '@jest/globals';
import type { Change } from '../../../agent/model.ts';
import { History } from '../../../agent/report/history.ts';

function removeFile(mac: string): Change {
  return { mac, linkName: 'ens6', reason: 'no longer desired', kind: 'remove-file', name: '70-ens6.network' };
}

it('remembers the last change of each ENI and counts its repairs by kind', () => {
  const history = new History('/run/systemd/network');
  expect(history.of('06:00:00:00:00:01')).toEqual({ lastChange: null, repairs: {}, recurring: [], lastFight: null });
  const at = new Date('2026-01-02T03:04:05.678Z');
  for (const repair of ['rule', null, 'route', 'rule'] as const)
    history.record(removeFile('06:00:00:00:00:01'), repair, at);
  expect(history.of('06:00:00:00:00:01')).toEqual({
    lastChange: {
      time: '2026-01-02T03:04:05.678Z',
      command: 'rm /run/systemd/network/70-ens6.network',
      reason: 'no longer desired',
    },
    repairs: { rule: 2, route: 1 },
    recurring: [{ command: 'rm /run/systemd/network/70-ens6.network', count: 3, time: at.toISOString() }],
    lastFight: null,
  });
});

it('does not grow with the ENIs that come and go', () => {
  const history = new History('/run/systemd/network');
  for (let index = 0; index < 1_000; index++) history.record(removeFile(`mac ${index}`), 'file', new Date());
  expect(history.of('mac 0').repairs).toEqual({});
  expect(history.of('mac 999').repairs).toEqual({ file: 1 });
});

it('counts repairs that recur, keeps the last changes of the host and the last fight', () => {
  const history = new History('/run/systemd/network');
  const [first, second] = ['06:00:00:00:00:01', '06:00:00:00:00:02'];
  for (let times = 0; times < 4; times++) history.record(removeFile(first), 'file', new Date(times));
  for (let times = 0; times < 2; times++) history.record(removeFile(second), 'file', new Date(times));
  history.record(removeFile(second), null, new Date(9));
  history.fought(removeFile(second), 20, new Date(10));
  const command = 'rm /run/systemd/network/70-ens6.network';
  expect(history.of(first).recurring).toEqual([{ command, count: 4, time: new Date(3).toISOString() }]);
  expect(history.of(second)).toMatchObject({
    recurring: [],
    lastFight: { command, count: 20, time: new Date(10).toISOString() },
  });
  expect(history.recent).toHaveLength(7);
  expect(history.recent[0]).toEqual({
    ...{ time: new Date(9).toISOString(), command, reason: 'no longer desired' },
    ...{ mac: second, link: 'ens6', repair: null },
  });
});

it('counts no more different repairs than it can hold', () => {
  const history = new History('/run');
  for (let index = 0; index < 1_000; index++)
    for (let times = 0; times < 3; times++)
      history.record({ ...removeFile('m'), kind: 'remove-file', name: `${index}` }, 'file', new Date(index));
  expect(history.of('m').recurring).toHaveLength(5);
  expect(history.recent).toHaveLength(10);
});
