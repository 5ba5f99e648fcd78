/** What a snapshot says of each shape of instance, and what a read costs. */

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EniMetadata, Snapshot } from '../../../agent/model.ts';
import { openMetadataReader, type SnapshotReader } from '../../../agent/sense/metadata.ts';
import { buildTree, type ImdsEni, ImdsServer, type MetadataTree } from '../../../fixtures/vpc/imds-server.ts';

let server: ImdsServer;
let reader: SnapshotReader;

beforeEach(async () => {
  server = new ImdsServer();
  reader = openMetadataReader({ endpoints: [await listen()], timeoutMs: 5_000 });
});
const listen = async () => `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;

afterEach(() => server.close());

const macOf = (number: number) => `06:53:e1:00:00:${number.toString(16).padStart(2, '0')}`;

function makeEni(number: number, rest: Partial<ImdsEni> = {}): ImdsEni {
  return {
    mac: macOf(number),
    eniId: `eni-${number}`,
    deviceNumber: number - 1,
    networkCard: null,
    subnetId: 'subnet-1',
    vpcId: 'vpc-1',
    ipv4: [`10.0.${number}.10`],
    ipv6: [],
    ipv4Prefixes: [],
    ipv6Prefixes: [],
    subnetIpv4: `10.0.${number}.0/24`,
    subnetIpv6: [],
    ...rest,
  };
}

const show = (...enis: ImdsEni[]) => server.setTree(buildTree({ instanceId: 'i-1', primaryMac: macOf(1), enis }));

/** One leaf of one ENI set or (undefined) taken away. */
function patch(enis: ImdsEni[], number: number, name: string, value: MetadataTree | string | null | undefined): void {
  const tree = buildTree({ instanceId: 'i-1', primaryMac: macOf(1), enis });
  const copy = JSON.parse(JSON.stringify(tree));
  const leaves = copy.network.interfaces.macs[macOf(number)];
  if (value === undefined) delete leaves[name];
  else leaves[name] = value;
  server.setTree(copy);
}

function eniOf(snapshot: Snapshot, number: number): EniMetadata {
  const reading = snapshot.enis.find((one) => one.kind === 'ready' && one.eni.mac === macOf(number));
  if (reading?.kind !== 'ready') throw new Error(`no ready ENI ${number} in ${JSON.stringify(snapshot)}`);
  return reading.eni;
}

async function readCounted(): Promise<{ snapshot: Snapshot; paths: string[] }> {
  server.resetRequests();
  const snapshot = await reader.readSnapshot();
  return { snapshot, paths: server.requests().map(({ path }) => path.replace('/latest/meta-data/', '')) };
}

describe('the shapes of fixtures/imds', () => {
  const describeReading = (reading: Snapshot['enis'][number]) => {
    if (reading.kind !== 'ready') return `${reading.mac.slice(-2)} ${reading.kind}: ${reading.reason}`;
    const { eni } = reading;
    const parts = [eni.ipv4Addresses, eni.ipv4Prefixes, eni.ipv6Addresses, eni.ipv6Prefixes].map((list) =>
      list.join(' '),
    );
    const subnets = [eni.subnetIpv4 ?? '-', ...eni.subnetIpv6].join(' ');
    return `${eni.mac.slice(-2)} ${eni.networkCard}/${eni.deviceNumber} | ${parts.join(' | ')} | ${subnets}`;
  };
  const primary = '01 0/0 | 10.0.1.10 |  | 2001:db8:0:1::10 |  | 10.0.1.0/24 2001:db8:0:1::/64';

  it.each<[string, string[]]>([
    ['single', ['01 0/0 | 10.0.1.10 10.0.1.11 |  | 2001:db8:0:1::10 |  | 10.0.1.0/24 2001:db8:0:1::/64']],
    ['tags', [primary]],
    [
      'several',
      [
        primary,
        '02 0/1 | 10.0.2.20 10.0.2.21 10.0.2.22 |  | 2001:db8:0:2::20 2001:db8:0:2::21 |  | 10.0.2.0/24 2001:db8:0:2::/64',
        '03 0/2 | 10.0.3.30 |  |  |  | 10.0.3.0/24',
      ],
    ],
    [
      'shared-subnet',
      [
        primary,
        '02 0/1 | 10.0.1.20 10.0.1.21 10.0.1.22 10.0.1.23 |  | 2001:db8:0:1::20 2001:db8:0:1::21 |  | 10.0.1.0/24 2001:db8:0:1::/64',
        '03 0/2 | 10.0.1.30 |  | 2001:db8:0:1::30 |  | 10.0.1.0/24 2001:db8:0:1::/64',
      ],
    ],
    [
      'cards',
      [
        primary,
        '02 0/1 | 10.0.2.20 |  |  |  | 10.0.2.0/24',
        '03 1/1 | 10.0.3.30 |  |  |  | 10.0.3.0/24',
        '04 2/1 | 10.0.4.40 |  |  |  | 10.0.4.0/24',
      ],
    ],
    [
      'prefixes',
      [
        '01 0/0 | 10.0.1.10 | 10.0.1.64/28 | 2001:db8:0:1::10 |  | 10.0.1.0/24 2001:db8:0:1::/64',
        '02 0/1 | 10.0.2.20 | 10.0.2.64/28 10.0.2.80/28 | 2001:db8:0:2::20 | 2001:db8:0:2:1::/80 | 10.0.2.0/24 2001:db8:0:2::/64',
        '03 0/2 | 10.0.1.30 | 10.0.1.96/28 |  |  | 10.0.1.0/24',
      ],
    ],
    [
      'ipv6-only',
      [
        '01 0/0 |  |  | 2001:db8:0:1::10 |  | - 2001:db8:0:1::/64',
        '02 0/1 |  |  | 2001:db8:0:2::20 2001:db8:0:2::21 |  | - 2001:db8:0:2::/64',
      ],
    ],
    ['efa-only', [primary, '02 0/1 | 10.0.2.20 |  |  |  | 10.0.2.0/24', '03 1/1 |  |  |  |  | -']],
    ['efa-only-empty', [primary, '02 0/1 | 10.0.2.20 |  |  |  | 10.0.2.0/24', '03 1/1 |  |  |  |  | 10.0.3.0/24']],
    ['device-number-late', [primary, '02 pending: device-number still reads 0']],
    ['network-card-late', [primary, '02 pending: network-card is not listed yet']],
    ['leaf-late', [primary, '02 pending: local-ipv4s is listed, but not there yet']],
    [
      'unparsable-address',
      [
        primary,
        '02 invalid: metadata local-ipv4s: expected an address, got "10.0.2.300"; what was known before is kept',
      ],
    ],
    [
      'same-device-number',
      [primary, '02 0/1 | 10.0.2.20 |  |  |  | 10.0.2.0/24', '03 0/1 | 10.0.3.30 |  |  |  | 10.0.3.0/24'],
    ],
  ])('%s', async (name, want) => {
    server.setTree(JSON.parse(readFileSync(`fixtures/imds/${name}.json`, 'utf8')));
    const snapshot = await reader.readSnapshot();
    expect(snapshot).toMatchObject({ primaryMac: macOf(1), instanceId: 'i-0a1b2c3d4e5f60001' });
    expect(snapshot.enis.map(describeReading)).toEqual(want);
    expect(await reader.readSnapshot()).toEqual(snapshot);
  });
});

describe('a leaf', () => {
  const enis = [makeEni(1), makeEni(2, { ipv6: ['2001:db8::2'], ipv6Prefixes: ['2001:db8:0:0:2::/80'] })];

  it.each<[string, string | null | undefined, RegExp]>([
    ['interface-id', null, /^interface-id is listed, but not there yet$/],
    ['ipv6s', null, /^ipv6s is listed, but not there yet$/],
    ['device-number', undefined, /^device-number is not listed yet$/],
    ['device-number', '', /^device-number is listed, but empty$/],
    ['ipv6-prefix', '', /^ipv6-prefix is listed, but empty$/],
    ['vpc-id', '', /^vpc-id is listed, but empty$/],
  ])('%s = %j: pending', async (name, value, reason) => {
    patch(enis, 2, name, value);
    const { enis: readings } = await reader.readSnapshot();
    expect(readings[1]).toMatchObject({ kind: 'pending', mac: macOf(2), reason: expect.stringMatching(reason) });
  });

  it.each([
    ['device-number', 'one'],
    ['device-number', '-1'],
    ['device-number', '1000'],
    ['device-number', '01'],
    ['interface-id', 'eni-1\n[Match]\nName=*'],
    ['interface-id', '../../etc/passwd'],
    ['interface-id', 'vpc-1'],
    ['subnet-id', '<html>'],
    ['local-ipv4s', '<html><body>502</body></html>'],
    ['local-ipv4s', '2001:db8::2'],
    ['local-ipv4s', '010.0.2.10'],
    ['local-ipv4s', '10.0.2.10,10.0.2.11'],
    ['ipv6s', '10.0.2.10'],
    ['ipv6s', 'fe80::1%eth0'],
    ['ipv6-prefix', '10.0.2.0/28'],
    ['ipv6-prefix', '2001:db8::1/80'],
    ['subnet-ipv4-cidr-block', '10.0.2.0/33'],
  ])('%s = %j: invalid, and the other ENI is not touched', async (name, value) => {
    patch(enis, 2, name, value);
    const { enis: readings } = await reader.readSnapshot();
    expect(readings[0]).toMatchObject({ kind: 'ready' });
    expect(readings[1]).toMatchObject({ kind: 'invalid', mac: macOf(2), reason: expect.stringContaining(name) });
    expect(readings[1]?.kind === 'invalid' && readings[1].reason).not.toMatch(/\n/);
  });

  it('says each address once, canonical, in the order of the service', async () => {
    patch(enis, 2, 'ipv6s', '2001:DB8:0:0:0:0:0:0002\n2001:db8::1\n\n2001:db8::2\n');
    expect(eniOf(await reader.readSnapshot(), 2).ipv6Addresses).toEqual(['2001:db8::2', '2001:db8::1']);
  });

  it('local-ipv4s may be empty from the start, but an ENI that had addresses keeps the first one', async () => {
    patch(enis, 2, 'local-ipv4s', '');
    expect(eniOf(await reader.readSnapshot(), 2).ipv4Addresses).toEqual([]);
    show(...enis);
    expect(eniOf(await reader.readSnapshot(), 2).ipv4Addresses).toEqual(['10.0.2.10']);
    for (const value of ['', undefined]) {
      patch(enis, 2, 'local-ipv4s', value);
      for (let count = 0; count < 3; count++) {
        expect((await reader.readSnapshot()).enis[1]).toMatchObject({ kind: 'pending', mac: macOf(2) });
      }
    }
  });

  it('of a public address is for show: what cannot be is left out', async () => {
    const publicIpv4 = { '203.0.113.5': ['10.0.1.10', 'garbage'], nonsense: ['10.0.1.10'] };
    show(makeEni(1, { publicIpv4 }));
    expect(eniOf(await reader.readSnapshot(), 1).publicIpv4).toEqual({ '203.0.113.5': ['10.0.1.10'] });
  });
});

describe('what cannot be', () => {
  const own = { ipv6: ['2001:db8:0:2::20'], subnetIpv6: ['2001:db8:0:2::/64'] };
  const enis = [makeEni(1, { networkCard: 0 }), makeEni(2, { networkCard: 0, ...own })];

  it.each([
    ['device-number', '100'],
    ['device-number', '999'],
    ['network-card', '36'],
    ...[
      ...['10.0.1.10', '8.8.8.8', '0.0.0.5', '127.0.0.1', '169.254.49.58', '169.254.169.254', '224.0.0.1'],
      // The subnet's own first ones, the router among them, and its last.
      ...['255.255.255.255', '10.0.2.0', '10.0.2.1', '10.0.2.2', '10.0.2.3', '10.0.2.255'],
    ].map((address) => ['local-ipv4s', address]),
    ...['::', '::1', '::ffff:10.0.2.20', 'fe80::20', 'ff02::1', '64:ff9b::8.8.8.8', 'fd00:ec2::254'].map((address) => [
      'ipv6s',
      address,
    ]),
    ...['2001:db8:0:1::20', '2001:db8:0:2::', '2001:db8:0:2:ffff:ffff:ffff:ffff'].map((address) => ['ipv6s', address]),
    ...['0.0.0.0/0', '10.0.0.0/8', '10.0.1.64/28', '10.0.2.0/24', '10.0.2.0/28', '10.0.2.240/28'].map((prefix) => [
      'ipv4-prefix',
      prefix,
    ]),
    ...['::/0', 'fe80::/80', '2001:db8:0:1:1::/80'].map((prefix) => ['ipv6-prefix', prefix]),
    ...['0.0.0.0/0', '10.0.0.0/8', '127.0.0.0/16', '169.254.0.0/16', '224.0.0.0/24', '10.0.2.20/32'].map((block) => [
      'subnet-ipv4-cidr-block',
      block,
    ]),
    ['subnet-ipv4-cidr-block', '10.0.2.0/24 10.0.3.0/24'],
    ...['::/0', '2000::/3', 'fe80::/64', 'fd00:ec2::/64'].map((block) => ['subnet-ipv6-cidr-blocks', block]),
  ] as [string, string][])('%s %s is refused, with leaf and value', async (name, value) => {
    patch(enis, 2, name, value);
    const [first, second] = (await reader.readSnapshot()).enis;
    expect(first).toMatchObject({ kind: 'ready' });
    expect(second).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(`metadata ${name}: `) });
    expect(second?.kind === 'invalid' && second.reason).toContain(JSON.stringify(value));
  });

  it.each<[string, Partial<ImdsEni>]>([
    ['a secondary VPC CIDR, 100.64.0.0/10', { ipv4: ['100.64.3.7'], subnetIpv4: '100.64.3.0/28' }],
    ['a public VPC CIDR', { ipv4: ['198.19.7.4'], subnetIpv4: '198.19.0.0/16' }],
    ['class E', { ipv4: ['240.1.2.4'], subnetIpv4: '240.1.2.0/24' }],
    ['the last /28 but one', { ipv4Prefixes: ['10.0.2.224/28'] }],
    ['the highest place', { deviceNumber: 99, networkCard: 35 }],
    ['private IPv6', { ipv6: ['fd80:1:2:3::4'], subnetIpv6: ['fd80:1:2:3::/64'] }],
    ['a large IPv6 subnet', { ipv6: ['2600:1f16:67f:f201::4'], subnetIpv6: ['2600:1f16:670::/44'] }],
    ['no IPv6 subnet listed', { ipv6: ['2001:db8:0:9::2'] }],
    ['a carrier address', { publicIpv4: { '155.146.10.111': ['10.0.2.10'] } }],
  ])('%s is real', async (_name, rest) => {
    show(makeEni(1, { networkCard: 0 }), makeEni(2, { networkCard: 0, ...rest }));
    eniOf(await reader.readSnapshot(), 2);
  });

  it('an address in the subnet of another ENI waits for the subnet of its own', async () => {
    show(makeEni(1), makeEni(2, { ipv4: ['10.0.1.1'], subnetIpv4: null }));
    const reason = 'subnet-ipv4-cidr-block is not listed yet, and 10.0.1.1 is in the subnet of another ENI';
    expect((await reader.readSnapshot()).enis[1]).toEqual({ kind: 'pending', mac: macOf(2), reason });
  });

  it('the primary is device 0 on card 0', async () => {
    patch([makeEni(1)], 1, 'device-number', '1');
    const [first] = (await reader.readSnapshot()).enis;
    expect(first).toMatchObject({ kind: 'invalid', reason: expect.stringMatching(/device-number: .* got "1"/) });
  });

  it('a prefix key that stays empty is none after three reads', async () => {
    patch(enis, 2, 'ipv4-prefix', '');
    const kinds: string[] = [];
    for (let count = 0; count < 4; count++) kinds.push((await reader.readSnapshot()).enis[1]?.kind ?? '');
    expect(kinds).toEqual(['pending', 'pending', 'ready', 'ready']);
    show(...enis);
    await reader.readSnapshot();
    patch(enis, 2, 'ipv4-prefix', '');
    expect((await reader.readSnapshot()).enis[1]?.kind).toBe('pending');
  });
});

describe('tags of the instance', () => {
  const openReader = async (...tagKeys: string[]) => {
    reader = openMetadataReader({ endpoints: [await listen()], timeoutMs: 5_000, tagKeys });
  };
  const showTags = (tags?: Record<string, string>) =>
    server.setTree(
      buildTree({
        instanceId: 'i-1',
        primaryMac: macOf(1),
        enis: [makeEni(1)],
        ...(tags === undefined ? {} : { tags }),
      }),
    );

  it('are read where they are asked for, and only those', async () => {
    showTags({ Name: 'web 1', role: 'gateway', 'a:b@c': 'x' });
    expect((await readCounted()).paths.filter((path) => path.includes('tags'))).toEqual([]);
    await openReader('a:b@c', 'absent', 'role');
    const { snapshot, paths } = await readCounted();
    expect(snapshot.tags).toEqual({ role: 'gateway', 'a:b@c': 'x', absent: null });
    expect(paths.filter((path) => path.includes('tags/instance/Name'))).toEqual([]);
  });

  it('are null where the instance does not offer them, unread where one is 404, unknown where one fails', async () => {
    showTags();
    await openReader('other', 'role');
    expect((await reader.readSnapshot()).tags).toBeNull();
    showTags({ other: 'x', role: 'gateway' });
    server.setFaults([{ path: 'tags/instance/role', effect: { kind: 'status', status: 404 } }]);
    const snapshot = await reader.readSnapshot();
    expect(snapshot).toMatchObject({ tags: { other: 'x' }, unreadTags: ['role'], enis: [{ kind: 'ready' }] });
    expect(snapshot.tags).not.toHaveProperty('role');
    server.setFaults([{ path: 'tags/instance/$', effect: { kind: 'status', status: 503 } }]);
    await expect(reader.readSnapshot()).rejects.toMatchObject({ name: 'MetadataError' });
  });
});

describe('blocks of the VPC', () => {
  const vpcCidrs = ['10.7.0.0/16', '10.0.0.0/16', '2001:db8:0:0::/56'];
  const asked = (paths: readonly string[]) => paths.filter((path) => path.includes('/vpc-ipv')).length;

  it('are read where they are asked for, each time', async () => {
    show(makeEni(1, { vpcCidrs }));
    const { snapshot, paths } = await readCounted();
    expect([asked(paths), Object.hasOwn(eniOf(snapshot, 1), 'vpcCidrs')]).toEqual([0, false]);
    reader = openMetadataReader({ endpoints: [await listen()], timeoutMs: 5_000, readsVpc: true });
    expect(eniOf(await reader.readSnapshot(), 1).vpcCidrs).toEqual(['10.0.0.0/16', '10.7.0.0/16', '2001:db8::/56']);
    show(makeEni(1, { vpcCidrs: ['10.0.0.0/16'] }));
    const second = await readCounted();
    expect([asked(second.paths), eniOf(second.snapshot, 1).vpcCidrs]).toEqual([1, ['10.0.0.0/16']]);
    show(makeEni(1));
    expect(eniOf(await reader.readSnapshot(), 1).vpcCidrs).toEqual([]);
  });

  it.each(['0.0.0.0/0', '10.0.0.0/8', '2001:db8::/32', '169.254.0.0/16'])('%s is none', async (block) => {
    show(makeEni(1, { vpcCidrs: [block] }));
    reader = openMetadataReader({ endpoints: [await listen()], timeoutMs: 5_000, readsVpc: true });
    expect((await reader.readSnapshot()).enis).toMatchObject([{ kind: 'invalid' }]);
  });
});

it('public addresses that move are noticed in turn', async () => {
  show(makeEni(1, { publicIpv4: { '203.0.113.1': ['10.0.1.10'] } }), makeEni(2));
  await reader.readSnapshot();
  show(makeEni(1, { publicIpv4: { '203.0.113.2': ['10.0.1.10'] } }), makeEni(2));
  const seen: string[][] = [];
  for (let count = 0; count < 4; count++) seen.push(Object.keys(eniOf(await reader.readSnapshot(), 1).publicIpv4));
  expect(seen.at(-1)).toEqual(['203.0.113.2']);
});

describe('what is late or gone', () => {
  it('a non-primary on another card may be device 0', async () => {
    show(makeEni(1, { networkCard: 0 }), makeEni(2, { deviceNumber: 0, networkCard: 1 }));
    expect(eniOf(await reader.readSnapshot(), 2)).toMatchObject({ deviceNumber: 0, networkCard: 1 });
  });

  it('a MAC whose list is 404 is pending, the others are read', async () => {
    const tree = JSON.parse(
      JSON.stringify(buildTree({ instanceId: 'i-1', primaryMac: macOf(1), enis: [makeEni(1), makeEni(2)] })),
    );
    tree.network.interfaces.macs[macOf(2)] = null;
    server.setTree(tree);
    const { enis } = await reader.readSnapshot();
    expect(enis).toMatchObject([{ kind: 'ready' }, { kind: 'pending', mac: macOf(2) }]);
  });

  it('a pending ENI is read whole again, and is ready as soon as all is there', async () => {
    const late = makeEni(2, { deviceNumber: 0, subnetIpv4: null });
    show(makeEni(1), late);
    await reader.readSnapshot();
    show(makeEni(1), makeEni(2));
    expect(eniOf(await reader.readSnapshot(), 2)).toMatchObject({ deviceNumber: 1, subnetIpv4: '10.0.2.0/24' });
  });

  it('keys that come later are read: IPv6, prefixes, a card', async () => {
    show(makeEni(1), makeEni(2));
    await reader.readSnapshot();
    const more = {
      ipv6: ['2001:db8::2'],
      subnetIpv6: ['2001:db8::/64'],
      ipv4Prefixes: ['10.0.2.64/28'],
      networkCard: 1,
    };
    show(makeEni(1, { networkCard: 0 }), makeEni(2, more));
    expect(eniOf(await reader.readSnapshot(), 2)).toMatchObject({
      ipv6Addresses: ['2001:db8::2'],
      subnetIpv6: ['2001:db8::/64'],
      ipv4Prefixes: ['10.0.2.64/28'],
      networkCard: 1,
    });
  });

  it('an ENI attached again at another place is noticed in turn, or at once when told', async () => {
    show(makeEni(1), makeEni(2), makeEni(3));
    await reader.readSnapshot();
    show(makeEni(1), makeEni(2), makeEni(3, { deviceNumber: 7 }));
    const seen: number[] = [];
    for (let count = 0; count < 4; count++) seen.push(eniOf(await reader.readSnapshot(), 3).deviceNumber);
    expect(seen.at(-1)).toBe(7);
    show(makeEni(1), makeEni(2), makeEni(3, { deviceNumber: 8 }));
    reader.forget(macOf(3));
    expect(eniOf(await reader.readSnapshot(), 3).deviceNumber).toBe(8);
  });

  it.each([
    ['network-card', '3'],
    ['subnet-id', 'subnet-9'],
    ['vpc-id', 'vpc-9'],
    ['subnet-ipv4-cidr-block', '10.0.0.0/16'],
  ])('a wrong %s does not last', async (name, value) => {
    const enis = [makeEni(1, { networkCard: 0 }), makeEni(2, { networkCard: 0 })];
    show(...enis);
    const good = await reader.readSnapshot();
    reader.forget(macOf(2));
    patch(enis, 2, name, value);
    expect(await reader.readSnapshot()).not.toEqual(good);
    show(...enis);
    let last = await reader.readSnapshot();
    for (let count = 0; count < 60; count++) last = await reader.readSnapshot();
    expect(last).toEqual(good);
  });

  it('an ENI that was gone is read whole when it is back', async () => {
    show(makeEni(1), makeEni(2));
    await reader.readSnapshot();
    show(makeEni(1));
    expect((await reader.readSnapshot()).enis).toHaveLength(1);
    show(makeEni(1), makeEni(2, { deviceNumber: 4 }));
    expect(eniOf(await reader.readSnapshot(), 2).deviceNumber).toBe(4);
  });
});

describe('the cost of a read', () => {
  const many = (count: number, rest: (number: number) => Partial<ImdsEni>) =>
    Array.from({ length: count }, (_, index) => makeEni(index + 1, rest(index + 1)));
  const fifty = (number: number) => Array.from({ length: 50 }, (_, host) => `10.0.${number}.${host + 10}`);

  it.each<[string, (number: number) => Partial<ImdsEni>, number]>([
    [
      'IPv4 only',
      (number) => ({ ipv4: fifty(number), publicIpv4: { [`203.0.113.${number}`]: [`10.0.${number}.10`] } }),
      32,
    ],
    ['both families', (number) => ({ ipv4: fifty(number), ipv6: [`2001:db8::${number}`] }), 47],
  ])(
    '15 ENIs with 50 addresses each, %s',
    async (_name, rest, want) => {
      show(...many(15, rest));
      const first = await readCounted();
      for (let count = 0; count < 20; count++) {
        const { snapshot, paths } = await readCounted();
        expect(snapshot).toEqual(first.snapshot);
        expect(paths.length).toBeLessThanOrEqual(want);
      }
    },
    30_000,
  );

  it('gives the same object, so that nothing is worked out again, until anything at all is new', async () => {
    const full = { ipv6: ['2001:db8::10'], ipv4Prefixes: ['10.0.2.32/28'], ipv6Prefixes: ['2001:db8:0:0:1::/80'] };
    const second = makeEni(2, { ...full, subnetIpv6: ['2001:db8::/64'] });
    show(makeEni(1), second);
    await reader.readSnapshot();
    const before = await reader.readSnapshot();
    expect(await reader.readSnapshot()).toBe(before);
    const changes: Partial<ImdsEni>[] = [
      { ipv4: ['10.0.2.10', '10.0.2.11'] },
      { ipv6: ['2001:db8::10', '2001:db8::11'] },
      { ipv4Prefixes: ['10.0.2.48/28'] },
      { ipv6Prefixes: ['2001:db8:0:0:2::/80'] },
      { ipv6Prefixes: [] },
    ];
    for (const change of changes) {
      show(makeEni(1), { ...second, ...change });
      const now = eniOf(await reader.readSnapshot(), 2);
      const [field = '', value] = Object.entries(change)[0] ?? [];
      expect({ ...now, ipv4: now.ipv4Addresses, ipv6: now.ipv6Addresses }).toMatchObject({ [field]: value });
      show(makeEni(1), second);
      await reader.readSnapshot();
    }
  });

  it('after one change: what is new, and little else', async () => {
    show(makeEni(1), makeEni(2));
    await reader.readSnapshot();
    show(makeEni(1), makeEni(2, { ipv4: ['10.0.2.10', '10.0.2.11'] }));
    const { snapshot, paths } = await readCounted();
    expect(eniOf(snapshot, 2).ipv4Addresses).toEqual(['10.0.2.10', '10.0.2.11']);
    expect(paths).toHaveLength(6);
  });
});
