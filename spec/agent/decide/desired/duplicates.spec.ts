import { describe, expect, it } from '@jest/globals';
import { defaultConfig } from '../../../../agent/config/defaults.ts';
import { explainDuplicates, yieldDuplicates } from '../../../../agent/decide/desired/duplicates.ts';
import type { Matched } from '../../../../agent/decide/desired/matched.ts';
import { resolvePolicy } from '../../../../agent/decide/desired/policy.ts';
import type { EniMetadata } from '../../../../agent/model.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';
import { makeEni } from '../../eni.ts';

function matchedOf(eni: EniMetadata, rest: Partial<Matched> = {}): Matched {
  const link = makeLink({ index: 10 + eni.deviceNumber, name: `ens${5 + eni.deviceNumber}`, mac: eni.mac });
  const subject = { eni, isPrimary: false, linkName: link.name, driver: 'ena', tags: null };
  return {
    eni,
    candidate: { link, mac: eni.mac, driver: 'ena' },
    isPrimary: false,
    isLeaving: false,
    isLocalNetwork: false,
    policy: resolvePolicy(defaultConfig, subject),
    tableId: 10_000 + eni.deviceNumber,
    leaseTable: 254,
    metric: 513,
    contested: [],
    duplicates: [],
    collision: null,
    ...rest,
  };
}

const first = { ...makeEni(1), ipv4Addresses: ['10.0.0.5', '10.0.0.6'], subnetIpv4: '10.0.0.0/24' };
const second = { ...makeEni(2), ipv4Addresses: ['10.0.0.7', '10.0.0.5'], subnetIpv4: '10.0.0.0/24' };

describe('an address on two ENIs', () => {
  it('stays with the first by card and device, in whichever order they come', () => {
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const settled = yieldDuplicates(order.map((eni) => matchedOf(eni)));
      const by = new Map(settled.map((one) => [one.eni, one]));
      expect(by.get(first)?.duplicates).toEqual([]);
      expect(by.get(second)?.duplicates).toMatchObject([{ source: '10.0.0.5/32' }]);
      expect(by.get(second)?.policy.exclude).toEqual(['10.0.0.5/32']);
    }
  });

  it('stays with the primary whatever its number', () => {
    const [one, two] = yieldDuplicates([matchedOf(first), matchedOf(second, { isPrimary: true })]);
    expect(one?.duplicates).toMatchObject([{ source: '10.0.0.5/32' }]);
    expect(two?.duplicates).toEqual([]);
  });

  it('is none where one of the two is in a VRF', () => {
    const inVrf = matchedOf(second);
    const settled = yieldDuplicates([matchedOf(first), { ...inVrf, policy: { ...inVrf.policy, vrf: 'wan1' } }]);
    expect(settled.flatMap(({ duplicates }) => duplicates)).toEqual([]);
  });

  it('may lie in a prefix that is delegated to the other one', () => {
    const prefixed = { ...second, ipv4Addresses: ['10.0.0.9'], ipv4Prefixes: ['10.0.0.0/28'] };
    const [, two] = yieldDuplicates([matchedOf(first), matchedOf(prefixed)]);
    expect(two?.duplicates).toMatchObject([{ source: '10.0.0.0/28' }]);
    const [one] = yieldDuplicates([matchedOf({ ...first, deviceNumber: 3 }), matchedOf(prefixed)]);
    expect(one?.duplicates.map(({ source }) => source)).toEqual(['10.0.0.5/32', '10.0.0.6/32']);
  });

  it('stays with the ENI that had it before, whatever their order', () => {
    const settled = yieldDuplicates([matchedOf(first, { contested: ['10.0.0.5/32'] }), matchedOf(second)]);
    expect(settled[0]?.duplicates).toMatchObject([{ source: '10.0.0.5/32', leaf: 'local-ipv4s' }]);
    expect(settled[1]?.duplicates).toEqual([]);
  });

  it("is not used where it is the router of another ENI's subnet, in another VPC", () => {
    const wide = { ...makeEni(3), ipv4Addresses: ['10.0.0.1', '10.0.7.7'], subnetIpv4: '10.0.0.0/16', vpcId: 'vpc-2' };
    const [one, other] = yieldDuplicates([matchedOf(first), matchedOf(wide)]);
    expect(one?.duplicates).toEqual([]);
    expect(other?.policy.exclude).toEqual(['10.0.0.1/32']);
    expect(other === undefined ? null : explainDuplicates(other)).toMatch(
      /^local-ipv4s 10\.0\.0\.1\/32 is reserved by EC2/,
    );
  });

  it('is told with what to do', () => {
    const [, two] = yieldDuplicates([matchedOf(first), matchedOf(second)]);
    expect(two === undefined ? null : explainDuplicates(two)).toMatch(/10\.0\.0\.5\/32 is also assigned to .*: .*VRF/);
    expect(explainDuplicates({ duplicates: [] })).toBeNull();
  });
});
