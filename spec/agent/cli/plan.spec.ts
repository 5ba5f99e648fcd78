/** `enid plan`: what it says where it could not look. */

import { expect, it } from '@jest/globals';
import { planSchema } from '../../../agent/cli/answers.ts';
import { describePlan } from '../../../agent/cli/status.ts';

const nothing = {
  directory: '/run/systemd/network',
  changes: [],
  conflicts: [],
  desired: { reports: [] },
  warnings: [],
};
const snapshot = { primaryMac: '06:00:00:00:00:01', enis: [], instanceId: null };

it.each([
  ['all is known', snapshot, { kind: 'present' }, 0],
  ['networkd is seen not to run', snapshot, { kind: 'absent' }, 0],
  ['the metadata was never read', null, { kind: 'present' }, 1],
  ['the bus does not answer', snapshot, { kind: 'unknown' }, 1],
  ['no pass was made yet', null, null, 2],
] as const)('where %s', (_when, known, networkd, count) => {
  expect(describePlan({ ...nothing, snapshot: known, networkd }).unknown).toHaveLength(count);
});

it('reads the answer of a daemon that does not know of this', () => {
  const { unknown: _left, ...older } = describePlan({ ...nothing, snapshot, networkd: { kind: 'present' } });
  expect(planSchema.parse(older)).toEqual({ ...older, unknown: [] });
});
