import { describe, expect, it } from '@jest/globals';
import { overlapCidr } from 'cidr-tools';
import fc from 'fast-check';
import {
  type AcceptState,
  acceptSnapshot,
  initialAcceptState,
} from '../../../../agent/decide/inputs/accept-snapshot.ts';
import { findContested, placeClaim } from '../../../../agent/decide/inputs/contested.ts';
import type { EniMetadata, Snapshot } from '../../../../agent/model.ts';
import { makeEni } from '../../eni.ts';

const show = (...enis: EniMetadata[]): Snapshot => ({
  primaryMac: makeEni(0).mac,
  instanceId: 'i-1',
  enis: enis.map((eni) => ({ kind: 'ready', eni })),
});

function acceptAll(...reads: Snapshot[]): ReturnType<typeof acceptSnapshot> {
  let state: AcceptState = initialAcceptState;
  let last: ReturnType<typeof acceptSnapshot> | null = null;
  for (const read of reads) {
    last = acceptSnapshot(state, read);
    ({ state } = last);
  }
  if (last === null) throw new Error('no read');
  return last;
}

const [one, two] = [makeEni(1), makeEni(2)];
const rival = { ...one, ipv4Addresses: [...one.ipv4Addresses, '10.0.2.4'] };

describe('what an ENI lists although another one had it before', () => {
  it('is contested for as long as that one lists it, in whichever order they stand', () => {
    const mine = { [one.mac]: ['10.0.2.4/32'] };
    expect(acceptAll(show(one, two), show(rival, two)).accepted.contested).toEqual(mine);
    expect(acceptAll(show(one, two), show(rival, two), show(rival, two)).accepted.contested).toEqual(mine);
    const moved = { ...two, ipv4Addresses: ['10.0.2.5'] };
    expect(acceptAll(show(one, two), show(rival, two), show(rival, moved)).accepted.contested).toBeUndefined();
  });

  it('is not contested where both are new', () => {
    expect(acceptAll(show(rival, two)).accepted.contested).toBeUndefined();
  });

  it('may be a prefix around the address, or the place', () => {
    const prefixed = { ...one, ipv4Prefixes: ['10.0.2.0/28'], deviceNumber: 2 };
    const { accepted } = acceptAll(show(two), show(prefixed, two));
    expect(accepted.contested).toEqual({ [one.mac]: ['10.0.2.0/28', 'place'] });
  });
});

/** By the definition: every claim against every claim, by another library. */
function findByDefinition(before: readonly EniMetadata[], now: readonly EniMetadata[]): Record<string, string[]> {
  const listClaims = (eni: EniMetadata | undefined) =>
    eni === undefined ? [] : [...eni.ipv4Addresses.map((address) => `${address}/32`), ...eni.ipv4Prefixes];
  const listBefore = ({ mac }: EniMetadata) => listClaims(before.find((one) => one.mac === mac));
  const found = now.map((eni): [string, string[]] => {
    const others = now.filter((one) => one !== eni);
    const held = others.flatMap((one) => listClaims(one).filter((claim) => listBefore(one).includes(claim)));
    const fresh = listClaims(eni).filter((claim) => !listBefore(eni).includes(claim));
    return [eni.mac, fresh.filter((claim) => held.some((one) => overlapCidr(one, claim)))];
  });
  return Object.fromEntries(found.filter(([, claims]) => claims.length > 0));
}

it('is found among many as by comparing each with each', () => {
  const claims = fc.record({
    ipv4Addresses: fc.uniqueArray(
      fc.nat(31).map((host) => `10.0.0.${host}`),
      { maxLength: 4 },
    ),
    ipv4Prefixes: fc.uniqueArray(
      fc.constantFrom('10.0.0.0/28', '10.0.0.16/28', '10.0.0.0/30', '10.0.0.16/30', '10.0.0.0/27', '10.0.0.8/29'),
      { maxLength: 2 },
    ),
  });
  const enis = fc
    .array(claims, { maxLength: 4 })
    .map((list) => list.map((rest, index): EniMetadata => ({ ...makeEni(index), ...rest })));
  fc.assert(
    fc.property(enis, enis, (before, now) => {
      const { contested = {} } = findContested(before, {}, now);
      const ofAddresses = Object.entries(contested).map(([mac, list]) => [
        mac,
        list.filter((one) => one !== placeClaim),
      ]);
      expect(Object.fromEntries(ofAddresses.filter(([, list]) => list?.length !== 0))).toEqual(
        findByDefinition(before, now),
      );
    }),
  );
});

describe('overlapping subnets of one VPC', () => {
  const wide = { ...one, subnetIpv4: '10.0.0.0/16' };

  it('are refused of the ENI that says so now, which keeps what it had', () => {
    const { accepted, problems } = acceptAll(show(one, two), show(wide, two), show(wide, two));
    expect(accepted).toEqual(show(one, two));
    expect(problems).toEqual([expect.stringMatching(/subnet-ipv4-cidr-block: .* got "10\.0\.0\.0\/16"/)]);
  });

  it('are two VPCs elsewhere', () => {
    const other = show({ ...wide, vpcId: 'vpc-2' }, two);
    expect(acceptAll(other).accepted).toEqual(other);
  });
});

it('a tag that is listed and 404 keeps what was known of it, and of the others', () => {
  const unread: Snapshot = { ...show(one), tags: { tier: 'two' }, unreadTags: ['role'] };
  const first = acceptAll(unread).accepted;
  expect(first.tags).toEqual({ tier: 'two' });
  const known = { ...show(one), tags: { role: 'gateway', tier: 'two' } };
  for (let reads = 1; reads < 4; reads++) {
    const { accepted } = acceptAll(known, ...Array.from({ length: reads }, () => unread));
    expect(accepted.tags).toEqual({ role: 'gateway', tier: 'two' });
  }
});
