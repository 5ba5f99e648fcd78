import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalAddress, formatAddress, parseAddress } from '../../../lib/ip/address.ts';
import { addressAt, canonicalCidr, contains, mergeCidrs, overlaps, requireCidr } from '../../../lib/ip/cidr.ts';

describe('canonicalAddress', () => {
  it.each([
    ['10.0.1.5', '10.0.1.5'],
    ['255.255.255.255', '255.255.255.255'],
    ['2600:1f16:67f:f201:0:0:0:0', '2600:1f16:67f:f201::'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['010.0.0.1', null],
    ['10.0.1', null],
    ['fe80::1%eth0', null],
    ['', null],
  ])('%s → %s', (text, want) => {
    expect(canonicalAddress(text)).toBe(want);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.constantFrom<4 | 6>(4, 6), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (family, raw) => {
        const value = family === 4 ? raw & 0xffffffffn : raw;
        expect(parseAddress(formatAddress(family, value))).toEqual({ family, value });
      }),
    );
  });
});

describe('canonicalCidr', () => {
  it.each([
    ['10.0.1.0/24', '10.0.1.0/24'],
    ['10.0.1.5', '10.0.1.5/32'],
    ['2600:1f16:67f:f201:0:0:0:0/64', '2600:1f16:67f:f201::/64'],
    ['10.0.1.5/24', null],
    ['10.0.1.0/33', null],
    ['10.0.1.0/024', null],
    ['10.0.1.0/', null],
  ])('%s → %s', (text, want) => {
    expect(canonicalCidr(text)).toBe(want);
  });
});

describe('prefix arithmetic', () => {
  it('contains and overlaps', () => {
    expect(contains('10.0.0.0/16', '10.0.1.5')).toBe(true);
    expect(contains('10.0.1.5/32', '10.0.0.0/16')).toBe(false);
    expect(contains('0.0.0.0/0', '::1')).toBe(false);
    expect(overlaps('10.0.1.0/24', '10.0.0.0/16')).toBe(true);
    expect(overlaps('10.0.1.0/24', '10.0.2.0/24')).toBe(false);
  });

  it('finds the router of a subnet', () => {
    expect(addressAt('10.0.1.0/24', 1n)).toBe('10.0.1.1');
  });
});

describe('mergeCidrs', () => {
  it.each([
    [['10.0.1.0', '10.0.1.1', '10.0.1.2', '10.0.1.3'], ['10.0.1.0/30']],
    [
      ['10.0.1.1', '10.0.1.2'],
      ['10.0.1.1/32', '10.0.1.2/32'],
    ],
    [['10.0.1.16/28', '10.0.1.20'], ['10.0.1.16/28']],
    [
      ['10.0.1.0', '::2', '::3'],
      ['10.0.1.0/32', '::2/127'],
    ],
    [['0.0.0.0/1', '128.0.0.0/1'], ['0.0.0.0/0']],
    [[], []],
  ])('%j → %j', (input, want) => {
    expect(mergeCidrs(input)).toEqual(want);
  });

  it('covers exactly the same addresses, never more prefixes than needed', () => {
    const small = fc
      .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 26, max: 32 }))
      .map(([offset, length]) => {
        const size = 2 ** (32 - length);
        return `10.0.0.${Math.floor(offset / size) * size}/${length}`;
      });
    fc.assert(
      fc.property(fc.array(small, { maxLength: 30 }), (input) => {
        const merged = mergeCidrs(input);
        for (let host = 0; host < 64; host++) {
          const address = `10.0.0.${host}`;
          expect(merged.filter((cidr) => contains(cidr, address)).length).toBe(
            input.some((cidr) => contains(cidr, address)) ? 1 : 0,
          );
        }
        expect(merged.length).toBe(fewestBlocks(merged));
      }),
    );
  });
});

/** Independent count: the maximal aligned blocks of a set of addresses are its fewest cover. */
function fewestBlocks(merged: readonly string[]): number {
  const covered = (value: number, size: number) =>
    Array.from({ length: size }, (_, index) => value + index).every((host) =>
      merged.some((cidr) => contains(cidr, `10.0.0.${host}`)),
    );
  const count = (value: number, size: number): number => {
    if (covered(value, size)) return 1;
    return size === 1 ? 0 : count(value, size / 2) + count(value + size / 2, size / 2);
  };
  expect(merged.every((cidr) => requireCidr(cidr).family === 4)).toBe(true);
  return count(0, 64);
}
