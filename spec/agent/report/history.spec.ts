import { expect, it } from '@jest/globals';
import type { Change } from '../../../agent/model.ts';
import { History } from '../../../agent/report/history.ts';

function removeFile(mac: string): Change {
  return { mac, linkName: 'ens6', reason: 'no longer desired', kind: 'remove-file', name: '70-ens6.network' };
}

it('remembers the last change of each ENI and counts its repairs by kind', () => {
  const history = new History('/run/systemd/network');
  expect(history.of('06:00:00:00:00:01')).toEqual({ lastChange: null, repairs: {} });
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
  });
});

it('does not grow with the ENIs that come and go', () => {
  const history = new History('/run/systemd/network');
  for (let index = 0; index < 1_000; index++) history.record(removeFile(`mac ${index}`), 'file', new Date());
  expect(history.of('mac 0').repairs).toEqual({});
  expect(history.of('mac 999').repairs).toEqual({ file: 1 });
});
