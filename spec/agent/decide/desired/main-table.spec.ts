import { describe, expect, it } from '@jest/globals';
import {
  isDefaultDiverted,
  listDestinations,
  listFollowed,
  listForeignRoutes,
  mostFollowedRoutes,
  readMainTable,
} from '../../../../agent/decide/desired/main-table.ts';
import type { Route } from '../../../../agent/model.ts';
import { makeRoute } from '../../../../fixtures/model/records.ts';

const [ens5, ens6, ens7, wg0] = [2, 3, 4, 9];

/** `destination`, link and metric; a gateway where one is named. In main, made by somebody else. */
function inMain(destination: string, linkIndex: number, metric: number, gateway: string | null = null): Route {
  const route = { table: 254, destination, type: 'unicast', gateway, linkIndex, metric } as const;
  return { ...makeRoute(route), protocol: 3 };
}

const mainOf = (...routes: Route[]) => readMainTable(listForeignRoutes(routes), []);

describe("main's best default", () => {
  const links = { primary: ens5, others: new Set([ens6, ens7]), fallback: false };
  it.each<[string, 4 | 6, Route[], boolean]>([
    ['is the primary’s by metric', 4, [inMain('0.0.0.0/0', ens5, 512), inMain('0.0.0.0/0', ens6, 513)], false],
    ['is another ENI’s by metric', 4, [inMain('0.0.0.0/0', ens5, 512), inMain('0.0.0.0/0', ens6, 100)], true],
    ['is a VPN’s', 4, [inMain('0.0.0.0/0', wg0, 50), inMain('0.0.0.0/0', ens6, 100)], false],
    ['has the same metric twice', 4, [inMain('0.0.0.0/0', ens6, 100), inMain('0.0.0.0/0', ens5, 100)], false],
    ['is in halves by a VPN', 4, [inMain('0.0.0.0/1', wg0, 0), inMain('128.0.0.0/1', wg0, 0)], false],
    [
      'is in halves by a VPN, and what is left of it another ENI’s',
      6,
      [inMain('2000::/3', wg0, 1024), inMain('::/0', ens6, 100), inMain('::/0', ens5, 512)],
      true,
    ],
    ['of the other family does not count', 6, [inMain('0.0.0.0/0', ens6, 100), inMain('::/0', ens5, 512)], false],
  ])('%s', (_what, family, routes, want) => {
    expect(isDefaultDiverted(mainOf(...routes), family, links)).toBe(want);
  });

  it('is what the policy says where there is none', () => {
    expect(isDefaultDiverted(mainOf(), 4, { ...links, fallback: true })).toBe(true);
    expect(isDefaultDiverted(mainOf(), 4, { ...links, fallback: false })).toBe(false);
  });
});

describe('the main table', () => {
  it('leaves our own routes to what they should be, and those that say more than a record', () => {
    const own = { ...inMain('10.9.0.0/16', ens6, 513), protocol: 236 };
    const complex = { ...inMain('10.8.0.0/16', ens6, 0), isComplex: true };
    const blackhole = { ...inMain('10.7.0.0/16', ens6, 0), type: 6 };
    expect(listForeignRoutes([own, complex, blackhole, inMain('10.6.0.0/16', ens6, 0)])).toEqual([
      inMain('10.6.0.0/16', ens6, 0),
    ]);
  });

  it('has each path of a route by several next hops', () => {
    const paths = [
      { linkIndex: ens6, gateway: 'fe80::1' },
      { linkIndex: ens6, gateway: 'fe80::2' },
    ];
    const several = { ...inMain('::/0', ens6, 100), linkIndex: null, isComplex: true, paths };
    const main = mainOf(several, inMain('::/0', ens5, 512));
    expect(main.defaults.map(({ linkIndex, gateway }) => [linkIndex, gateway])).toEqual([
      [ens6, 'fe80::1'],
      [ens6, 'fe80::2'],
      [ens5, null],
    ]);
    expect(isDefaultDiverted(main, 6, { primary: ens5, others: new Set([ens6]), fallback: false })).toBe(true);
  });

  it('is followed by the best route of each destination', () => {
    const main = mainOf(inMain('10.9.0.0/16', ens6, 600, '10.0.2.8'), inMain('10.9.0.0/16', ens6, 100, '10.0.2.9'));
    expect(listFollowed(main, ens6).map(({ gateway }) => gateway)).toEqual(['10.0.2.9']);
    expect(listFollowed(main, ens5)).toEqual([]);
  });

  it('is not followed where it has too many routes by the ENI', () => {
    const many = Array.from({ length: mostFollowedRoutes + 1 }, (_, n) =>
      inMain(`10.${n >> 8}.${n & 255}.0/24`, ens6, 0),
    );
    expect(listFollowed(mainOf(...many.slice(1)), ens6)).toHaveLength(mostFollowedRoutes);
    expect(listFollowed(mainOf(...many), ens6)).toEqual([]);
    expect(listDestinations(mainOf(...many), [{ linkIndex: ens6, subnets: ['10.0.2.0/24'] }])).toEqual(['10.0.2.0/24']);
  });

  it('has link-local destinations by every link: they are nobody’s detour', () => {
    const main = mainOf(inMain('fe80::/64', ens6, 256), inMain('2001:db8:7::/48', ens6, 1024));
    expect(listDestinations(main, [{ linkIndex: ens6, subnets: ['2001:db8:0:2::/64'] }])).toEqual([
      '2001:db8:0:2::/64',
      '2001:db8:7::/48',
    ]);
  });
});
