import { expect, it } from '@jest/globals';
import { formatSpan, formatUtc } from '../../../lib/text/utc.ts';

it('writes a time to the second', () => {
  expect(formatUtc(new Date('2026-01-02T03:04:05.678Z'))).toBe('2026-01-02 03:04:05 UTC');
});

it.each([
  [0, '0 s'],
  [999, '0 s'],
  [42_000, '42 s'],
  [303_000, '5 min 3 s'],
  [3_900_000, '1 h 5 min'],
  [90_061_000, '1 d 1 h'],
])('writes %d ms in its two largest units', (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});
