import { expect, it } from '@jest/globals';
import type { EniReport, EniState } from '../../../agent/model.ts';
import { listTroubles } from '../../../agent/report/troubles.ts';

function report(mac: string, linkName: string | null, state: EniState): EniReport {
  return { mac, eni: null, linkIndex: null, linkName, isPrimary: false, state };
}

it('tells a reason once, with the links it holds for', () => {
  const noBus: EniState = { kind: 'degraded', reason: 'systemd-networkd is not running' };
  const reports = [
    report('06:00:00:00:00:01', 'ens5', noBus),
    report('06:00:00:00:00:02', 'ens6', noBus),
    report('06:00:00:00:00:03', 'ens7', { kind: 'configured' }),
  ];
  const conflicts = [
    { mac: '06:00:00:00:00:03', reason: 'a route of another program stands there' },
    { mac: '06:00:00:00:00:09', reason: 'two links have this MAC' },
  ];
  expect(listTroubles(reports, conflicts)).toEqual([
    'ens7: a route of another program stands there',
    '06:00:00:00:00:09: two links have this MAC',
    'ens5, ens6: systemd-networkd is not running',
  ]);
});
