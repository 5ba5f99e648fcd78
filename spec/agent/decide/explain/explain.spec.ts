/**
 * explain, plan, status and doctor on one host: what one of them says, none of the others denies.
 */

import { describe, expect, it } from '@jest/globals';
import { explainPacket } from '../../../../agent/decide/explain/explain.ts';
import { isOurs } from '../../../../agent/decide/explain/owner.ts';
import { computeStanding } from '../../../../agent/decide/explain/standing.ts';
import { listWays } from '../../../../agent/decide/explain/ways.ts';
import { buildExplanation, renderExplanation } from '../../../../agent/report/explain-text.ts';
import { buildPlanLine, renderPlan } from '../../../../agent/report/plan-text.ts';
import { type HostChanges, makeHost, rulesBefore, wayRules } from './ways-host.ts';

function explain(source: string, destination: string, changes: HostChanges = {}) {
  const host = makeHost(changes);
  const packet = { source, destination, inputLink: null, userId: 0 };
  return explainPacket({ ...host, packet, answer: host.answer(packet) });
}

const without = (address: string): HostChanges => ({
  addresses: [
    '10.0.1.4/24 dev ens5',
    '10.0.2.4/24 dev ens6',
    '10.0.2.5/32 dev ens6',
    '2001:db8:0:2::20/128 dev ens6',
  ].filter((one) => !one.startsWith(`${address}/`)),
});

describe('the way that enid wants', () => {
  it.each([
    ['10.0.2.4', '192.0.2.1', 'ens6', 10_001],
    ['10.0.2.4', '10.0.2.200', 'ens6', 10_001],
    // Of main only what leads by no ENI.
    ['10.0.2.4', '10.0.1.200', 'ens6', 10_001],
    ['10.0.2.4', '10.0.0.2', 'ens6', 10_001],
    ['10.0.2.4', '172.17.0.5', 'docker0', 254],
    ['2001:db8:0:2::20', '2001:db8:0:1::200', 'ens6', 10_001],
    ['10.0.1.4', '10.0.2.200', 'ens5', 10_000],
    ['10.0.1.4', '192.0.2.1', 'ens5', 254],
    ['10.0.1.4', '172.17.0.5', 'docker0', 254],
  ])('%s → %s: by %s, table %d', (source, destination, linkName, table) => {
    const { wanted, actual, isRight } = explain(source, destination);
    expect(wanted).toMatchObject({ linkName, table });
    expect(actual).toMatchObject({ linkName, table });
    expect(isRight).toBe(true);
  });

  it('is not changed by a link that is not in its group yet; the kernel goes another way', () => {
    const { wanted, actual, isRight, sourceCheck } = explain('10.0.2.4', '10.0.1.200', {
      groups: { ens5: 0, ens6: 0 },
    });
    expect(wanted).toMatchObject({ linkName: 'ens6' });
    expect(actual).toMatchObject({
      linkName: 'ens5',
      rule: { priority: 15_001 },
      route: { destination: '10.0.1.0/24' },
    });
    expect({ isRight, verdict: sourceCheck.verdict }).toEqual({ isRight: false, verdict: 'drops' });
  });

  it('is no excuse: where enid itself wants what EC2 drops, it is not right', () => {
    const { wanted, isRight } = explain('10.0.2.4', '10.0.1.200', { enidRules: rulesBefore });
    expect(wanted).toMatchObject({ linkName: 'ens5' });
    expect(isRight).toBe(false);
  });
});

describe('an assigned address that the host does not have', () => {
  it('is missing, and no packet that is forwarded', () => {
    const text = renderExplanation(buildExplanation(explain('10.0.2.5', '192.0.2.1', without('10.0.2.5'))));
    expect(text).toBe(`10.0.2.5 → 192.0.2.1  (missing on ens6)
  source  secondary address of eni-00000000000000002 (ens6, device 2.0, configured)
  kernel  no route: EINVAL, this host does not have 10.0.2.5
  enid    wants ens6 via 10.0.2.1, table 10001
  EC2     does not check it: no packet leaves: 10.0.2.5 is missing on ens6
RESULT: 10.0.2.5 is missing on ens6, see \`enid plan\`.
`);
  });

  it('in IPv6 too, where the kernel answers all the same', () => {
    const explanation = explain('2001:db8:0:2::20', '2001:db8:ffff::1', without('2001:db8:0:2::20'));
    expect(explanation).toMatchObject({ isRight: false, sourceCheck: { verdict: 'not asked' } });
  });

  it('waits for the lease, where that is to bring it', () => {
    const state = { kind: 'waiting', reason: 'no lease for 10.0.2.4 yet' } as const;
    const { missing, isRight, ...rest } = explain('10.0.2.4', '192.0.2.1', { ...without('10.0.2.4'), state });
    expect(isRight).toBe(false);
    const text = renderExplanation(buildExplanation({ missing, isRight, ...rest }));
    expect(text).toContain('10.0.2.4 is missing on ens6: no lease for 10.0.2.4 yet.');
  });

  it('and that another link has: right by its way, and still not where it belongs', () => {
    const moved = { addresses: ['10.0.2.4/24 dev ens6', '10.0.2.5/32 dev docker0'] };
    const explanation = explain('10.0.2.5', '192.0.2.1', moved);
    expect(explanation).toMatchObject({ isRight: false, missing: { holder: 'docker0' }, actual: { linkName: 'ens6' } });
    expect(renderExplanation(buildExplanation(explanation))).toContain('missing on ens6 (link docker0 has it)');
  });

  it('is in the list of doctor and explain --all, and not among the sources', () => {
    const host = makeHost(without('10.0.2.5'));
    const list = listWays({ ...host, resolvers: [], userId: 0 });
    expect(list.missing.map(({ address, linkName }) => `${address} ${linkName}`)).toContain('10.0.2.5 ens6');
    expect(list.questions.filter(({ source }) => source === '10.0.2.5')).toEqual([]);
  });
});

describe('one ENI has one state', () => {
  it('in explain as in status and doctor: degraded while the plan has changes', () => {
    const missingRules = wayRules.filter((text) => text.startsWith('pref 20001 from 10.0.2.4/31'));
    const host = makeHost({ missingRules });
    const [, report] = host.desired.reports;
    if (report === undefined) throw new Error('expected ens6');
    const state = { kind: 'degraded', reason: '1 change pending' };
    expect(computeStanding(report, host)).toEqual(state);
    expect(explain('10.0.2.4', '192.0.2.1', { missingRules }).owner?.report.state).toEqual(state);
    expect(
      renderPlan({
        changes: host.changes.map((change) => buildPlanLine(change, { directory: '/run/systemd/network', eni: null })),
        conflicts: [],
      }),
    ).toMatch(/\n1 to add, 0 to change, 0 to remove\.\n$/);
  });

  it('with what stands in the way before what is pending; other states say more and stay', () => {
    const changes = makeHost({ missingRules: wayRules }).changes;
    const mac = changes[0]?.mac ?? '';
    const conflicts = [{ mac, reason: 'a route of another program is in the way' }];
    const standing = computeStanding({ mac, state: { kind: 'configured' } }, { changes, conflicts });
    expect(standing).toEqual({
      kind: 'degraded',
      reason: 'a route of another program is in the way; 2 changes pending',
    });
    const waiting = { kind: 'waiting', reason: 'no lease yet' } as const;
    expect(computeStanding({ mac, state: waiting }, { changes, conflicts })).toBe(waiting);
    expect(computeStanding({ mac: 'other', state: { kind: 'configured' } }, { changes, conflicts }).kind).toBe(
      'configured',
    );
  });

  it('and a plan is called converged only where nothing stands in the way and no ENI waits', () => {
    const nothing = 'Nothing to change now, but not converged: see above.\n';
    expect(renderPlan({ changes: [], conflicts: ['06:…: in the way'] })).toBe(`conflict: 06:…: in the way\n${nothing}`);
    const unready = 'ens6: waiting: no lease for 10.0.2.4 yet';
    expect(renderPlan({ changes: [], conflicts: [], unready: [unready] })).toBe(
      `not planned yet: ${unready}\n${nothing}`,
    );
    expect(renderPlan({ changes: [], conflicts: [] })).toBe('Converged: nothing to change.\n');
  });
});

it("an address of an ENI that has no link here is nobody else's either", () => {
  const host = makeHost();
  const reports = host.desired.reports.map((report, place) =>
    place === 0 ? report : { ...report, linkIndex: null, linkName: null },
  );
  const desired = { ...host.desired, reports, enis: host.desired.enis.slice(0, 1) };
  const kernel = { ...host.kernel, addresses: host.kernel.addresses.filter(({ linkIndex }) => linkIndex === 2) };
  expect(isOurs('10.0.2.4', desired, kernel)).toBe(true);
  // Of a prefix, a container may send; and of an address that is on no ENI, anybody.
  expect(isOurs('10.0.2.66', desired, kernel)).toBe(false);
  expect(isOurs('10.0.2.99', desired, kernel)).toBe(false);
});
