import { describe, expect, test } from '@jest/globals';
import { LineCounter } from 'yaml';
import { parseConfigFile } from '../../../agent/config/parse.ts';
import { mostYamlBytes, parseYaml, parseYamlValue } from '../../../lib/text/yaml.ts';

const times = (count: number, text: (index: number) => string, separator: string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(separator);
/** As much of it as a file may have. */
const fill = (text: string) => text.repeat(Math.floor(mostYamlBytes / text.length));

test('gives the one document of a text', () => {
  expect(parseYamlValue('a: [1, x]\nb: &b {c: true}\nd: *b')).toEqual({ a: [1, 'x'], b: { c: true }, d: { c: true } });
  expect(parseYamlValue('')).toBe(null);
  expect(parseYamlValue('# nothing\n')).toBe(null);
});

describe('what is refused', () => {
  test.each([
    ['a: [', 'Flow sequence in block collection'],
    ['a: 1\n---\nb: 2', 'expected one document, got a second one'],
    [`# ${'x'.repeat(mostYamlBytes)}`, `expected at most ${mostYamlBytes} bytes`],
    [`${'['.repeat(40)}${']'.repeat(40)}`, 'expected at most 32 levels'],
    [`[${times(1_001, () => 'x', ',')}]`, 'expected at most 1000 entries in a list or mapping'],
    [`a: &a x\nb: [${times(101, () => '*a', ',')}]`, 'expected at most 100 aliases'],
    [`[${times(60, () => `[${times(999, () => 'x', ',')}]`, ',')}]`, 'expected at most 50000 values'],
    [`a: ${'&a '.repeat(9)}x`, 'expected at most 8 marks of one value'],
    [
      `${times(9, (index) => `a${index}: &a${index} [${times(9, () => (index === 0 ? 'x' : `*a${index - 1}`), ',')}]`, '\n')}`,
      'expected YAML of a bounded size',
    ],
  ])('%.40j', (text, message) => {
    expect(() => parseYamlValue(text)).toThrow(
      expect.objectContaining({ name: 'YamlError', message: expect.stringContaining(message) }),
    );
  });
});

/**
 * Each took from 2 s to more than 20 s of 1 MB with yaml alone; what is slowest of all is linear
 * here.
 */
describe('hostile text of the largest size takes little time', () => {
  test.each([
    ['levels of lists', '['.repeat(mostYamlBytes)],
    ['levels of mappings', fill('{a: ')],
    ['levels of blocks', fill('- ')],
    ['levels of keys', fill('? ')],
    ['keys', `{${times(22_000, (index) => `k${index}: 1`, ',')}}`],
    ['keys in a block', times(22_000, (index) => `k${index}: 1`, '\n')],
    ['entries', `interfaces:\n${times(36_000, () => '- x: 1', '\n')}`],
    ['aliases', `interfaces: [&a {},${times(80_000, () => '*a', ',')}]`],
    ['anchors', fill('&a ')],
    ['tags', fill('!!x ')],
    ['quotes', fill('"')],
    ['documents', fill('---\n')],
    ['lines', fill('\n')],
    ['comments', fill('#\n')],
    ['brackets', fill(']')],
    ['commas', `[${','.repeat(mostYamlBytes - 2)}]`],
  ])('%s', (_name, text) => {
    const { user } = process.cpuUsage();
    try {
      parseConfigFile(text, 'f');
    } catch (error) {
      expect(error).toMatchObject({ name: 'ConfigError' });
    }
    // Without the bounds it is 20 s and more; processor time, so that a busy machine does not
    // count.
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(5_000);
  });
});

test('says where', () => {
  const lines = new LineCounter();
  expect(() => parseYaml(`a: 1\nb: ${'['.repeat(100)}`, lines)).toThrow(/levels/);
});
