import { expect, it } from '@jest/globals';
import { pairElements } from '../../../lib/nftables/decode.ts';

const element = (key: readonly number[], isEnd = false) => ({ key: Buffer.from(key), isEnd, chain: 'eni10001' });

it.each([
  ['nothing', 4, []],
  ['an IPv6 address in a map of IPv4', 4, Array.from({ length: 16 }, () => 0)],
  ['an IPv4 address in a map of IPv6', 6, [10, 0, 0, 1]],
] as const)('%s as a key is no address, and refused', (_name, family, key) => {
  expect(() => pairElements(family, [element(key)])).toThrow(expect.objectContaining({ name: 'DecodeError' }));
});

it('the kernel may list an end before the start of its interval', () => {
  const elements = [element([10, 0, 0, 24], true), element([10, 0, 0, 16]), element([10, 0, 0, 20], true)];
  expect([...pairElements(4, [...elements, element([10, 0, 0, 20])])]).toEqual([
    ['10.0.0.16/30', 'eni10001'],
    ['10.0.0.20/30', 'eni10001'],
  ]);
});
