import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatAddress } from '../../../lib/ip/address.ts';
import { decodeAddress, encodeAddress } from '../../../lib/rtnetlink/address.ts';
import { addressBytes, readAddressText } from '../../../lib/rtnetlink/address-text.ts';
import { encodeMessage, visitMessages } from '../../../lib/rtnetlink/message.ts';
import { decodeRoute, encodeRoute } from '../../../lib/rtnetlink/route.ts';
import { decodeRule, encodeRule } from '../../../lib/rtnetlink/rule.ts';
import type { Address, Family, Route, Rule } from '../../../lib/rtnetlink/types.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u8 = fc.integer({ min: 0, max: 255 });
const family: fc.Arbitrary<Family> = fc.constantFrom(4, 6);
/** Few bits set, so that runs of zero groups are common. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 });

function addressOf(of: Family): fc.Arbitrary<string> {
  if (of === 4) return u32.map((value) => formatAddress(4, BigInt(value)));
  return groups.map((parts) =>
    formatAddress(
      6,
      parts.reduce((value, part) => (value << 16n) | BigInt(part), 0n),
    ),
  );
}

function prefixOf(of: Family, minLength = 0): fc.Arbitrary<string> {
  const width = of === 4 ? 32 : 128;
  return fc.tuple(addressOf(of), fc.integer({ min: minLength, max: width })).map(([address, length]) =>
    // What the kernel leaves out at length 0 decodes as the unspecified address.
    length === 0 ? (of === 4 ? '0.0.0.0/0' : '::/0') : `${address}/${length}`,
  );
}

const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const linkIndex = fc.integer({ min: 1, max: 0x7fffffff });
const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/);

const address: fc.Arbitrary<Address> = family.chain((of) =>
  fc.record({
    linkIndex,
    family: fc.constant(of),
    address: addressOf(of),
    prefixLength: fc.integer({ min: 0, max: of === 4 ? 32 : 128 }),
    scope: u8,
    flags: fc.constantFrom(0, 0x200, 0x202, 0x2),
    protocol: u8,
    metric: fc.integer({ min: 0, max: 0xffffffff }),
    validLifetime: orNull(fc.integer({ min: 0, max: 0xfffffffe })),
  }),
);

const route: fc.Arbitrary<Route> = family.chain((of) =>
  fc.record({
    family: fc.constant(of),
    table: u32,
    destination: prefixOf(of),
    type: u8,
    protocol: u8,
    scope: u8,
    gateway: orNull(of === 4 ? family.chain(addressOf) : addressOf(6)),
    linkIndex: orNull(linkIndex),
    metric: u32,
    preferredSource: orNull(addressOf(of)),
    nextHopId: fc.constant(null),
    isComplex: fc.constant(false),
  }),
);

const rule: fc.Arbitrary<Rule> = family.chain((of) =>
  fc.tuple(fc.constantFrom(1, 6, 7, 8), u32).chain(([action, table]) =>
    fc.record({
      family: fc.constant(of),
      priority: u32,
      source: orNull(prefixOf(of, 1)),
      destination: orNull(prefixOf(of, 1)),
      inputInterface: orNull(name),
      outputInterface: orNull(name),
      mark: orNull(fc.record({ value: u32, mask: fc.integer({ min: 1, max: 0xffffffff }) })),
      users: orNull(fc.record({ first: u32, last: u32 })),
      action: fc.constant(action),
      table: fc.constant(action === 1 ? table : 0),
      suppressPrefixLength: orNull(fc.integer({ min: 0, max: 128 })),
      suppressGroup: orNull(fc.integer({ min: 0, max: 255 })),
      protocol: u8,
      isComplex: fc.constant(false),
    }),
  ),
);

function roundTrip<T>(body: readonly Buffer[], decode: (buffer: Buffer, start: number, end: number) => T): T[] {
  const records: T[] = [];
  visitMessages(encodeMessage(99, 1, 7, body), (type, flags, sequence, buffer, start, end) => {
    expect([type, flags, sequence]).toEqual([99, 1, 7]);
    records.push(decode(buffer, start, end));
  });
  return records;
}

describe('what is encoded decodes to the same', () => {
  it('addresses', () => {
    fc.assert(fc.property(address, (one) => expect(roundTrip(encodeAddress(one), decodeAddress)).toEqual([one])));
  });

  it('routes', () => {
    fc.assert(fc.property(route, (one) => expect(roundTrip(encodeRoute(one), decodeRoute)).toEqual([one])));
  });

  it('rules', () => {
    fc.assert(fc.property(rule, (one) => expect(roundTrip(encodeRule(one), decodeRule)).toEqual([one])));
  });

  it('address text, as lib/ip spells it', () => {
    const pair = family.chain((of) => fc.tuple(fc.constant(of), addressOf(of)));
    fc.assert(
      fc.property(pair, ([of, text]) => expect(readAddressText(of, addressBytes(of, text), 0)).toBe(text)),
      { numRuns: 1000 },
    );
  });
});

describe('what netlink cannot say is refused', () => {
  it.each(['10.0.0.0/33', '10.0.0/8', '10.0.0.0', '::/0', ''])('an IPv4 destination %j', (destination) => {
    const [one] = fc.sample(
      route.filter((any) => any.family === 4),
      1,
    );
    expect(one).toBeDefined();
    if (one !== undefined) expect(() => encodeRoute({ ...one, destination })).toThrow(RangeError);
  });

  it('complex rules and routes', () => {
    for (const one of fc.sample(rule, 3)) expect(() => encodeRule({ ...one, isComplex: true })).toThrow(RangeError);
    for (const one of fc.sample(route, 3)) expect(() => encodeRoute({ ...one, isComplex: true })).toThrow(RangeError);
  });
});
