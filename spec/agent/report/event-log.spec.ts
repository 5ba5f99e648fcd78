/** One line for each thing that happened to an ENI. */

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Change, DesiredRule, EniMetadata, EniReport, EniState, RepairKind } from '../../../agent/model.ts';
import { EventLog } from '../../../agent/report/event-log.ts';
import { messageIds } from '../../../agent/report/journal-line.ts';
import { makeDesiredEni } from '../../../fixtures/model/records.ts';
import { makeEni } from '../eni.ts';

const eni = makeEni(1);
const configured: EniState = { kind: 'configured' };

function reportOf(state: EniState, metadata: EniMetadata = eni, linkIndex: number | null = 3): EniReport {
  return {
    mac: eni.mac,
    eni: metadata,
    linkIndex,
    linkName: linkIndex === null ? null : 'ens6',
    isPrimary: false,
    state,
  };
}

const rule = (priority: number): Change => {
  const desired: DesiredRule = {
    ...{ family: 4, priority, source: '10.0.2.0/24', destination: null, mark: null, users: null },
    ...{ inputInterface: null, table: 10_001, suppressPrefixLength: null, suppressGroup: null },
  };
  return { mac: eni.mac, linkName: 'ens6', reason: 'missing', kind: 'add-rule', rule: desired };
};

const desired = makeDesiredEni({
  ...{ mac: eni.mac, linkIndex: 3, linkName: 'ens6', tableId: 10_001 },
  routes: [
    { table: 10_001, destination: '0.0.0.0/0', type: 'unicast', gateway: '10.0.2.1', linkIndex: 3, metric: 513 },
  ],
  networkFiles: [{ name: '70-ens6.network', text: '', role: 'link' }],
});

let lines: string[];
let fought: Set<string>;
let log: EventLog;
beforeEach(() => {
  lines = [];
  fought = new Set();
  const nameOf = (id: unknown) => Object.entries(messageIds).find(([, value]) => value === id)?.[0];
  log = new EventLog({
    directory: '/run/systemd/network',
    journalOf: () => ({
      info: (message, { MESSAGE_ID, CHANGE = [], REPAIR = [] } = {}) =>
        void lines.push(`${nameOf(MESSAGE_ID)}: ${message} [${[CHANGE].flat()}] [${[REPAIR].flat()}]`),
    }),
    isFought: (command) => fought.has(command),
  });
});

const pass = (report: EniReport | null, ...made: [Change, RepairKind | null][]) => {
  for (const [change, repair] of made) log.made(change, repair);
  log.passed({ reports: report === null ? [] : [report], enis: [desired] });
  return lines.splice(0);
};
const begin = () => {
  log.start();
  return lines.splice(0);
};

describe('at the start', () => {
  it('an ENI that is as it should be has no line', () => {
    expect(pass(reportOf(configured))).toEqual([]);
    expect(begin()).toEqual([]);
    expect(pass(reportOf(configured))).toEqual([]);
  });

  it('one that is configured has one, when it is', () => {
    expect(pass(reportOf({ kind: 'waiting', reason: 'no lease' }), [rule(1), null])).toEqual([]);
    expect(begin()).toEqual([]);
    expect(pass(reportOf(configured), [rule(2), null])).toEqual([
      `attached: ens6 configured: ${eni.eniId}, ${eni.ipv4Addresses[0]} +1, table 10001, 70-ens6.network (2 changes) [add-rule] []`,
    ]);
  });
});

describe('an ENI that comes and goes', () => {
  beforeEach(() => {
    begin();
  });

  it('is attached once, whatever it takes, and detached once', () => {
    const reload: Change = { mac: eni.mac, linkName: 'ens6', reason: 'new file', kind: 'reload' };
    expect(pass(reportOf({ kind: 'waiting', reason: 'no lease' }), [rule(1), null], [reload, null])).toEqual([]);
    expect(pass(reportOf({ kind: 'degraded', reason: '1 change pending' }))).toEqual([]);
    expect(pass(reportOf(configured))).toEqual([
      expect.stringMatching(
        /^attached: ens6 attached: .*\(2 changes, with a networkctl reload\) \[add-rule,reload\] \[\]$/,
      ),
    ]);
    expect(pass(reportOf({ kind: 'detaching', reason: 'not listed' }))).toEqual([
      expect.stringMatching(/^detached: ens6 is being detached: EC2 no longer lists /),
    ]);
    expect(pass(reportOf({ kind: 'detaching', reason: 'not listed' }))).toEqual([]);
    const removal: Change = {
      mac: eni.mac,
      linkName: '',
      reason: 'gone',
      kind: 'remove-file',
      name: '70-ens6.network',
    };
    expect(pass(null, [removal, null])).toEqual([`detached: ens6 detached: ${eni.eniId} (1 change) [remove-file] []`]);
    expect(pass(null)).toEqual([]);
  });

  it('says why it is not configured', () => {
    expect(pass(reportOf({ kind: 'overridden', reason: '/etc/systemd/network/a.network' }))).toEqual([
      `attached: ens6 attached: ${eni.eniId}, overridden: /etc/systemd/network/a.network [] []`,
    ]);
    expect(pass(reportOf(configured), [rule(1), null])).toEqual([
      'change: ens6 changed: the ENI is configured (1 change) [add-rule] []',
    ]);
  });

  it('without a link has no line', () => {
    expect(pass(reportOf({ kind: 'ignored', reason: 'no network device: EFA-only' }, eni, null))).toEqual([]);
  });
});

describe('an ENI that is there', () => {
  beforeEach(() => {
    pass(reportOf(configured));
    begin();
  });

  it('changed: what EC2 assigned and took', () => {
    const after = {
      ...eni,
      ipv4Addresses: [...eni.ipv4Addresses, '10.0.1.77'],
      publicIpv4: { '198.51.100.7': ['10.0.1.77'] },
    };
    expect(pass(reportOf(configured, after), [rule(1), null])).toEqual([
      'change: ens6 changed: EC2 assigned 10.0.1.77, public address 198.51.100.7 for 10.0.1.77 (1 change) [add-rule] []',
    ]);
    expect(pass(reportOf(configured, eni))).toEqual([
      'change: ens6 changed: EC2 took 10.0.1.77, public address 198.51.100.7 for 10.0.1.77 [] []',
    ]);
    expect(pass(reportOf(configured, { ...eni }))).toEqual([]);
  });

  it('changed for another reason: the command, or how many', () => {
    expect(pass(reportOf(configured), [rule(1), null])).toEqual([
      'change: ens6 changed: ip rule add pref 1 from 10.0.2.0/24 lookup 10001 protocol 236 (missing) [add-rule] []',
    ]);
    expect(pass(reportOf(configured), [rule(1), null], [rule(2), null])).toEqual([
      'change: ens6 changed: 2 rules added; first ip rule add pref 1 from 10.0.2.0/24 lookup 10001 protocol 236 (missing) [add-rule] []',
    ]);
  });

  it('repaired: what, and how often', () => {
    const command = 'ip rule add pref 1 from 10.0.2.0/24 lookup 10001 protocol 236';
    expect(pass(reportOf(configured), [rule(1), 'rule'])).toEqual([
      `change: ens6 repaired: ${command} (missing); another program had removed or altered the rule, the first time [add-rule] [rule]`,
    ]);
    expect(pass(reportOf(configured), [rule(2), 'rule'], [rule(1), 'rule'])).toEqual([
      expect.stringMatching(
        /^change: ens6 repaired: 2 rules that another program had .*, 2 times since the start; first ip rule add pref 2 /,
      ),
    ]);
    fought.add(command);
    expect(pass(reportOf(configured), [rule(1), 'rule'])).toEqual([]);
  });
});
