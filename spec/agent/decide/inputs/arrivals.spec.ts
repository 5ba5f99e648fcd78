import { expect, it } from '@jest/globals';
import { mayBeAssigned } from '../../../../agent/decide/inputs/arrivals.ts';
import type { EniMetadata, Snapshot } from '../../../../agent/model.ts';

const eni: EniMetadata = {
  mac: '06:00:00:00:00:01',
  eniId: 'eni-1',
  deviceNumber: 0,
  networkCard: 0,
  subnetId: 'subnet-1',
  vpcId: 'vpc-1',
  ipv4Addresses: ['10.0.1.10'],
  ipv6Addresses: ['2001:db8:1::10'],
  ipv4Prefixes: ['10.0.1.16/28'],
  ipv6Prefixes: ['2001:db8:1:0:a::/80'],
  subnetIpv4: '10.0.1.0/24',
  subnetIpv6: ['2001:db8:1::/64'],
  publicIpv4: {},
};
const snapshotOf = (enis: readonly EniMetadata[]): Snapshot => ({
  primaryMac: eni.mac,
  instanceId: 'i-1',
  enis: enis.map((one) => ({ kind: 'ready', eni: one })),
});

it.each([
  ['another address of the subnet', '10.0.1.77', true],
  ['another IPv6 address of the subnet', '2001:db8:1::77', true],
  ['its own', '10.0.1.10', false],
  ['its own IPv6 address', '2001:db8:1::10', false],
  ['out of its prefix', '10.0.1.17', false],
  ['out of its IPv6 prefix', '2001:db8:1:0:a::7', false],
  ['of no subnet', '192.0.2.1', false],
  ['of no IPv6 subnet', '2001:db8:9::1', false],
])('%s: %s', (_name, address, expected) => {
  expect(mayBeAssigned(address, snapshotOf([eni]))).toBe(expected);
});

it('is of another ENI where that has it, in whichever subnet', () => {
  const other: EniMetadata = { ...eni, mac: '06:00:00:00:00:02', ipv4Addresses: ['10.0.1.77'] };
  expect(mayBeAssigned('10.0.1.77', snapshotOf([eni, other]))).toBe(false);
});

it('an ENI without IPv4 has no subnet of it', () => {
  const ipv6Only = { ...eni, subnetIpv4: null, ipv4Addresses: [] };
  expect(mayBeAssigned('10.0.1.77', snapshotOf([ipv6Only]))).toBe(false);
  expect(mayBeAssigned('2001:db8:1::77', snapshotOf([ipv6Only]))).toBe(true);
});

it('says nothing where nothing is known', () => {
  expect(mayBeAssigned('10.0.1.77', null)).toBe(false);
});
