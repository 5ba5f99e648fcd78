/**
 * Hosts for spec/properties/ways.spec.ts: ENIs of any number and family, and what a lease, an
 * operator or a VPN puts into main.
 */

import fc from 'fast-check';
import type { DesiredAddress, EniMetadata, Link, Route } from '../../agent/model.ts';
import type { PathMtuClone } from '../../fixtures/model/look-up.ts';
import { makeLink, makeRoute } from '../../fixtures/model/records.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import type { Ground } from '../../fixtures/ways/oracle.ts';
import { familyOf } from '../../lib/ip/address.ts';
import { addressAt, requireCidr } from '../../lib/ip/cidr.ts';
import { linkOf } from './arbitrary.ts';
import { plugIn, snapshotOf } from './host.ts';

export const mainTable = 254;
const localTable = 255;
const [boot, advertised, leased, kernelMade] = [3, 9, 16, 2];

/** Devices that are no ENI. */
export const devices = {
  docker0: makeLink({ index: 90, name: 'docker0', mac: null, kind: 'bridge' }),
  pods: makeLink({ index: 91, name: 'br-pods', mac: null, kind: 'bridge' }),
  wg0: makeLink({ index: 92, name: 'wg0', mac: null, kind: 'wireguard' }),
  tun0: makeLink({ index: 93, name: 'tun0', mac: null, kind: 'tun' }),
  macvlan0: makeLink({ index: 94, name: 'macvlan0', mac: null, kind: 'macvlan' }),
} satisfies Record<string, Link>;

export interface WaysHost {
  readonly enis: readonly EniMetadata[];
  /** What others have put into main, beside the leases' defaults and the connected routes. */
  readonly foreign: readonly Route[];
  /** Of devices that are no ENI. */
  readonly addresses?: readonly DesiredAddress[];
  /** Path-MTU clones of routes by these links, in whichever table they are. */
  readonly clones: readonly Omit<PathMtuClone, 'table'>[];
}

/** Two VPCs: the subnets of the first are apart, those of the second nest into them. */
const subnets4 = ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24', '10.0.0.0/22', '10.0.2.128/25', '172.31.0.0/20'];
const subnets6 = ['2001:db8:0:1::/64', '2001:db8:0:2::/64', '2001:db8:0:3::/64', '2001:db8::/60'];
const far6 = ['2001:4860::8', '9000::1', '2001:db8:9::1'];

interface EniShape {
  readonly families: '4' | '6' | '46';
  readonly subnet: number;
  readonly hosts: readonly number[];
  readonly hasPrefix: boolean;
  readonly networkCard: number;
}

const eniShape: fc.Arbitrary<EniShape> = fc.record({
  families: fc.constantFrom('4', '6', '46', '46'),
  subnet: fc.nat(5),
  hosts: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 4 }),
  hasPrefix: fc.boolean(),
  networkCard: fc.nat(1),
});

/** No two ENIs share an address or prefix, in whichever subnets they are. */
export function makeEni(shape: EniShape, index: number): EniMetadata {
  const { families, subnet, hosts, hasPrefix, networkCard } = shape;
  const [has4, has6] = [families.includes('4'), families.includes('6')];
  const subnet4 = subnets4[subnet % subnets4.length] ?? '';
  const subnet6 = subnets6[subnet % subnets6.length] ?? '';
  // Four blocks of /28 fit into the narrowest subnet behind the addresses.
  const prefixes = hasPrefix && index < 4;
  return {
    mac: `02:00:00:00:00:0${index}`,
    eniId: `eni-0000000000000000${index}`,
    deviceNumber: index,
    networkCard: index === 0 ? 0 : networkCard,
    subnetId: `subnet-${subnet}`,
    vpcId: subnet < 3 ? 'vpc-1' : 'vpc-2',
    ipv4Addresses: has4 ? hosts.map((host) => addressAt(subnet4, BigInt(4 + index * 8 + host))) : [],
    ipv6Addresses: has6 ? hosts.map((host) => addressAt(subnet6, BigInt((index + 1) * 65_536 + host))) : [],
    ipv4Prefixes: has4 && prefixes ? [`${addressAt(subnet4, BigInt(64 + 16 * index))}/28`] : [],
    ipv6Prefixes: has6 && prefixes ? [`${addressAt(subnet6, BigInt(256 + index) << 48n)}/80`] : [],
    subnetIpv4: has4 ? subnet4 : null,
    subnetIpv6: has6 ? [subnet6] : [],
    publicIpv4: {},
  };
}

export function gatewayOf(eni: EniMetadata, family: 4 | 6): string | null {
  if (family === 6) return eni.ipv6Addresses.length > 0 ? 'fe80::1' : null;
  return eni.subnetIpv4 === null ? null : addressAt(eni.subnetIpv4, 1n);
}

/** A route of main. IPv6 has metric 1024 where none is given. */
export function inMain(destination: string, linkIndex: number, rest: Partial<Route> = {}): Route {
  const metric = familyOf(destination) === 6 ? 1024 : 0;
  const route = makeRoute({ table: mainTable, destination, type: 'unicast', gateway: null, linkIndex, metric });
  return { ...route, protocol: boot, ...rest };
}

/** A route by an ENI's router; null where the ENI lacks the family. */
export function byEni(destination: string, eni: EniMetadata | undefined, rest: Partial<Route> = {}): Route | null {
  const gateway = eni === undefined ? null : gatewayOf(eni, familyOf(destination));
  return eni === undefined || gateway === null ? null : inMain(destination, linkOf(eni).index, { gateway, ...rest });
}

/**
 * Where somebody may have a route to: beyond every subnet, over several, over one, inside one, a
 * host in one.
 */
const destinations = [
  ...['10.0.0.0/16', '10.0.2.0/23', '10.0.1.0/24', '10.0.1.128/25', '10.0.0.2/32', '10.0.1.70/32', '10.77.0.0/16'],
  ...['10.77.8.0/24', '192.168.0.0/16', '192.168.66.0/24', '198.51.100.0/24', '10.0.0.0/8'],
  ...['2001:db8::/32', '2001:db8:0:2::/64', '2001:db8:0:1:8000::/65', '2001:db8:0:3::99/128', '2001:db8:77::/48'],
  ...['2001:db8:77:8::/64', 'fd00:ec2::253/128', 'fd00::/8'],
];

interface ForeignShape {
  readonly destination: string;
  /** A number: the ENI of that place in the list. */
  readonly by: number | 'wg0' | 'tun0' | 'macvlan0' | 'refuse';
  readonly isOnLink: boolean;
  readonly metric: number;
  readonly protocol: number;
}

const foreignShape: fc.Arbitrary<ForeignShape> = fc.record({
  destination: fc.constantFrom(...destinations),
  by: fc.oneof(
    fc.nat(5),
    fc.nat(5),
    fc.constantFrom('wg0' as const, 'tun0' as const, 'macvlan0' as const, 'refuse' as const),
  ),
  isOnLink: fc.boolean(),
  metric: fc.constantFrom(0, 50, 100, 600, 2000),
  protocol: fc.constantFrom(boot, 4, leased, advertised),
});

function makeForeign(shape: ForeignShape, enis: readonly EniMetadata[]): Route | null {
  const { destination, by, isOnLink, metric, protocol } = shape;
  const rest = metric === 0 ? {} : { metric };
  if (typeof by === 'number') {
    const route = byEni(destination, enis[by % enis.length], { ...rest, protocol });
    return route !== null && isOnLink ? { ...route, gateway: null } : route;
  }
  // Decision 4 says of a route *inside* the own subnet whose it is, and of one that is as wide
  // nothing: see the examples.
  if (subnets4.includes(destination) || subnets6.includes(destination)) return null;
  if (by !== 'refuse') return inMain(destination, devices[by].index, rest);
  // RTN_UNREACHABLE; IPv6 hangs it on lo.
  return { ...inMain(destination, 1, rest), linkIndex: familyOf(destination) === 4 ? null : 1, type: 7 };
}

export const halves4 = ['0.0.0.0/1', '128.0.0.0/1'];
export const halves6 = ['::/1', '8000::/1'];
const defaults4 = fc.constantFrom([], [], halves4);
const defaults6 = fc.constantFrom([], [], halves6, ['2000::/3']);

export const waysHost: fc.Arbitrary<WaysHost> = fc
  .record({
    shapes: fc.array(eniShape, { minLength: 1, maxLength: 6 }),
    foreign: fc.array(foreignShape, { maxLength: 6 }),
    isDocker: fc.boolean(),
    isPods: fc.boolean(),
    isVpn: fc.boolean(),
    wide: fc.tuple(defaults4, defaults6).map(([four, six]) => [...four, ...six]),
    // A default that another program made: below, among and above the leases' metrics.
    defaults: fc.array(fc.record({ eni: fc.nat(5), metric: fc.constantFrom(50, 513, 4000) }), { maxLength: 2 }),
    clones: fc.array(fc.record({ eni: fc.nat(5), destination: fc.constantFrom(...far6) }), { maxLength: 3 }),
  })
  .map(({ shapes, foreign, isDocker, isPods, isVpn, wide, defaults, clones }) => {
    const enis = shapes.map(makeEni);
    const at = (place: number) => enis[place % enis.length];
    const prefixes = enis.flatMap(({ ipv4Prefixes, ipv6Prefixes }) => [...ipv4Prefixes, ...ipv6Prefixes]);
    const routes = [
      ...foreign.map((shape) => makeForeign(shape, enis)),
      ...(isDocker ? ['172.17.0.0/16', 'fd17::/64'].map((to) => inMain(to, devices.docker0.index)) : []),
      ...(isPods ? prefixes.map((to) => inMain(to, devices.pods.index)) : []),
      ...(isVpn ? ['100.64.0.0/10', 'fd64::/16'].map((to) => inMain(to, devices.wg0.index)) : []),
      ...wide.map((to) => inMain(to, devices.tun0.index)),
      ...defaults.flatMap(({ eni, metric }) =>
        ['0.0.0.0/0', '::/0'].map((to) => byEni(to, at(eni), { metric, protocol: 4 })),
      ),
    ];
    return {
      enis,
      foreign: routes.filter((route) => route !== null),
      clones: clones.map(({ eni, destination }) => ({ destination, linkIndex: 10 + (at(eni)?.deviceNumber ?? 0) })),
    };
  });

/**
 * The ENIs plugged in and leased, with their connected routes, and the other devices; nothing of
 * `foreign`.
 */
export function makeWaysWorld({ enis }: WaysHost): ModelWorld {
  const world = new ModelWorld({ snapshot: snapshotOf(enis), links: Object.values(devices) });
  for (const eni of enis) {
    plugIn(world, eni);
    const { index } = linkOf(eni);
    const [address] = eni.ipv4Addresses;
    const [gateway, router] = [gatewayOf(eni, 4), gatewayOf(eni, 6)];
    if (address !== undefined && gateway !== null && eni.subnetIpv4 !== null) {
      world.lease(index, { address, gateway, prefixLength: requireCidr(eni.subnetIpv4).length });
    }
    if (router === null) continue;
    world.lease(index, { router });
    const metric = 512 + eni.deviceNumber;
    world.state.routes.push(...eni.subnetIpv6.map((to) => inMain(to, index, { metric, protocol: kernelMade })));
  }
  return world;
}

/** The kernel has one route for each destination and metric of a table, and refuses a second. */
export function addForeign(world: ModelWorld, { foreign, addresses = [] }: WaysHost): void {
  for (const address of addresses) world.addAddress(address, 0);
  for (const route of foreign) {
    const isTaken = world.state.routes.some(
      ({ table, destination, metric }) =>
        table === route.table && destination === route.destination && metric === route.metric,
    );
    if (!isTaken) world.state.routes.push(route);
  }
}

/** What the kernel makes for the host's own addresses. */
export function localRoutes(enis: readonly EniMetadata[]): Route[] {
  return listAddresses(enis).map((address) => ({
    ...makeRoute({
      table: localTable,
      destination: `${address}/${familyOf(address) === 4 ? 32 : 128}`,
      type: 'local',
      gateway: null,
      linkIndex: 1,
      metric: 0,
    }),
    protocol: kernelMade,
  }));
}

function listAddresses(enis: readonly EniMetadata[]): string[] {
  return enis.flatMap(({ ipv4Addresses, ipv6Addresses }) => [...ipv4Addresses, ...ipv6Addresses]);
}

/** What the oracle judges by: EC2's word about the ENIs, and main as it is now. */
export function groundOf(enis: readonly EniMetadata[], world: ModelWorld): Ground {
  return {
    enis: enis.map((eni, place) => ({
      linkIndex: linkOf(eni).index,
      isPrimary: place === 0,
      sources: [...eni.ipv4Addresses, ...eni.ipv6Addresses, ...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
      subnets: [...(eni.subnetIpv4 === null ? [] : [eni.subnetIpv4]), ...eni.subnetIpv6],
      gateways: { 4: gatewayOf(eni, 4), 6: gatewayOf(eni, 6) },
    })),
    main: world.state.routes.filter(({ table }) => table === mainTable),
    local: listAddresses(enis),
  };
}
