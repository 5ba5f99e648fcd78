import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { matchesShellPattern, matchesWildcards } from '../../../lib/text/pattern.ts';

describe('wildcards', () => {
  test.each([
    ['gateway-*', 'gateway-1', true],
    ['gateway-*', 'a gateway-1', false],
    ['ens?', 'ens5', true],
    ['ens?', 'ens', false],
    ['*', 'two\nlines', true],
    ['a.b', 'axb', false],
    ['[a]', '[a]', true],
    ['[a]', 'a', false],
    ['a[', 'a[', true],
    ['?', '😀', true],
  ])('%s and %s: %p', (pattern, text, expected) => {
    expect(matchesWildcards(pattern, text)).toBe(expected);
  });
});

describe('shell patterns', () => {
  test.each([
    ['en[ps]*', 'ens5', true],
    ['en[ps]*', 'eno1', false],
    ['en[!ps]*', 'eno1', true],
    ['en[!ps]*', 'ens5', false],
    ['eth[0-3]', 'eth2', true],
    ['eth[0-3]', 'eth4', false],
    ['eth[', 'eth[', true],
    ['eth[0', 'eth0', false],
    ['[]]', ']', true],
    ['[]', '[]', true],
    ['[!]', '[!]', true],
    ['[!]a]', 'b', true],
    ['[z-a]', 'b', false],
    ['a\\d', 'a1', false],
  ])('%s and %s: %p', (pattern, text, expected) => {
    expect(matchesShellPattern(pattern, text)).toBe(expected);
  });

  test('are what a shell takes them for', () => {
    const word = (alphabet: string, maxLength: number) =>
      fc.array(fc.constantFrom(...alphabet), { maxLength }).map((characters) => characters.join(''));
    // Of `[`, `]`, `!` and `-` beside each other in a set implementations differ.
    const part = fc.oneof(
      fc.constantFrom(
        '[]a]',
        '[]',
        '[!]',
        '[!]a]',
        '*',
        '?',
        'a',
        'b',
        '.',
        '+',
        '(',
        '$',
        '[ab]',
        '[!ab]',
        '[a-c]',
        '[!b-d]',
      ),
      word('abcd', 2),
    );
    const pairs = fc.array(
      fc.tuple(
        fc.array(part, { maxLength: 4 }).map((parts) => parts.join('')),
        word('abcd.+($', 5),
      ),
      {
        minLength: 200,
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(pairs, (all) => {
        const script = 'while (($#)); do case $2 in $1) echo true ;; *) echo false ;; esac; shift 2; done';
        const { stdout } = spawnSync('bash', ['-c', script, 'bash', ...all.flat()], { encoding: 'utf8' });
        const expected = stdout.trim().split('\n');
        expect(all.map(([pattern, text]) => String(matchesShellPattern(pattern, text)))).toEqual(expected);
      }),
      { numRuns: 5 },
    );
  });
});

/**
 * What a backtracking matcher needs ages for, and one of squared cost tens of seconds: so long a
 * limit that no load of the machine reaches it. In ms of processor time.
 */
test.each([
  ['stars', '*a'.repeat(32), 'a'.repeat(200)],
  ['stars in a tag value', `${'*a'.repeat(120)}b`, 'a'.repeat(256)],
  ['sets', `${'*[ab]'.repeat(20)}c`, 'ab'.repeat(100)],
  ['beginnings of sets without an end', '['.repeat(60_000), '['.repeat(60_000)],
])('a pattern of many %s takes linear time', (_name, pattern, text) => {
  for (const match of [matchesWildcards, matchesShellPattern]) {
    const { user } = process.cpuUsage();
    match(pattern, text);
    match(pattern, `${text}c`);
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(2_000);
  }
});
