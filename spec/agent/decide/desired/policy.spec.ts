/** Which entry decides about an ENI. */

import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../agent/config/parse.ts';
import { findEntry, isUndecided, listTagKeys, type PolicySubject } from '../../../../agent/decide/desired/policy.ts';
import { makeEni } from '../../eni.ts';

const entries = (...lines: string[]) => parseConfig(`interfaces:\n${lines.map((line) => `- ${line}\n`).join('')}`, 'f');
const subject = (rest: Partial<PolicySubject> = {}): PolicySubject => ({
  eni: makeEni(2),
  isPrimary: false,
  linkName: 'ens6',
  driver: 'ena',
  tags: {},
  ...rest,
});

describe('an entry by tag', () => {
  const config = entries('match: { device: 2, tag: { role: "web-*", tier: one } }', 'match: { device: 2 }');

  it.each<[string, PolicySubject['tags'], number]>([
    ['all that it asks for', { role: 'web-7', tier: 'one', more: 'x' }, 0],
    ['another value', { role: 'db', tier: 'one' }, 1],
    ['another value of one, the other not read', { role: 'db' }, 1],
    ['one that the instance does not have', { role: 'web-7', tier: null }, 1],
    ['not offered', null, 1],
    ['a value of several lines', { role: 'web-\n', tier: 'one' }, 0],
  ])('%s', (_name, tags, want) => {
    expect(findEntry(config, subject({ tags }))).toBe(want);
    expect(isUndecided(config, subject({ tags }))).toBe(false);
  });

  it('leaves it open while the tags were not read, unless an entry before it decides', () => {
    const unread = subject({ tags: undefined });
    expect(isUndecided(config, unread)).toBe(true);
    expect(isUndecided(config, subject({ tags: { role: 'web-7' } }))).toBe(true);
    expect(isUndecided(config, subject({ tags: undefined, eni: makeEni(3) }))).toBe(false);
    expect(isUndecided(entries('match: { device: 2 }', 'match: { tag: { role: x } }'), unread)).toBe(false);
  });

  it('has its keys read, each once', () => {
    expect(listTagKeys(entries('match: { tag: { b: x, a: y } }', 'match: { tag: { b: z } }', 'mtu: 9001'))).toEqual([
      'a',
      'b',
    ]);
  });

  it('is not taken for the name of a property of every object', () => {
    const config = entries('match: { tag: { constructor: "*" } }');
    expect(findEntry(config, subject())).toBe(-1);
    expect(isUndecided(config, subject())).toBe(true);
  });
});

describe('an entry by what the metadata and the link say', () => {
  const eni = makeEni(2);
  const card = { ...eni, networkCard: 1, subnetId: 'subnet-1', subnetIpv4: '10.0.2.0/24', subnetIpv6: [] };

  it.each<[string, Partial<PolicySubject>, boolean]>([
    [`eni: ${eni.eniId}`, {}, true],
    ['eni: eni-1', {}, false],
    [`mac: "${eni.mac.toUpperCase()}"`, {}, true],
    ['mac: "06:00:00:00:00:99"', {}, false],
    ['device: 2', {}, true],
    ['device: 3', {}, false],
    ['card: 1', { eni: card }, true],
    ['card: 1', {}, false],
    ['name: "ens?"', {}, true],
    ['name: "ens"', {}, false],
    ['name: "e*6"', {}, true],
    ['subnet: subnet-1', { eni: card }, true],
    ['subnet: 10.0.0.0/16', { eni: card }, true],
    ['subnet: 10.0.2.0/25', { eni: card }, false],
    ['driver: ena', {}, true],
    ['driver: vif', {}, false],
    ['device: 2, driver: vif', {}, false],
  ])('{ %s }', (match, rest, isFitting) => {
    expect(findEntry(entries(`match: { ${match} }`), subject(rest))).toBe(isFitting ? 0 : -1);
  });
});
