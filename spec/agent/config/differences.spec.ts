/** What a reload says of the configuration. */

import { expect, it } from '@jest/globals';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import { listDifferences } from '../../../agent/config/differences.ts';
import { mergeConfig } from '../../../agent/config/merge.ts';
import { parseConfigFile } from '../../../agent/config/parse.ts';

const read = (text: string) => mergeConfig([parseConfigFile(text, 'config.yaml')]);
const texts = (before: string, after: string) =>
  listDifferences(read(before), read(after)).map(
    (one) => `${one.key}: ${one.before} → ${one.after}${one.isLate ? ' late' : ''}`,
  );

it('names each key with both values', () => {
  expect(texts('imds: { interval: 60s }', 'imds: { interval: 30s }\nhostname: true')).toEqual([
    'imds.interval: 1m → 30s',
    'hostname: false → true',
  ]);
  expect(texts('metrics: { listen: null }', 'metrics: { listen: "127.0.0.1:9469" }')).toEqual([
    'metrics.listen: null → 127.0.0.1:9469 late',
  ]);
});

it('goes into the entries of interfaces where there are as many as before', () => {
  const entry = (rules: string) => `interfaces: [{ match: { device: 1 }, rules: ${rules} }]`;
  expect(texts(entry('standard'), entry('classic'))).toEqual(['interfaces[0].rules: standard → classic']);
  expect(texts('', entry('classic'))).toEqual(['interfaces: [] → 1 entry']);
  expect(texts(entry('classic'), 'interfaces: [{ match: { device: 1 } }]')).toEqual([
    'interfaces[0].rules: classic → default',
  ]);
});

it('of the same configuration is nothing', () => {
  expect(listDifferences(defaultConfig, read(''))).toEqual([]);
});
