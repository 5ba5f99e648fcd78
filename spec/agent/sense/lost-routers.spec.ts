import { expect, it } from '@jest/globals';
import { LostRouters } from '../../../agent/sense/lost-routers.ts';
import { parseListeningPorts } from '../../../agent/sense/netlink-ports.ts';
import { advertisedDefault } from '../../../fixtures/model/records.ts';
import type { Route, RtnetlinkEvent } from '../../../lib/rtnetlink/types.ts';

const networkd = 700;
const program = 4_242;

function event(change: 'new' | 'delete', portId: number, route: Partial<Route> = {}): RtnetlinkEvent {
  return { kind: 'route', change, route: { ...advertisedDefault, ...route }, isReplacement: false, portId };
}

const several: Partial<Route> = {
  gateway: null,
  linkIndex: null,
  isComplex: true,
  paths: [
    { gateway: 'fe80::1', linkIndex: 3 },
    { gateway: 'fe80::2', linkIndex: 4 },
  ],
};

it.each<[string, string[], RtnetlinkEvent[]]>([
  ['removed by who made it', ['3 fe80::1'], [event('new', networkd), event('delete', networkd)]],
  ['removed by another program', [], [event('new', networkd), event('delete', program)]],
  ['removed by the kernel', [], [event('new', networkd), event('delete', 0)]],
  ['removed by a program that listens, where nobody has made any', ['3 fe80::1'], [event('delete', networkd)]],
  ['removed by a program that does not listen', [], [event('delete', program)]],
  ['removed by a program that listens beside the maker', [], [event('new', 701), event('delete', networkd)]],
  [
    'known by the route of a prefix',
    ['3 fe80::1'],
    [event('new', networkd, { destination: '2001:db8::/64', gateway: null }), event('delete', networkd)],
  ],
  ['made again', [], [event('new', networkd), event('delete', networkd), event('new', networkd)]],
  ['made again by another program', [], [event('new', networkd), event('delete', networkd), event('new', program)]],
  [
    'made again as one of several paths',
    [],
    [event('new', networkd), event('delete', networkd), event('new', networkd, several)],
  ],
  [
    'networkd came back with another port',
    ['3 fe80::1'],
    [event('new', networkd), event('new', 701), event('delete', 701)],
  ],
  [
    'all paths at once',
    ['3 fe80::1', '4 fe80::2'],
    [event('new', networkd, several), event('delete', networkd, several)],
  ],
  [
    'no default route',
    [],
    [event('new', networkd), event('delete', networkd, { destination: '2001:db8::/64', gateway: null })],
  ],
  ['no advertisement', [], [event('new', networkd), event('delete', networkd, { protocol: 16 })]],
])('%s', (_what, expected, events) => {
  const lost = new LostRouters((portId) => portId === networkd);
  lost.receive(events, 5);
  expect(lost.list().map(({ linkIndex, gateway }) => `${linkIndex} ${gateway}`)).toEqual(expected);
});

it('keeps the time of the first of several tables, and the list while nothing changes', () => {
  const lost = new LostRouters((portId) => portId === networkd);
  lost.receive([event('new', networkd), event('new', networkd, { table: 10_001 }), event('delete', networkd)], 5);
  const list = lost.list();
  lost.receive([event('delete', networkd, { table: 10_001 })], 9);
  expect(lost.list()).toBe(list);
  expect(list).toEqual([{ linkIndex: 3, gateway: 'fe80::1', lostMs: 5 }]);
});

it('is bounded', () => {
  const lost = new LostRouters((portId) => portId === networkd);
  lost.receive([event('new', networkd)], 5);
  for (let index = 0; index < 1_000; index++)
    lost.receive([event('delete', networkd, { gateway: `fe80::${index}` })], 5);
  expect(lost.list()).toHaveLength(256);
});

it('reads the ports of programs that listen', () => {
  const text = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   700        00071551 0        0        0     2        0        2000
0000000000000000 0   4242       00000000 0        0        0     2        0        2001
0000000000000000 0   0          00000000 0        0        0     2        0        1
0000000000000000 15  701        00000002 0        0        0     2        0        2002
0000000000000000 0   2291980266 00000440 0        0        0     2        0        2003
`;
  expect([...parseListeningPorts(text)]).toEqual([700, 2_291_980_266]);
});
