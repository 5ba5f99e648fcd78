/** Random rules, routes and questions for look-up-namespace.ts. */

import fc from 'fast-check';
import type { Family, Route, Rule } from '../../lib/rtnetlink/types.ts';

/** All rules and routes for the kernel carry this protocol number, so that they can be flushed. */
export const own = 236;
/** Link n has 10.0.n.1/24 and 2001:db8:0:n::1/64. */
export const names = ['d0', 'd1', 'd2', 'd3', 'd4'];

const prefixes: Record<Family, string[]> = {
  4: [
    ...['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/8', '10.0.0.0/16', '10.0.1.0/24', '10.0.2.0/24'],
    ...['10.0.2.128/25', '10.0.1.77/32', '192.168.0.0/16', '198.51.100.7/32'],
  ],
  6: [
    ...['::/0', '::/1', '8000::/1', '2000::/3', 'fc00::/7', '2001:db8::/32', '2001:db8:0:1::/64', '2001:db8:0:2::/64'],
    ...['2001:db8:0:2:8000::/65', '2001:db8:0:1::77/128', '2001:db8:9::1/128'],
  ],
};
export const destinations: Record<Family, string[]> = {
  4: [
    ...['10.0.1.200', '10.0.2.200', '10.0.1.77', '10.0.3.9', '10.9.9.9', '192.168.1.1', '198.51.100.7', '8.8.8.8'],
    '10.0.4.1',
  ],
  6: [
    ...['2001:db8:0:1::200', '2001:db8:0:2:8000::1', '2001:db8:0:1::77', '2001:db8:0:3::9', '2001:db8:77::9'],
    ...['fd00::1', '2001:db8:9::1', '9000::1', '2001:db8:0:4::1'],
  ],
};
type Sender = readonly [source: string, inputInterface: string];

/**
 * IPv4 lets the host send only from its own addresses, and forwards no packet with such a source.
 */
export const senders: Record<Family, readonly Sender[]> = {
  4: [
    ...['10.0.0.1', '10.0.1.1', '10.0.2.1'].map((source): Sender => [source, 'lo']),
    ...['10.0.1.77', '172.17.0.5'].map((source): Sender => [source, 'd4']),
  ],
  6: [
    ...['2001:db8::1', '2001:db8:0:1::1', '2001:db8:0:2::1'].map((source): Sender => [source, 'lo']),
    ...['2001:db8:0:1::77', 'fd17::5'].map((source): Sender => [source, 'd4']),
  ],
};

/** None in one of two, and in one of three cases. */
const sometimes = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { freq: 1 });
const mostly = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { freq: 2 });

export function anyRule(family: Family): fc.Arbitrary<Rule> {
  return fc
    .record({
      family: fc.constant(family),
      priority: fc.constantFrom(100, 200, 300, 300, 300, 40_000),
      source: mostly(...prefixes[family].slice(3)),
      destination: sometimes(...prefixes[family].slice(3)),
      inputInterface: sometimes('lo', 'd4'),
      outputInterface: fc.constantFrom(null, null, null, 'd1'),
      mark: sometimes({ value: 0x10, mask: 0xff }, { value: 0x80000010, mask: 0x80000010 }),
      users: sometimes({ first: 0, last: 0 }, { first: 1000, last: 2000 }),
      action: fc.constantFrom(...Array.from({ length: 12 }, () => 1), 3, 6, 7, 8),
      table: fc.constantFrom(100, 101, 254, 254, 254, 102),
      suppressPrefixLength: mostly(0, 1, 7, 16, 64),
      suppressGroup: mostly(0, 5, own, own),
    })
    .map(({ action, table, suppressPrefixLength, suppressGroup, ...rule }) => {
      const isLookUp = action === 1;
      const target = isLookUp
        ? { table, suppressPrefixLength, suppressGroup }
        : { table: 0, suppressPrefixLength: null, suppressGroup: null };
      return { ...rule, action, ...target, protocol: own, isComplex: false };
    });
}

/** `indexOf`: among the existing links. */
export function anyRoute(family: Family, indexOf: (name: string) => number): fc.Arbitrary<Route> {
  return fc
    .record({
      table: fc.constantFrom(100, 101, 254, 254),
      destination: fc.constantFrom(...prefixes[family]),
      type: fc.constantFrom(...Array.from({ length: 12 }, () => 1), 6, 7, 8, 9),
      name: fc.constantFrom(...names),
      hasGateway: fc.boolean(),
      metric: fc.constantFrom(0, 10, 20),
    })
    .map(({ name, hasGateway, type, ...route }) => {
      const gateway = type === 1 && hasGateway ? (family === 4 ? `10.0.${name.slice(1)}.254` : 'fe80::1') : null;
      const linkIndex = type === 1 ? indexOf(name) : null;
      const scope = family === 4 && type === 1 && gateway === null ? 253 : 0;
      return {
        family,
        type,
        ...route,
        linkIndex,
        gateway,
        scope,
        protocol: own,
        preferredSource: null,
        nextHopId: null,
        isComplex: false,
      };
    });
}
