/** lib/ip against cidr-tools, which is other people's arithmetic. */

import { describe, expect, it } from '@jest/globals';
import { containsCidr, excludeCidr, mergeCidr, normalizeCidr, overlapCidr } from 'cidr-tools';
import fc from 'fast-check';
import { formatAddress } from '../../../lib/ip/address.ts';
import { canonicalCidr, contains, mergeCidrs, networkOf, overlaps, subtractCidrs } from '../../../lib/ip/cidr.ts';

/** An address with few bits set, so that prefixes often nest, touch and meet. */
const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 128))
    .map(([low, high]) => formatAddress(4, BigInt(high * 2 ** 24 + low * 2 ** 4))),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 255n }), fc.constantFrom(0n, 1n << 60n))
    .map(([low, high]) => formatAddress(6, (0x20010db8n << 96n) + high + (low << 64n))),
);
const host = fc.tuple(address, fc.double({ min: 0, max: 1, noNaN: true })).map(([text, part]) => ({
  text,
  length: Math.round(part * (text.includes(':') ? 128 : 32)),
}));
const cidr = host.map(({ text, length }) => networkOf(text, length));

/** As lib/ip writes it: cidr-tools leaves the length of a host's away. */
const canonical = (texts: readonly string[]) => texts.map((text) => canonicalCidr(text)).sort();

describe('lib/ip says what cidr-tools says', () => {
  it('of the network of an address', () => {
    fc.assert(
      fc.property(host, ({ text, length }) => {
        expect(networkOf(text, length)).toBe(canonicalCidr(normalizeCidr(`${text}/${length}`)));
      }),
    );
  });

  it('of what contains and what overlaps', () => {
    fc.assert(
      fc.property(cidr, cidr, (left, right) => {
        expect(contains(left, right)).toBe(containsCidr(left, right));
        expect(overlaps(left, right)).toBe(overlapCidr(left, right));
      }),
      { numRuns: 1_000 },
    );
  });

  it('of merging and taking out', () => {
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 20 }), cidr, (list, base) => {
        expect([...mergeCidrs(list)].sort()).toEqual(canonical(mergeCidr(list)));
        expect([...subtractCidrs(base, list)].sort()).toEqual(canonical(excludeCidr(base, list)));
      }),
      { numRuns: 500 },
    );
  });
});
