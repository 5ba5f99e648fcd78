/** `enid status` on a terminal that is too narrow for all columns. */

import { expect, it } from '@jest/globals';
import { renderStatusTable, type StatusRow } from '../../../agent/report/status-table.ts';

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
  repairs: { rule: 2 },
};

const linesOf = (width?: number, rows: StatusRow[] = [row]) =>
  renderStatusTable(rows, width === undefined ? {} : { width }).split('\n');

it('has all where nobody says how wide it may be, and where it fits', () => {
  const [title = '', line = ''] = linesOf();
  expect(title).toMatch(
    /^ENI +LINK +DEVICE +STATE +TABLE +ADDRESSES +PREFIXES +PUBLIC +NETWORK FILE +LAST CHANGE +REPAIRS$/,
  );
  expect(linesOf(Math.max(title.length, line.length))).toEqual(linesOf());
});

it('shortens the paths of its own files first; others keep theirs', () => {
  const full = Math.max(...linesOf().map(({ length }) => length));
  expect(linesOf(full - 1)[1]).toMatch(/ 70-ens6\.network /);
  expect(linesOf(full - 1).join()).not.toContain('Not shown');
  const other = { ...row, networkFile: '/etc/systemd/network/10-mine.network' };
  expect(linesOf(full - 1, [row, other])[2]).toContain('/etc/systemd/network/10-mine.network');
});

it.each([150, 120, 100, 80])('leaves columns out until it fits into %d, and says which', (width) => {
  const lines = linesOf(width);
  expect(Math.max(...lines.slice(0, 2).map(({ length }) => length))).toBeLessThanOrEqual(width);
  expect(lines[0]).toMatch(/^ENI +LINK +DEVICE +STATE .*ADDRESSES/);
  const omitted = /^Not shown: (.*)\. Widen/.exec(lines.find((line) => line.startsWith('Not shown')) ?? '')?.[1];
  for (const title of omitted?.split(', ') ?? []) expect(lines[0]).not.toContain(title);
});
