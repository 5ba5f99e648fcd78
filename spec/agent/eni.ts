import type { EniMetadata } from '../../agent/model.ts';

/** An ENI alone in its subnet with two IPv4 addresses. */
export function makeEni(index: number): EniMetadata {
  return {
    mac: `02:00:00:00:00:0${index}`,
    eniId: `eni-0000000000000000${index}`,
    deviceNumber: index,
    networkCard: 0,
    subnetId: `subnet-${index}`,
    vpcId: 'vpc-1',
    ipv4Addresses: [`10.0.${index}.4`, `10.0.${index}.5`],
    ipv6Addresses: [],
    ipv4Prefixes: [],
    ipv6Prefixes: [],
    subnetIpv4: `10.0.${index}.0/24`,
    subnetIpv6: [],
    publicIpv4: {},
  };
}
