/**
 * An instance of any size in memory, for what the pure decisions cost and how many rules they ask
 * for.
 */

import type { EniMetadata } from '../../agent/model.ts';
import { makeLink } from '../../fixtures/model/records.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import { prefixLength } from '../../fixtures/vpc/eni.ts';
import type { Size } from './instance.ts';

/** `separate`: each ENI has a subnet of its own; `shared`: all are in one. */
export type Layout = 'separate' | 'shared';

/**
 * Consecutive addresses: .16 onwards, the first by DHCP. Converged: one more pass changes nothing.
 */
export function openModel({ eniCount, addressCount }: Size, layout: Layout): ModelWorld {
  const subnetOf = (index: number) => (layout === 'separate' ? `10.${index}.0.0/20` : '10.0.0.0/16');
  // 128 apart in the shared subnet, from .16 on as where each has its own.
  const hostOf = (index: number, host: number) => (layout === 'separate' ? 16 + host : 16 + 128 * index + host);
  const addressOf = (index: number, host: number) => {
    const offset = hostOf(index, host);
    return `10.${layout === 'separate' ? index : 0}.${offset >> 8}.${offset & 255}`;
  };
  const enis = Array.from({ length: eniCount }, (_, index): EniMetadata => {
    const hex = index.toString(16).padStart(2, '0');
    return {
      mac: `02:00:00:00:01:${hex}`,
      eniId: `eni-000000000000000${hex}`,
      deviceNumber: index,
      networkCard: 0,
      subnetId: `subnet-${layout === 'separate' ? index : 0}`,
      vpcId: 'vpc-1',
      ipv4Addresses: Array.from({ length: addressCount + 1 }, (_, host) => addressOf(index, host)),
      ipv6Addresses: [],
      ipv4Prefixes: [],
      ipv6Prefixes: [],
      subnetIpv4: subnetOf(index),
      subnetIpv6: [],
      publicIpv4: {},
    };
  });
  const links = enis.map(({ mac }, index) => makeLink({ index: 10 + index, name: `ens${5 + index}`, mac }));
  const world = new ModelWorld({
    links,
    drivers: new Map(links.map(({ index }) => [index, 'ena'])),
    networkd: {
      kind: 'present',
      version: 252,
      links: links.map(({ index: linkIndex }) => ({
        linkIndex,
        networkFile: '/usr/lib/systemd/network/80-ec2.network',
        setupState: 'configured',
      })),
    },
    snapshot: {
      primaryMac: enis[0]?.mac ?? '',
      enis: enis.map((eni) => ({ kind: 'ready', eni })),
      instanceId: 'i-0123456789abcdef0',
    },
  });
  for (const [index, eni] of enis.entries()) {
    const subnet = subnetOf(index);
    const gateway = addressGateway(subnet);
    world.lease(10 + index, { address: eni.ipv4Addresses[0] ?? '', prefixLength: prefixLength(subnet), gateway });
  }
  world.converge(10);
  return world;
}

function addressGateway(subnet: string): string {
  return subnet.replace(/\d+\/\d+$/, '1');
}
