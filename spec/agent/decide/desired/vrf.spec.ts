/**
 * What follows from `vrf:`: when it can be, whose the VRF is, and when a link is put back. The
 * files are in the scenarios.
 */

import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../agent/config/parse.ts';
import type { InterfacePolicy } from '../../../../agent/config/types.ts';
import { computeLocalRoutes } from '../../../../agent/decide/desired/eni-objects.ts';
import { resolvePolicy } from '../../../../agent/decide/desired/policy.ts';
import { applyVrf, findVrfObstacle, isInPlace } from '../../../../agent/decide/desired/vrf.ts';
import { isVrfOurs } from '../../../../agent/decide/desired/whose-file.ts';
import { diffVrfs } from '../../../../agent/decide/diff/vrf.ts';
import type { Desired, Link } from '../../../../agent/model.ts';
import { makeDesiredEni, makeLink } from '../../../../fixtures/model/records.ts';
import { makeEni } from '../../eni.ts';

const eni = makeEni(2);
const link = makeLink({ index: 3, name: 'ens6', mac: eni.mac });
const vrf = makeLink({ index: 9, name: 'wan1', mac: null, kind: 'vrf', vrfTable: 4242 });
const config = parseConfig('interfaces: []', 'f');

function policy(keys: string): InterfacePolicy {
  const parsed = parseConfig(`interfaces: [{ ${keys} }]`, 'f');
  return resolvePolicy(parsed, { eni, isPrimary: false, linkName: 'ens6', driver: 'ena', tags: {} });
}

describe('the policy', () => {
  it.each<[string, string, readonly Link[], Partial<InterfacePolicy>]>([
    ['has no rules in a VRF, and the table that it says', 'vrf: wan1, table: 77', [], { rules: 'none', table: 77 }],
    ['has the table of a VRF that is there', 'vrf: wan1, table: 77', [vrf], { rules: 'none', table: 4242 }],
    ['is as it was without one', 'table: 77', [vrf], { rules: 'standard', table: 77 }],
  ])('%s', (_name, keys, links, want) => {
    expect(applyVrf(policy(keys), links)).toMatchObject(want);
  });
});

describe('an obstacle', () => {
  const bridge = makeLink({ index: 9, name: 'wan1', mac: null, kind: 'bridge' });

  it.each<[string, string, readonly Link[], boolean, RegExp | null]>([
    ['none: no such link yet', 'vrf: wan1', [link], false, null],
    ['none: the VRF is there', 'vrf: wan1', [vrf], false, null],
    ['none: nothing is asked for', 'mtu: 1500', [bridge], true, null],
    ['none: the ENI is nobody’s business', 'vrf: wan1, manage: none', [bridge], true, null],
    ['a link of another kind', 'vrf: wan1', [bridge], false, /link wan1 is not a VRF/],
    ['the primary', 'vrf: wan1', [vrf], true, /the primary ENI is not put into VRF wan1/],
  ])('%s', (_name, keys, links, isPrimary, want) => {
    const found = findVrfObstacle(policy(keys), links, isPrimary);
    if (want === null) expect(found).toBeNull();
    // What stands is left standing.
    else expect(found).toEqual({ state: { kind: 'degraded', reason: expect.stringMatching(want) }, isUnknown: true });
  });
});

describe('a prefix that is local as a whole', () => {
  const withPrefixes = { ...eni, ipv4Prefixes: ['10.0.2.64/28'], ipv6Prefixes: ['2001:db8:0:2:1::/80'] };
  const tablesOf = (keys: string) =>
    computeLocalRoutes(withPrefixes, link, { policy: policy(`prefixes: local, ${keys}`), tableId: 4242 }).map(
      ({ table, destination }) => `${table} ${destination}`,
    );

  it('is so in a VRF for programs that are bound to it, too', () => {
    expect(tablesOf('mtu: 1500')).toEqual(['255 10.0.2.64/28', '255 2001:db8:0:2:1::/80']);
    expect(tablesOf('vrf: wan1')).toEqual(['255 10.0.2.64/28', '4242 10.0.2.64/28', '255 2001:db8:0:2:1::/80']);
  });
});

it.each<[string, string, Partial<Link>, boolean]>([
  ['in its VRF', 'vrf: wan1', { masterIndex: 9 }, true],
  ['not in it yet', 'vrf: wan1', {}, false],
  ['in another master', 'vrf: wan1', { masterIndex: 8 }, false],
  ['in none, and to be in none', 'mtu: 1500', {}, true],
  ['not out of it yet', 'mtu: 1500', { masterIndex: 9 }, false],
])('a link is in place: %s', (_name, keys, rest, want) => {
  expect(isInPlace({ ...link, ...rest }, policy(keys), [link, vrf])).toBe(want);
});

it('a link is not in place while there is no VRF', () => {
  expect(isInPlace(link, policy('vrf: wan1'), [link])).toBe(false);
});

it.each<[string, readonly string[], readonly string[], readonly Link[], boolean]>([
  ['ours: there is none yet', [], [], [], true],
  ['ours by its file', ['70-wan1.netdev'], [], [vrf], true],
  ['ours by the other file, where one was removed', ['70-wan1.network'], [], [vrf], true],
  ['the operator’s: it is there, and not by a file of ours', ['70-ens6.network'], [], [vrf], false],
  ['another program’s by its file', [], ['70-wan1.netdev'], [], false],
])('a VRF is %s', (_name, own, foreignFiles, links, want) => {
  const ownFiles = own.map((name) => ({ name, text: '', mac: eni.mac }));
  expect(isVrfOurs({ config, ownFiles, foreignFiles }, 'wan1', links)).toBe(want);
});

describe('a link that is out of its VRF', () => {
  const file = { name: '70-ens6.network', role: 'link', text: '' } as const;
  const wanted = makeDesiredEni({
    ...{ mac: eni.mac, eniId: eni.eniId, linkIndex: 3, linkName: 'ens6', networkFiles: [file] },
    ...{ vrf: 'wan1', tableId: 4242, metric: 514 },
  });
  const desired: Desired = { enis: [wanted], reports: [], unknownMacs: [], provisional: [] };
  const known = { linkIndex: 3, networkFile: '/run/systemd/network/70-ens6.network', setupState: 'configured' };
  const diffWith = (links: readonly Link[], setupState = 'configured', settling: readonly string[] = []) => {
    const networkd = { kind: 'present', version: 252, links: [{ ...known, setupState }] } as const;
    return diffVrfs({ desired, links, networkd, settling: new Set(settling) });
  };

  it('is put back', () => {
    expect(diffWith([link, vrf])).toMatchObject([
      { kind: 'set-master', linkIndex: 3, masterIndex: 9, vrf: 'wan1', linkName: 'ens6' },
    ]);
  });

  it.each([
    ['is in it', diffWith([{ ...link, masterIndex: 9 }, vrf])],
    ['has no VRF to go to', diffWith([link])],
    ['was put into something else', diffWith([{ ...link, masterIndex: 8 }, vrf])],
    ['is being configured by networkd, which puts it there', diffWith([link, vrf], 'configuring')],
    ['has just been told to be', diffWith([link, vrf], 'configured', [eni.mac])],
  ])('is left where it %s', (_name, changes) => {
    expect(changes).toEqual([]);
  });
});
