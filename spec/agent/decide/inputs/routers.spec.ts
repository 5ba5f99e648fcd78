import { describe, expect, it } from '@jest/globals';
import {
  findRouter,
  isWithdrawn,
  type KnownRouter,
  listLeaving,
  type RouterNews,
  rememberRouters,
  whenWithdrawn,
} from '../../../../agent/decide/inputs/routers.ts';
import type { KernelState, Link, LostRouter, NetworkdLink, Route } from '../../../../agent/model.ts';
import { advertisedDefault } from '../../../../fixtures/model/records.ts';

const link: Link = {
  index: 3,
  name: 'ens6',
  mac: '02:00:00:00:00:06',
  permanentMac: null,
  kind: null,
  masterIndex: null,
  group: 0,
  mtu: 1500,
  isLoopback: false,
  isUp: true,
  hasCarrier: true,
  altNames: [],
};

interface Moment {
  readonly atMs: number;
  /** Gateways of the advertised default route. */
  readonly by?: readonly string[];
  /** Gateway of our own route. */
  readonly own?: string;
  readonly lost?: readonly [gateway: string, lostMs: number][];
  readonly networkd?: Partial<NetworkdLink> | 'absent';
  readonly link?: Partial<Link> | null;
}

function listRoutes({ by = [], own }: Moment): Route[] {
  const [first = null, ...others] = by;
  const advertised: Route =
    others.length === 0
      ? { ...advertisedDefault, gateway: first }
      : {
          ...advertisedDefault,
          gateway: null,
          linkIndex: null,
          isComplex: true,
          paths: by.map((gateway) => ({ gateway, linkIndex: 3 })),
        };
  return [
    ...(by.length === 0 ? [] : [advertised]),
    ...(own === undefined ? [] : [{ ...advertisedDefault, protocol: 236, gateway: own }]),
  ];
}

function readNews({ lost = [], networkd = {} }: Moment): RouterNews {
  const told: NetworkdLink = { linkIndex: 3, networkFile: null, setupState: 'configured' };
  return {
    lost: lost.map(([gateway, lostMs]): LostRouter => ({ linkIndex: 3, gateway, lostMs })),
    networkd:
      networkd === 'absent'
        ? { kind: 'absent', version: 252, links: [told] }
        : { kind: 'present', version: 252, links: [{ ...told, ...networkd }] },
  };
}

function play(moments: readonly Moment[]): string {
  let routers: readonly KnownRouter[] = [];
  let due: number | null = null;
  for (const moment of moments) {
    const links = moment.link === null ? [] : [{ ...link, ...moment.link }];
    const kernel: KernelState = { links, addresses: [], routes: listRoutes(moment), rules: [], drivers: new Map() };
    routers = rememberRouters(routers, kernel, moment.atMs, readNews(moment));
    due = whenWithdrawn(routers, readNews(moment));
  }
  const words = [`by ${findRouter(routers, 3) ?? 'none'}`];
  if (isWithdrawn(routers, 3)) words.push('withdrawn');
  const leaving = listLeaving(routers, 3);
  if (leaving.length > 0) words.push(`without ${leaving.join()}`);
  if (due !== null) words.push(`again at ${due}`);
  return words.join(', ');
}

const a: Moment = { atMs: 10_000, by: ['fe80::a'] };
const lost: readonly [string, number][] = [['fe80::a', 20_000]];

describe('routers of a link', () => {
  it.each<[string, string, Moment[]]>([
    ['advertised', 'by fe80::a', [a]],
    ['never seen', 'by none', [{ atMs: 10_000 }]],
    ['only our own route', 'by fe80::a', [{ atMs: 10_000, own: 'fe80::a' }]],
    ['removed by another program', 'by fe80::a', [a, { atMs: 30_000 }]],
    ['dropped by networkd just now', 'by fe80::a, again at 22000', [a, { atMs: 20_010, lost }]],
    [
      'dropped by networkd and not back',
      'by none, withdrawn, without fe80::a',
      [a, { atMs: 20_010, lost }, { atMs: 22_000, lost }],
    ],
    [
      'withdrawn, and our own route is still there',
      'by none, withdrawn, without fe80::a',
      [a, { atMs: 22_000, lost }, { atMs: 22_010, lost, own: 'fe80::a' }],
    ],
    ['withdrawn, and advertised again', 'by fe80::a', [a, { atMs: 22_000, lost }, { atMs: 40_000, by: ['fe80::a'] }]],
    [
      'dropped where networkd configures the link',
      'by fe80::a',
      [a, { atMs: 20_010, lost, networkd: { setupState: 'configuring', unsettledMs: 20_005 } }, { atMs: 23_000, lost }],
    ],
    [
      'dropped just after networkd began to configure the link',
      'by fe80::a',
      [a, { atMs: 23_000, lost, networkd: { unsettledMs: 19_900 } }],
    ],
    [
      'dropped long after networkd configured the link',
      'by none, withdrawn, without fe80::a',
      [a, { atMs: 23_000, lost, networkd: { unsettledMs: 15_000 } }],
    ],
    [
      'dropped while another advertisement is taken up',
      'by none, withdrawn, without fe80::a',
      [a, { atMs: 23_000, lost, networkd: { setupState: 'configuring', unsettledMs: 1_000 } }],
    ],
    [
      'dropped by a networkd that leaves',
      'by fe80::a',
      [a, { atMs: 20_010, lost, networkd: 'absent' }, { atMs: 23_000, lost }],
    ],
    [
      'dropped with the carrier',
      'by fe80::a',
      [a, { atMs: 20_010, lost, link: { hasCarrier: false } }, { atMs: 23_000, lost }],
    ],
    [
      'dropped with the carrier, then withdrawn',
      'by none, withdrawn, without fe80::a',
      [
        a,
        { atMs: 20_010, lost, link: { hasCarrier: false } },
        { atMs: 23_000, by: ['fe80::a'] },
        { atMs: 43_000, lost: [['fe80::a', 40_000]] },
      ],
    ],
    ['forgotten after its lifetime', 'by none', [a, { atMs: 10_000 + 1_800_000 }]],
    ['forgotten with its link', 'by none', [a, { atMs: 10_010, link: null }, { atMs: 10_020 }]],
    ['two at once: the kernel has the older one first', 'by fe80::b', [{ atMs: 10_000, by: ['fe80::a', 'fe80::b'] }]],
    ['another one comes', 'by fe80::b, without fe80::a', [a, { atMs: 20_000, by: ['fe80::a', 'fe80::b'] }]],
    [
      'another one has come, and the former one is silent',
      'by fe80::b, without fe80::a',
      [a, { atMs: 20_000, by: ['fe80::a', 'fe80::b'] }, { atMs: 30_000, by: ['fe80::b'] }],
    ],
    [
      'the former one comes back beside it',
      'by fe80::b',
      [
        a,
        { atMs: 20_000, by: ['fe80::a', 'fe80::b'] },
        { atMs: 30_000, by: ['fe80::b'] },
        { atMs: 40_000, by: ['fe80::b', 'fe80::a'] },
      ],
    ],
    [
      'one that was gone for a moment is no lasting one',
      'by fe80::b, without fe80::a',
      [a, { atMs: 11_000 }, { atMs: 12_000, by: ['fe80::a'] }, { atMs: 20_000, by: ['fe80::a', 'fe80::b'] }],
    ],
    [
      'the one that has come is withdrawn: the former one, whose route was removed for it, again',
      'by fe80::a, without fe80::b',
      [
        a,
        { atMs: 20_000, by: ['fe80::a', 'fe80::b'] },
        { atMs: 30_000, by: ['fe80::b'] },
        { atMs: 43_000, lost: [['fe80::b', 40_000]] },
      ],
    ],
  ])('%s: %s', (_what, expected, moments) => {
    expect(play(moments)).toBe(expected);
  });
});
