/** Hosts in memory for the property tests and the reconciler's. */

import type { EniMetadata, Route, Rule, TableRecord } from '../../agent/model.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import { addressAt } from '../../lib/ip/cidr.ts';
import { linkOf } from './arbitrary.ts';

/** The metadata of these ENIs; the first is the primary. */
export function snapshotOf(enis: readonly EniMetadata[]) {
  const [primary] = enis;
  return {
    primaryMac: primary?.mac ?? '',
    instanceId: 'i-1',
    enis: enis.map((eni) => ({ kind: 'ready' as const, eni })),
  };
}

/** The link of an ENI appears; networkd has no file for it yet. */
export function plugIn(world: ModelWorld, eni: EniMetadata): void {
  const link = linkOf(eni);
  world.state.links = [...world.state.links, link];
  world.state.drivers.set(link.index, 'ena');
  if (world.state.networkd.kind === 'present') {
    const unmanaged = { linkIndex: link.index, networkFile: null, setupState: 'unmanaged' };
    world.state.networkd = { ...world.state.networkd, links: [...world.state.networkd.links, unmanaged] };
  }
}

/** networkd gets a lease and a router advertisement for an ENI. */
export function giveLease(world: ModelWorld, eni: EniMetadata): void {
  const [address] = eni.ipv4Addresses;
  const gateway = eni.subnetIpv4 === null ? undefined : addressAt(eni.subnetIpv4, 1n);
  if (address === undefined || gateway === undefined) return;
  world.lease(linkOf(eni).index, { address, gateway, router: 'fe80::1' });
}

/** A host with these ENIs plugged in and leased, not configured yet. */
export function makeWorld(enis: readonly EniMetadata[], rules: Rule[] = [], routes: Route[] = []): ModelWorld {
  const world = new ModelWorld({ rules: [...rules], routes: [...routes], snapshot: snapshotOf(enis) });
  for (const eni of enis) {
    plugIn(world, eni);
    giveLease(world, eni);
  }
  return world;
}

/** The host forwards and tracks connections. */
export function forward(world: ModelWorld): ModelWorld {
  world.state.replies = { isForwarding: { 4: true, 6: true }, isTracking: true, table: null };
  return world;
}

/** Without handles and order. */
function viewTable(table: TableRecord | null) {
  return (
    table && {
      chains: table.chains.map(({ name, hook, rules }) => [name, hook, rules.map(({ comment }) => comment)]).sort(),
      maps: table.maps.map(({ name, elements }) => [name, [...elements].sort()]).sort(),
    }
  );
}

/** What the packets see: everything but marks and order. */
export function view(world: ModelWorld) {
  const { addresses, routes, rules, links, files, replies } = world.state;
  const sorted = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).sort();
  return {
    addresses: sorted(addresses.map(({ linkIndex, address, prefixLength }) => [linkIndex, address, prefixLength])),
    routes: sorted(
      routes.map(({ table, destination, gateway, linkIndex, metric }) => [
        table,
        destination,
        gateway,
        linkIndex,
        metric,
      ]),
    ),
    rules: sorted(rules.map(({ protocol: _, ...rule }) => rule)),
    altNames: sorted(links.map(({ name, altNames }) => [name, altNames])),
    files: [...files.keys()].sort(),
    replies: viewTable(replies?.table ?? null),
  };
}
