/** `enid status` at every width, and when nobody says how wide it may be. */

import { expect, it } from '@jest/globals';
import type { StatusRow } from '../../../agent/report/status-row.ts';
import { renderStatusTable } from '../../../agent/report/status-table.ts';

const row: StatusRow = {
  eni: 'eni-0123456789abcdef0',
  mac: '06:53:e1:00:00:01',
  link: 'ens6',
  primary: false,
  device: 1,
  card: 0,
  state: 'configured',
  reason: null,
  table: 10001,
  mtuOutside: null,
  addresses: ['10.0.2.20', '10.0.2.21'],
  prefixes: ['10.0.2.64/28'],
  publicAddresses: { '198.51.100.7': ['10.0.2.20'] },
  networkFile: '/run/systemd/network/70-ens6.network',
  changesPending: 0,
  lastChange: { time: '2026-01-02T03:04:05.678Z', command: 'ip rule add', reason: 'missing' },
  repairs: { rule: 120, route: 3, address: 45 },
  recurringRepairs: [],
  lastFight: null,
};

const nowMs = Date.parse('2026-01-02T03:06:10.000Z');
const ipv6 = '2001:db8:1234:5678:9abc:def0:1234:5678';
const conflict = 'failed to add route default via 10.0.2.1: file exists; another program (proto 4) has its place';
/** An IPv6-only ENI, one without a link, one with a long reason, long names. */
const rows: StatusRow[] = [
  row,
  { ...row, addresses: [ipv6, ipv6], link: 'enp0s0f0np0d1v2' },
  { ...row, link: null, state: 'waiting', reason: 'no link with this MAC yet', repairs: null, lastChange: null },
  { ...row, eni: null, device: null, state: 'degraded', reason: conflict },
];
const linesOf = (look: Parameters<typeof renderStatusTable>[1], of = rows) =>
  renderStatusTable(of, { nowMs, ...look })
    .trimEnd()
    .split('\n');

it('has ages and the total of the repairs', () => {
  expect(linesOf({}, [row])).toEqual([
    'ENI                    LINK  DEVICE  STATE       ADDRESSES     CHANGED  REPAIRS',
    'eni-0123456789abcdef0  ens6  1.0     configured  10.0.2.20 +1  2m       168',
    '',
    '1 ENI, 1 configured. * primary',
  ]);
  expect(linesOf({ hasFullTimes: true }, [row])[1]).toMatch(/ 2026-01-02 03:04:05 UTC +168$/);
});

it.each([80, 100, 120, 200])('fits into %d columns: no column goes, and no line is wider', (width) => {
  const lines = linesOf({ width });
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width);
  expect(lines[0]).toMatch(/^ENI +LINK +DEVICE +STATE +ADDRESSES +CHANGED +REPAIRS$/);
  expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(conflict);
});

it('shortens what is long in its middle, so that both ends tell it apart', () => {
  expect(linesOf({ width: 80 })[2]).toMatch(/ enp0\S*…\S*1v2 .* 2001\S*…\S*5678 \+1 /);
  expect(linesOf({ width: 200 })[2]).toContain(` ${ipv6} +1 `);
});

it('-o wide has every column, whatever the width', () => {
  expect(
    linesOf({ isWide: true, width: 80 }, [row])
      .slice(0, 2)
      .map((line) => line.split(/ {2,}/)),
  ).toEqual([
    [
      'ENI',
      'LINK',
      'DEVICE',
      'STATE',
      'TABLE',
      'ADDRESSES',
      'PREFIXES',
      'PUBLIC',
      'NETWORK FILE',
      'CHANGED',
      'REPAIRS',
    ],
    [
      'eni-0123456789abcdef0',
      'ens6',
      '1.0',
      'configured',
      '10001',
      '10.0.2.20 +1',
      '10.0.2.64/28',
      '198.51.100.7',
      row.networkFile,
      '2m',
      '168',
    ],
  ]);
});
