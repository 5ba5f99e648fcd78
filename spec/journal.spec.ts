/** docs/journal.md has every message, as the program words it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Change, DesiredEni, DesiredRule, EniMetadata, EniReport } from '../agent/model.ts';
import { describeChange } from '../agent/report/change-text.ts';
import * as events from '../agent/report/event-text.ts';
import { FightLog } from '../agent/report/fight-log.ts';
import { messageIds } from '../agent/report/journal-line.ts';
import { makeDesiredEni } from '../fixtures/model/records.ts';
import { makeEni } from './agent/eni.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/journal.md'), 'utf8');
const sources = ['agent', 'lib'].flatMap((directory) =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, directory, name), 'utf8')),
);

describe('the page has each kind of entry as the program words it', () => {
  const eni: EniMetadata = {
    ...makeEni(1),
    ...{ eniId: 'eni-0123456789abcdef1', ipv4Addresses: ['10.0.2.20', '10.0.2.21'], ipv6Addresses: [] },
    ...{ ipv4Prefixes: ['10.0.2.64/28'], ipv6Prefixes: [] },
  };
  const more = { ...eni, ipv4Addresses: [...eni.ipv4Addresses, '10.0.2.77'] };
  const report: EniReport = {
    ...{ mac: eni.mac, eni, linkIndex: 3, linkName: 'ens6', isPrimary: false, state: { kind: 'configured' } },
  };
  const primary: EniReport = { ...report, linkName: 'ens5', isPrimary: true };
  const reason = '/etc/systemd/network/10-mine.network claims the link';
  const overridden: EniReport = { ...report, state: { kind: 'overridden', reason } };
  const desired: DesiredEni = makeDesiredEni({
    ...{ mac: eni.mac, linkIndex: 3, linkName: 'ens6', tableId: 10_001 },
    routes: [{ table: 10_001, destination: '0.0.0.0/0', type: 'unicast', gateway: null, linkIndex: 3, metric: 513 }],
    networkFiles: [{ name: '70-ens6.network', text: '', role: 'link' }],
  });
  const rule: DesiredRule = {
    ...{ family: 4, priority: 20_001, source: '10.0.2.0/24', destination: null, mark: null, users: null },
    ...{ inputInterface: 'lo', table: 10_001, suppressPrefixLength: null, suppressGroup: null },
  };
  const change: Change = { mac: eni.mac, linkName: 'ens6', reason: 'missing', kind: 'add-rule', rule };
  const command = describeChange(change);
  const tally = (count: number, ...kinds: Change['kind'][]) => ({
    ...{ count, kinds: new Map(kinds.map((kind) => [kind, count])), first: `${command} (missing)` },
  });
  const repair = (times: number) => ({ kind: 'rule', command, reason: 'missing', times }) as const;
  const key = (name: string, before: string, after: string, isLate = false) => ({ key: name, before, after, isLate });
  const placed = { report, eni, desired };
  const time = new Date('2026-01-02T03:04:05Z');
  const networkd = { kind: 'present', version: 257, links: [] } as const;
  const interval = key('imds.interval', '1m', '30s');
  const start = { version: '0.2.0', networkd, reports: [primary, report], isKnown: true };
  const attached = tally(13, 'add-rule', 'reload');
  const isSame = events.describeReload([], null);
  const fight = new FightLog('/run/systemd/network').note(change, 21, 0);

  it.each<[keyof typeof messageIds, string]>([
    ['started', events.describeStart({ ...start, settings: [interval] })],
    ['attached', events.describeAttached(placed, attached, true)],
    ['attached', events.describeAttached(placed, attached, false)],
    ['attached', events.describeAttached({ ...placed, report: overridden }, null, true)],
    ['change', events.describeEc2Change(placed, events.describeAssigned(eni, more), tally(1))],
    ['change', events.describeEc2Change(placed, events.describeAssigned(more, eni), tally(1))],
    ['change', events.describeOtherChange('ens6', tally(2, 'add-rule'))],
    ['change', events.describeRepairs('ens6', [repair(1)])],
    ['change', events.describeRepairs('ens6', [repair(3), repair(1)])],
    ['detached', events.describeDetaching('ens6', eni)],
    ['detached', events.describeDetached('ens6', eni, tally(7))],
    ['reloaded', events.describeReload([interval, key('metrics.listen', 'null', '127.0.0.1:9469', true)], null)],
    ['reloaded', isSame],
    ['reloaded', events.describeReload([], 'expected status 200 or 404, got 503')],
    ['metadata', events.describeInForce(true, time)],
    ['metadata', events.describeInForce(true, null)],
    ['metadataBack', events.describeRecovery({ since: time, until: new Date(time.getTime() + 303_000), failures: 12 })],
    ['fight', fight.message ?? ''],
    ['configuration', '; the previous configuration stays in force'],
    ['refused', 'The kernel, systemd-networkd or the file system refused a change.'],
  ])('%s: %s', (kind, text) => {
    // From the id to the next heading.
    const [, section = ''] = page.split(`\`${messageIds[kind]}\`, `);
    expect(section.split('\n## ')[0]).toContain(text);
  });

  it('and every id', () => {
    expect(Object.values(messageIds).filter((id) => !page.includes(`\`${id}\`, `))).toEqual([]);
  });
});

/** First column of the tables of messages; `…` stands for what differs. */
const rows = page
  .slice(page.indexOf('## Refused'))
  .split('\n')
  .flatMap((line) => /^\| `(.+?)` \|/.exec(line)?.[1] ?? []);

it.each(rows)('the program says `%s`', (row) => {
  const fragments = row.split('…').filter((fragment) => fragment.trim().length > 3);
  expect(fragments.length).toBeGreaterThan(0);
  const found = sources.some((text) => fragments.every((fragment) => text.includes(fragment)));
  expect([row, found]).toEqual([row, true]);
});

it('every message that is written where it is logged is on the page', () => {
  const calls = sources.flatMap((text) => [
    ...text.matchAll(/[jJ]ournal(?:\w*\(\w*\))?\.(?:info|warning|error)\(\s*([`'])(.*?)\1/gs),
    ...text.matchAll(/[tT]roubles\.report\(\s*([`'])(.*?)\1/gs),
    ...text.matchAll(/const (?:message) =\s*([`'])(no answer .*?)\1/gs),
  ]);
  const messages = calls.map(([, , message = '']) => message);
  expect(messages.length).toBeGreaterThan(8);
  const said = rows.join('\n') + page;
  const missing = messages.filter((message) => {
    const fragments = message.split(/\$\{[^}]*\}/).map((one) => one.replace(/^enid run: /, ''));
    return !fragments.every((fragment) => said.includes(fragment.trim()));
  });
  expect(missing).toEqual([]);
});
