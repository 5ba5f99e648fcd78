/**
 * A lease's IPv6 address has a stand-in for as long as networkd may drop it, and not a moment less.
 */

import { describe, expect, it } from '@jest/globals';
import { computeAddressStandIns, isStillNeeded } from '../../../../agent/decide/desired/stand-ins.ts';
import type { Address, DesiredAddress, Route } from '../../../../agent/model.ts';

const permanent = 0x80;
const tentative = 0x40;
const standIn: Route = {
  family: 6,
  table: 255,
  destination: '2001:db8::10/128',
  type: 2,
  protocol: 236,
  scope: 0,
  gateway: null,
  linkIndex: 3,
  metric: 4096,
  preferredSource: null,
  nextHopId: null,
  isComplex: false,
};

function address(flags: number, text = '2001:db8::10'): Address {
  const base = { linkIndex: 3, family: 6, prefixLength: 128, scope: 0, protocol: 0, metric: 0 } as const;
  return { ...base, address: text, flags, validLifetime: (flags & permanent) === 0 ? 3600 : null };
}

function standInsFor(addresses: readonly Address[], declared: readonly DesiredAddress[] = []) {
  const eni = { linkIndex: 3, ipv6Addresses: ['2001:db8::10'] };
  return computeAddressStandIns(addresses, declared, eni).map(({ destination }) => destination);
}

function wanting(addresses: readonly string[]) {
  return { enis: [{ addresses: addresses.map((text) => ({ linkIndex: 3, address: text, prefixLength: 128 })) }] };
}

describe('a stand-in', () => {
  it.each([
    ['is made for a leased address', [address(0)], ['2001:db8::10/128']],
    ['is made for a tentative address', [address(permanent | tentative)], ['2001:db8::10/128']],
    ['is not made for a permanent address', [address(permanent)], []],
    ["is not made for an address that is not the ENI's", [address(0, '2001:db8::99')], []],
  ])('%s', (_, addresses, expected) => {
    expect(standInsFor(addresses)).toEqual(expected);
  });

  it('is always there for the first address: a lease that was put back is dropped, too', () => {
    const declared = ['10.0.1.5', '2001:db8::10', '2001:db8::11'].map((text, index) => ({
      ...{ linkIndex: 3, address: text, prefixLength: index === 0 ? 32 : 128 },
      ...(index === 2 ? { isDeprecated: true as const } : {}),
    }));
    for (const have of [[], [address(0)], [address(permanent)]])
      expect(standInsFor(have, declared)).toEqual(['2001:db8::10/128']);
  });

  it.each([
    ['stays while its address is away', [], ['2001:db8::10'], true],
    ['stays while its address is tentative', [address(permanent | tentative)], ['2001:db8::10'], true],
    ['goes once its address is there for good', [address(permanent)], ['2001:db8::10'], false],
    ["goes once its address is not the ENI's any more", [], [], false],
  ])('%s', (_, addresses, wanted, expected) => {
    expect(isStillNeeded(standIn, wanting(wanted), addresses)).toBe(expected);
  });

  it('of another program is none', () => {
    expect(isStillNeeded({ ...standIn, protocol: 3 }, wanting(['2001:db8::10']), [])).toBe(false);
  });
});
