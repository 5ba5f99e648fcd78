/** What is told of changes and fights. */

import { beforeEach, expect, it } from '@jest/globals';
import type { Change } from '../../../agent/model.ts';
import { ChangeLog } from '../../../agent/report/change-log.ts';
import type { Fields, Journal } from '../../../agent/report/journal.ts';
import { TroubleLog } from '../../../agent/report/trouble-log.ts';
import { makeEni } from '../eni.ts';

const about = { mac: makeEni(1).mac, linkName: 'ens6', reason: 'missing' };
const name: Change = { ...about, kind: 'add-alt-name', linkIndex: 3, altName: 'eni-1' };

let lines: string[];
let log: ChangeLog;
beforeEach(() => {
  lines = [];
  const write =
    (level: string, fixed: Fields) =>
    (message: string, fields: Fields = {}) =>
      void lines.push(`${level} ${message} ${Object.keys({ ...fixed, ...fields }).join()}`);
  const open = (fixed: Fields): Journal => ({
    debug: write('debug', fixed),
    info: write('info', fixed),
    warning: write('warning', fixed),
    error: write('error', fixed),
    child: (fields) => open({ ...fixed, ...fields }),
  });
  const journal = open({});
  log = new ChangeLog({
    directory: '/run/systemd/network',
    journal,
    troubles: new TroubleLog((message, fields) => journal.warning(message, fields)),
    observe: () => undefined,
    findEni: () => makeEni(1),
  });
});

it('tells a change with the object, the reason and the fields to search by, at debug', () => {
  log.changed(name, null, 'name');
  expect(lines).toEqual([
    expect.stringMatching(/^debug .*eni-1.* \(missing\) ENI,DEVICE_NUMBER,MESSAGE_ID,INTERFACE,CHANGE,REPAIR$/),
  ]);
});

it('tells what came of a pass in one line, after the line of the start', () => {
  const report = { ...about, eni: makeEni(1), linkIndex: 3, isPrimary: false, state: { kind: 'configured' } } as const;
  log.changed(name, null, null);
  log.passed({ reports: [report], enis: [] });
  log.started('started', {});
  expect(lines.filter((line) => line.startsWith('info '))).toEqual([
    'info started MESSAGE_ID',
    expect.stringMatching(/^info ens6 configured: .* \(1 change\) ENI,DEVICE_NUMBER,MESSAGE_ID,INTERFACE,CHANGE$/),
  ]);
});

it('tells a refusal once while it lasts', () => {
  for (let count = 0; count < 3; count++) log.changed(name, new Error('failed to add altname eni-1: EPERM'), null);
  expect(lines).toEqual([expect.stringContaining('warning failed to add altname eni-1: EPERM')]);
});

it.each<[Change, string]>([
  [name, 'ip -ts monitor link'],
  [{ ...about, kind: 'remove-file', name: '70-ens6.network' }, 'auditctl -w /run/systemd/network'],
  [{ ...about, kind: 'set-dns', linkIndex: 3, isUsed: false }, 'busctl monitor org.freedesktop.network1'],
  [
    { ...about, kind: 'add-address', address: { linkIndex: 3, address: '10.0.1.5', prefixLength: 32 } },
    'ip -ts monitor address',
  ],
])('tells a fight with the object, the count and how to find who: %#', (change, how) => {
  log.fought(change, 21);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/another program keeps undoing `.+`: done 21 times in a row/);
  expect(lines[0]).toContain(how);
});
