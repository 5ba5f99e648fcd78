/**
 * Random instances for the property tests: ENIs in shared and separate subnets, and foreign state
 * beside them.
 */

import fc from 'fast-check';
import type { EniMetadata, Link, Route, Rule } from '../../agent/model.ts';
import { makeLink, makeRoute } from '../../fixtures/model/records.ts';

const hosts = (maxLength: number) => fc.uniqueArray(fc.integer({ min: 4, max: 15 }), { minLength: 1, maxLength });

/** ENIs with distinct MACs, device numbers and addresses; the first is the primary. */
export const eniList: fc.Arbitrary<EniMetadata[]> = fc
  .array(
    fc.record({
      subnet: fc.integer({ min: 0, max: 2 }),
      ipv4: hosts(5),
      ipv6: fc.array(fc.integer({ min: 1, max: 15 }), { maxLength: 3 }),
      hasPrefix: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((shapes) =>
    shapes.map(({ subnet, ipv4, ipv6, hasPrefix }, index): EniMetadata => {
      const block = index * 32;
      return {
        mac: `02:00:00:00:00:0${index}`,
        eniId: `eni-0000000000000000${index}`,
        deviceNumber: index,
        networkCard: 0,
        subnetId: `subnet-${subnet}`,
        vpcId: 'vpc-1',
        ipv4Addresses: ipv4.map((host) => `10.0.${subnet}.${block + host}`),
        ipv6Addresses: [...new Set(ipv6)].map((host) => `2001:db8:0:${subnet + 1}::${index + 1}:${host}`),
        ipv4Prefixes: hasPrefix ? [`10.0.${subnet}.${block + 16}/28`] : [],
        ipv6Prefixes: [],
        subnetIpv4: `10.0.${subnet}.0/24`,
        subnetIpv6: [`2001:db8:0:${subnet + 1}::/64`],
        publicIpv4: {},
      };
    }),
  );

export function linkOf(eni: EniMetadata): Link {
  return makeLink({ index: 10 + eni.deviceNumber, name: `ens${5 + eni.deviceNumber}`, mac: eni.mac });
}

/**
 * Rules of other programs, in and beside the windows of this one: CNI, Tailscale, hand-made ones of
 * any selector.
 */
export const foreignRule: fc.Arbitrary<Rule> = fc.record({
  family: fc.constant<4>(4),
  priority: fc.constantFrom(0, 512, 1024, 1536, 5210, 5270, 10_001, 15_001, 20_001, 20_002, 32_766),
  source: fc.constantFrom(null, '10.0.1.5/32', '10.0.0.0/16', '172.17.0.0/16', '10.0.2.40/32', '10.0.1.36/32'),
  destination: fc.constantFrom(null, '10.0.0.0/16'),
  inputInterface: fc.constantFrom(null, 'docker0', 'lo'),
  outputInterface: fc.constant(null),
  mark: fc.constantFrom(null, null, { value: 0x80000, mask: 0xff0000 }),
  users: fc.constantFrom(null, null, { first: 1000, last: 1000 }),
  action: fc.constantFrom(1, 7),
  table: fc.constantFrom(52, 254, 10_001, 10_002, 100),
  suppressPrefixLength: fc.constantFrom(null, 0),
  suppressGroup: fc.constantFrom(null, 5, 236),
  // 4 is networkd's: with it, a rule that is exactly one of ours counts as ours (DESIGN, decision
  // 5).
  protocol: fc.constantFrom(0, 3, 186),
  isComplex: fc.boolean(),
});

export const foreignRoute: fc.Arbitrary<Route> = fc
  .record({
    table: fc.constantFrom(254, 10_001, 10_002, 100),
    destination: fc.constantFrom('172.17.0.0/16', '192.168.0.0/16', '10.9.0.0/16'),
    linkIndex: fc.integer({ min: 10, max: 14 }),
    metric: fc.constantFrom(0, 100),
    protocol: fc.constantFrom(3, 4, 12),
    isComplex: fc.boolean(),
  })
  .map(({ protocol, isComplex, ...rest }) => ({
    ...makeRoute({ ...rest, type: 'unicast', gateway: '10.0.0.9' }),
    protocol,
    isComplex,
  }));

/** How often a property is tried: `usual`, or ENID_PROPERTY_RUNS. */
export function countRuns(usual: number): number {
  return Number(process.env['ENID_PROPERTY_RUNS'] ?? usual);
}

/** How long they may take, in ms: a minute, and as many times longer as there are more of them. */
export function limitRuns(usual: number): number {
  return 60_000 * Math.max(1, countRuns(usual) / usual);
}
