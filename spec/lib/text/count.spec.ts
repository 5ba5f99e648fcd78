import { expect, it } from '@jest/globals';
import { countOf } from '../../../lib/text/count.ts';

it.each([
  [0, '0 errors'],
  [1, '1 error'],
  [2, '2 errors'],
])('%i', (number, text) => {
  expect(countOf(number, 'error')).toBe(text);
});
