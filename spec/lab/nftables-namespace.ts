/**
 * Runs inside a network namespace of its own (see nftables.spec.ts) and prints a JSON report: a
 * list of checks, each with what was wanted and what was got. The truth is what nft(8) prints.
 */

import { execFileSync } from 'node:child_process';
import { NftablesClient } from '../../lib/nftables/client.ts';
import {
  giveVerdict,
  loadConnection,
  loadMark,
  lookUpVerdict,
  maskRegister,
  registerBytes,
  requireEqual,
  setMark,
} from '../../lib/nftables/encode.ts';
import { NftablesGenerations } from '../../lib/nftables/generations.ts';
import type { Operation } from '../../lib/nftables/types.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import { RtnetlinkSubscription } from '../../lib/rtnetlink/subscription.ts';

const checks: { name: string; want: unknown; got: unknown }[] = [];
const check = (name: string, want: unknown, got: unknown) => checks.push({ name, want, got });
const nft = (...words: string[]) => execFileSync('nft', words, { encoding: 'utf8' });
const list = () =>
  nft('list', 'table', 'inet', 'proof')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '}');

const client = new NftablesClient('proof');
const read = () => client.read({ chains: ['eni1', 'eni2', 'replies'], maps: ['source4', 'source6'] });
check('no table', null, await read());

const accept = giveVerdict(1);
const chainOf = (name: string, mark: number): Operation[] => [
  { kind: 'add-chain', chain: name, hook: null },
  {
    ...{ kind: 'add-rule', chain: name, comment: `mark ${mark}` },
    expressions: [loadMark(), maskRegister(0xffffef80, 0x1000 + mark), setMark()],
  },
];
const elements = new Map([
  ['10.0.2.10/32', 'eni1'],
  ['10.0.2.11/32', 'eni1'],
  ['10.0.2.32/28', 'eni1'],
  ['10.0.2.12/32', 'eni2'],
]);
const elements6 = new Map([
  ['fd00:3:0:0:1::/80', 'eni2'],
  ['fd00:2::10/128', 'eni1'],
]);
const rule = (comment: string, ...expressions: Buffer[]): Operation => ({
  ...{ kind: 'add-rule', chain: 'replies', comment, expressions },
});
await client.apply([
  { kind: 'add-table' },
  ...chainOf('eni1', 1),
  ...chainOf('eni2', 2),
  { kind: 'add-map', map: 'source4', family: 4 },
  { kind: 'add-map', map: 'source6', family: 6 },
  { kind: 'add-elements', map: 'source4', elements },
  { kind: 'add-elements', map: 'source6', elements: elements6 },
  { kind: 'add-chain', chain: 'replies', hook: { number: 0, priority: -90 } },
  rule('original', loadConnection(1), requireEqual(Buffer.from([0])), accept),
  rule('not translated', loadConnection(2), maskRegister(0x20, 0), requireEqual(registerBytes(0)), accept),
  rule('IPv4', loadConnection(20, 0), lookUpVerdict('source4')),
  rule('IPv6', loadConnection(22, 0), lookUpVerdict('source6')),
]);
check(
  'as nft prints it',
  [
    'table inet proof {',
    'map source4 {',
    'type ipv4_addr : verdict',
    'flags interval',
    'elements = { 10.0.2.10 : goto eni1, 10.0.2.11 : goto eni1,',
    '10.0.2.12 : goto eni2, 10.0.2.32/28 : goto eni1 }',
    'map source6 {',
    'type ipv6_addr : verdict',
    'flags interval',
    'elements = { fd00:2::10 : goto eni1,',
    'fd00:3:0:0:1::/80 : goto eni2 }',
    'chain eni1 {',
    // (mark & 0xffffef80) ^ 0x1001, as nft(8) has it: an "or" of bits that the mask lets pass.
    'meta mark set meta mark & 0xffffff81 | 0x00001001 comment "mark 1"',
    'chain eni2 {',
    'meta mark set meta mark & 0xffffff82 | 0x00001002 comment "mark 2"',
    'chain replies {',
    'type filter hook prerouting priority dstnat + 10; policy accept;',
    'ct direction original accept comment "original"',
    'ct status ! dnat accept comment "not translated"',
    'ct original ip daddr vmap @source4 comment "IPv4"',
    'ct original ip6 daddr vmap @source6 comment "IPv6"',
  ],
  list(),
);

const whole = await read();
check('chains', ['eni1', 'eni2', 'replies'], whole?.chains.map(({ name }) => name).sort());
check('hook', { number: 0, priority: -90 }, whole?.chains.find(({ name }) => name === 'replies')?.hook);
check(
  'rules in order',
  ['original', 'not translated', 'IPv4', 'IPv6'],
  whole?.chains.find(({ name }) => name === 'replies')?.rules.map(({ comment }) => comment),
);
const readMap = async (map: string) =>
  Object.fromEntries([...((await read())?.maps.find(({ name }) => name === map)?.elements ?? [])].sort());
check('elements', Object.fromEntries([...elements].sort()), await readMap('source4'));
check('elements of IPv6', Object.fromEntries([...elements6].sort()), await readMap('source6'));

await client.apply([
  { kind: 'delete-elements', map: 'source4', elements: new Map([['10.0.2.32/28', 'eni1']]) },
  { kind: 'add-elements', map: 'source4', elements: new Map([['10.0.2.64/28', 'eni2']]) },
]);
check(
  'other elements',
  { '10.0.2.10/32': 'eni1', '10.0.2.11/32': 'eni1', '10.0.2.12/32': 'eni2', '10.0.2.64/28': 'eni2' },
  await readMap('source4'),
);
nft('add element inet proof source4 { 10.0.5.1-10.0.5.3 : goto eni1 }');
check('a range that is no prefix', 'eni1', (await readMap('source4'))['10.0.5.1-10.0.5.4']);

const many = new Map(
  Array.from({ length: 3000 }, (_, index) => [`10.9.${index >> 7}.${(index & 127) * 2}/32`, 'eni1']),
);
await client.apply([{ kind: 'add-elements', map: 'source4', elements: many }]);
check('three thousand more', 3005, Object.keys(await readMap('source4')).length);

const errnoOf = async (operations: Operation[]) =>
  client.apply(operations).then(
    () => 'none',
    (error) => (error instanceof RtnetlinkError ? error.errno : String(error)),
  );
const before = list();
check(
  'a batch is taken whole or not at all',
  ['ENOENT', before],
  [
    await errnoOf([
      { kind: 'add-elements', map: 'source4', elements: new Map([['10.8.0.1/32', 'eni1']]) },
      { kind: 'delete-chain', chain: 'absent' },
      { kind: 'delete-elements', map: 'source4', elements: new Map([['10.0.2.10/32', 'eni1']]) },
    ]),
    list(),
  ],
);
const handle = whole?.chains.find(({ name }) => name === 'replies')?.rules[0]?.handle ?? 0;
await client.apply([{ kind: 'delete-rule', chain: 'replies', handle }]);
check('a rule less', 3, (await read())?.chains.find(({ name }) => name === 'replies')?.rules.length);
nft('add', 'table', 'ip', 'proof');
await client.apply([{ kind: 'delete-table' }]);
check('gone', null, await read());
check('and nothing else', 'table ip proof', nft('list', 'tables').trim());
client.close();

// Each protocol gives its first socket the process ID as port: the filter is for one of the two.
const seen = { links: 0, generations: 0 };
const sleep = () => new Promise((resolve) => setTimeout(resolve, 300));
// The port of the closed socket is free only then.
await sleep();
const subscription = new RtnetlinkSubscription({ onEvents: () => seen.links++, onLoss: () => undefined });
const generations = new NftablesGenerations(() => seen.generations++);
execFileSync('ip', ['link', 'add', 'probe', 'type', 'bridge']);
await sleep();
check('links are heard beside generations', { links: true, generations: 0 }, { ...seen, links: seen.links > 0 });
nft('add', 'table', 'ip', 'heard');
nft('add table ip heard2; add table ip heard3; add chain ip heard3 one');
await sleep();
check('one for each batch', 2, seen.generations);
generations.close();
subscription.close();
process.stdout.write(JSON.stringify(checks));
