/** `enid doctor`, where many destinations have a smaller path MTU than the ENIs' links. */

import { expect, it } from '@jest/globals';
import { checkPathMtus } from '../../../../agent/decide/explain/diagnose-path-mtu.ts';
import type { DesiredEni } from '../../../../agent/model.ts';
import { makeDesiredEni } from '../../../../fixtures/model/records.ts';

const eni = (rest: Partial<DesiredEni>) =>
  makeDesiredEni({ mac: '02:00:00:00:00:01', linkIndex: 3, linkName: 'ens6', ...rest });
const check = (pathMtuCount: number | undefined, rest: Partial<DesiredEni>) =>
  checkPathMtus({ facts: pathMtuCount === undefined ? {} : { pathMtuCount }, desired: { enis: [eni(rest)] } });

it('names the links and what to set', () => {
  expect(check(300, { mtu: 9001 })).toEqual([
    {
      check: 'path-mtu',
      severity: 'warning',
      message: expect.stringMatching(/^300 destinations have a smaller path MTU than ens6: /),
      advice: 'mtuOutside: 1500 for ens6',
    },
  ]);
});

it.each<[string, number | undefined, Partial<DesiredEni>]>([
  ['there are few', 20, { mtu: 9001 }],
  ['the kernel was not asked', undefined, { mtu: 9001 }],
  ['it is set already', 300, { mtu: 9001, mtuOutside: 1500 }],
  ['the link takes no more', 300, { mtu: 1500 }],
  ['the link is not this program’s', 300, { mtu: null }],
])('says nothing where %s', (_name, count, rest) => {
  expect(check(count, rest)).toEqual([]);
});
