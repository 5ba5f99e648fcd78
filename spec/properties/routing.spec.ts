/** DESIGN, decision 4: for any source and destination the rules lead where they should, checked on a model of the look-up. */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Route } from '../../agent/model.ts';
import { makeRoute } from '../../fixtures/model/records.ts';
import type { ModelWorld } from '../../fixtures/model/world.ts';
import { addressAt, contains, requireCidr } from '../../lib/ip/cidr.ts';
import { eniList, linkOf } from './arbitrary.ts';
import { makeWorld } from './host.ts';

const mainTable = 254;
const [docker, vpn] = [90, 91];

interface Packet {
  readonly source: string;
  readonly destination: string;
  /** `lo`: sent by the host itself. */
  readonly inputInterface: string;
}

/** Longest prefix, then lowest metric (fib_table_lookup). */
function lookUp(routes: readonly Route[], table: number, destination: string): Route | null {
  const fitting = routes.filter((route) => route.table === table && contains(route.destination, destination));
  const lengthOf = (route: Route) => requireCidr(route.destination).length;
  return fitting.sort((a, b) => lengthOf(b) - lengthOf(a) || a.metric - b.metric)[0] ?? null;
}

function isDefault(route: Route): boolean {
  return requireCidr(route.destination).length === 0;
}

/** The link that a packet leaves by (fib_rules_lookup, fib4_rule_suppress); main is asked last, as rule 32766 does. */
function findWay({ rules, routes }: ModelWorld['state'], packet: Packet): number | null {
  const sorted = [...rules].sort((left, right) => left.priority - right.priority);
  for (const rule of sorted) {
    if (rule.source !== null && !contains(rule.source, packet.source)) continue;
    if (rule.destination !== null && !contains(rule.destination, packet.destination)) continue;
    if (rule.inputInterface !== null && rule.inputInterface !== packet.inputInterface) continue;
    const route = lookUp(routes, rule.table, packet.destination);
    if (route !== null && !(rule.suppressPrefixLength === 0 && isDefault(route))) return route.linkIndex;
  }
  return lookUp(routes, mainTable, packet.destination)?.linkIndex ?? null;
}

/** The three steps of decision 4 as they are said. */
function wish({ routes }: ModelWorld['state'], packet: Packet, ownTable: number): number | null {
  const own = lookUp(
    routes.filter((route) => !isDefault(route)),
    ownTable,
    packet.destination,
  );
  const main = lookUp(
    routes.filter((route) => !isDefault(route)),
    mainTable,
    packet.destination,
  );
  return (own ?? main ?? lookUp(routes, ownTable, packet.destination))?.linkIndex ?? null;
}

/** Connected routes of main, which the kernel makes, and those of Docker and a VPN. */
function addMainRoutes(world: ModelWorld, enis: Parameters<typeof makeWorld>[0]): void {
  const connected = enis.flatMap((eni) =>
    [eni.subnetIpv4 ?? '', ...eni.subnetIpv6].map((destination) => ({
      ...makeRoute({
        table: mainTable,
        destination,
        type: 'unicast',
        gateway: null,
        linkIndex: linkOf(eni).index,
        metric: 512 + eni.deviceNumber,
      }),
      protocol: 2,
    })),
  );
  const others = [
    ['172.17.0.0/16', docker],
    ['192.168.0.0/16', vpn],
    ['2001:db8:ffff::/48', vpn],
  ] as const;
  const foreign = others.map(([destination, linkIndex]) => ({
    ...makeRoute({ table: mainTable, destination, type: 'unicast', gateway: null, linkIndex, metric: 0 }),
    protocol: 3,
  }));
  world.state.routes.push(...connected, ...foreign);
}

const destinations4 = ['198.51.100.7', '172.17.3.4', '192.168.1.1', '10.0.0.200', '10.0.1.200', '10.0.2.200'];
const destinations6 = ['2001:db8:9::1', '2001:db8:ffff::1', '2001:db8:0:1::99', '2001:db8:0:2::99'];

describe('the rules', () => {
  it('send every source of a secondary ENI by the three steps, whoever sends it', () => {
    fc.assert(
      fc.property(eniList, (enis) => {
        const world = makeWorld(enis);
        addMainRoutes(world, enis);
        world.converge();
        for (const eni of enis.slice(1)) {
          const table = 10_000 + eni.deviceNumber;
          const ways = (source: string, inputInterface: string, destinations: readonly string[]) => {
            for (const destination of destinations) {
              const packet = { source, destination, inputInterface };
              const way = { packet, linkIndex: findWay(world.state, packet) };
              expect(way).toEqual({ packet, linkIndex: wish(world.state, packet, table) });
            }
          };
          for (const source of eni.ipv4Addresses) ways(source, 'lo', destinations4);
          for (const source of eni.ipv6Addresses) ways(source, 'lo', destinations6);
          for (const prefix of eni.ipv4Prefixes) ways(addressAt(prefix, 7n) ?? '', 'docker0', destinations4);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("leave the primary's sources and everybody else's to main", () => {
    fc.assert(
      fc.property(eniList, (enis) => {
        const world = makeWorld(enis);
        addMainRoutes(world, enis);
        world.converge();
        const primary = enis[0]?.ipv4Addresses ?? [];
        for (const source of [...primary, '172.17.0.5', '203.0.113.1']) {
          for (const destination of destinations4) {
            const way = findWay(world.state, { source, destination, inputInterface: 'lo' });
            expect(way).toBe(lookUp(world.state.routes, mainTable, destination)?.linkIndex);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
