import { expect, it } from '@jest/globals';
import { describeTextChange } from '../../../../agent/decide/diff/files.ts';

const base = '[Match]\nName=ens6\n\n[Route]\nMetric=1\n\n[Route]\nMetric=2\n';

it.each<[string, string, string]>([
  ['a line of another value', base.replace('Metric=2', 'Metric=3'), '-Metric=2, +Metric=3'],
  ['a section more', `${base}\n[Route]\nMetric=4\n`, '+[Route], +Metric=4'],
  ['a section less', base.replace('[Route]\nMetric=1\n\n', ''), '-[Route], -Metric=1'],
  ['nothing left', '', '-[Match], -Name=ens6, -[Route], -Metric=1, and 1 more'],
  ['another order', '[Match]\nName=ens6\n[Route]\nMetric=2\n[Route]\nMetric=1\n', 'the same lines in another order'],
])('tells before and after on one line: %s', (_name, after, want) => {
  expect(describeTextChange(base, after)).toBe(want);
});
