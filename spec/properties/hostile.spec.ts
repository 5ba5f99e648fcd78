/**
 * Whatever the metadata lists for one ENI, late, missing, odd or hostile, takes nothing from
 * another one: its addresses, rules and routes are the same, its packets go the same way, and what
 * is refused is refused by leaf and value. Once the metadata is right again, the host is as it was.
 */

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acceptSnapshot, initialAcceptState } from '../../agent/decide/inputs/accept-snapshot.ts';
import type { EniMetadata, EniReading, Snapshot } from '../../agent/model.ts';
import { SnapshotReader } from '../../agent/sense/metadata.ts';
import { kernelRules, lookUp } from '../../fixtures/model/look-up.ts';
import { readTree } from '../../fixtures/model/tree-source.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import { buildTree, type ImdsEni, type MetadataTree } from '../../fixtures/vpc/imds-tree.ts';
import { familyOf } from '../../lib/ip/address.ts';
import { addressAt, contains, overlaps } from '../../lib/ip/cidr.ts';
import { countRuns, limitRuns } from './arbitrary.ts';
import { giveLease, plugIn } from './host.ts';

const macOf = (number: number) => `06:53:e1:00:00:0${number}`;

function makeEni(number: number, subnet: number, rest: Partial<ImdsEni>): ImdsEni {
  return {
    mac: macOf(number),
    eniId: `eni-${number}`,
    deviceNumber: number - 1,
    networkCard: 0,
    subnetId: `subnet-${subnet}`,
    vpcId: 'vpc-1',
    ipv4: [`10.0.${subnet}.${number}0`, `10.0.${subnet}.${number}1`],
    ipv6: [`2001:db8:0:${subnet}::${number}0`, `2001:db8:0:${subnet}::${number}1`],
    ipv4Prefixes: [`10.0.${subnet}.${64 + 16 * number}/28`],
    ipv6Prefixes: [`2001:db8:0:${subnet}:${number}::/80`],
    subnetIpv4: `10.0.${subnet}.0/24`,
    subnetIpv6: [`2001:db8:0:${subnet}::/64`],
    ...rest,
  };
}

/**
 * The primary and the third share a subnet, the second and the fourth, on another card, another
 * one; the fifth is alone.
 */
const enis = [
  makeEni(1, 1, {}),
  makeEni(2, 2, {}),
  makeEni(3, 1, {}),
  makeEni(4, 2, { networkCard: 1 }),
  makeEni(5, 5, {}),
];
const leafNames = [
  ...['device-number', 'network-card', 'interface-id', 'subnet-id', 'vpc-id', 'local-ipv4s', 'ipv6s'],
  ...['ipv4-prefix', 'ipv6-prefix', 'subnet-ipv4-cidr-block', 'subnet-ipv6-cidr-blocks'],
] as const;

type Leaves = Record<string, MetadataTree | string | null>;

function leavesOf(tree: MetadataTree, mac: string): Leaves {
  const { macs } = (tree['network'] as MetadataTree)['interfaces'] as { macs: Record<string, Leaves> };
  return macs[mac] ?? {};
}

const goodTree = buildTree({ instanceId: 'i-1', primaryMac: macOf(1), enis });
const allValues = enis.flatMap(({ mac }) =>
  Object.values(leavesOf(goodTree, mac)).filter((one) => typeof one === 'string'),
);

/** What other ENIs list, what is next to it, what cannot be, nothing, and not yet. */
const anyValue: fc.Arbitrary<string | null | undefined> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...allValues, ...allValues.flatMap((value) => value.split('\n'))) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['10.0.1.1', '10.0.2.1', '10.0.5.1', '10.0.1.200', '10.0.2.200', '10.0.1.255', '8.8.8.8', '169.254.169.254'],
      ...['0.0.0.0', '127.0.0.1', '224.0.0.5', '255.255.255.255', '::ffff:10.0.1.10', 'fe80::1', 'ff02::1', '::'],
      ...['2001:db8:0:1::', '2001:db8:0:2::99', 'fd00:ec2::254', '2606:4700::1111'],
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['0.0.0.0/0', '::/0', '0.0.0.0/1', '10.0.0.0/8', '10.0.0.0/16', '10.0.1.0/24', '10.0.1.0/25', '10.0.2.0/28'],
      ...['10.0.1.16/28', '10.0.2.16/28', '10.9.0.0/24', '8.8.0.0/16', '169.254.0.0/16', '2000::/3', '2001:db8::/44'],
      ...['2001:db8:0:1::/64', '2001:db8:0:1:1::/80', 'fe80::/64', '2001:db8:0:9::/64', '127.0.0.0/16'],
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('0', '1', '2', '35', '36', '99', '100', '999', '-1', 'vpc-2', 'subnet-1') },
  { weight: 2, arbitrary: fc.constantFrom('', null, undefined, '<html>', '10.0.1.10,10.0.1.11', '1\n2', '../../etc') },
  { weight: 1, arbitrary: fc.string({ maxLength: 80 }) },
);

interface Disturbance {
  readonly victim: number;
  /** It was there, and right, before; else it is plugged in now. */
  readonly wasKnown: boolean;
  readonly leaves: readonly {
    readonly name: string;
    readonly value: string | null | undefined;
    readonly isAdded: boolean;
  }[];
  readonly reads: number;
}

const disturbance: fc.Arbitrary<Disturbance> = fc.record({
  victim: fc.nat(enis.length - 1),
  wasKnown: fc.boolean(),
  leaves: fc.array(fc.record({ name: fc.constantFrom(...leafNames), value: anyValue, isAdded: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  reads: fc.integer({ min: 1, max: 5 }),
});

function disturb({ victim, leaves }: Disturbance): MetadataTree {
  const tree = JSON.parse(JSON.stringify(goodTree));
  const mine = leavesOf(tree, macOf(victim + 1));
  for (const { name, value, isAdded } of leaves) {
    const before = mine[name];
    if (value === undefined) delete mine[name];
    else if (isAdded && typeof value === 'string' && typeof before === 'string') mine[name] = `${before}\n${value}`;
    else mine[name] = value;
  }
  return tree;
}

function without(victim: number): MetadataTree {
  return buildTree({ instanceId: 'i-1', primaryMac: macOf(1), enis: enis.filter((_, index) => index !== victim) });
}

/** A host as the daemon has it: one reader, one memory of what is accepted, one world. */
class Host {
  readonly world = new ModelWorld();
  #tree: MetadataTree = goodTree;
  readonly #reader = new SnapshotReader({ get: (path) => readTree(this.#tree).get(path) });
  #accepted = initialAcceptState;

  async read(tree: MetadataTree): Promise<Snapshot> {
    this.#tree = tree;
    const read = await this.#reader.readSnapshot();
    const { accepted, state } = acceptSnapshot(this.#accepted, read);
    this.#accepted = state;
    this.world.state.snapshot = accepted;
    this.world.pass();
    return read;
  }

  /**
   * As when its link comes again: what stays while it is attached is otherwise checked in turn
   * only.
   */
  forget(mac: string): void {
    this.#reader.forget(mac);
  }

  get accepted(): Snapshot | null {
    return this.#accepted.accepted;
  }

  settle(): void {
    this.world.converge(8);
  }
}

const metadataOf = (reading: EniReading | undefined) => (reading?.kind === 'ready' ? reading.eni : null);
const known = async () => {
  const { enis: readings } = await new SnapshotReader(readTree(goodTree)).readSnapshot();
  return readings.map((reading) => {
    const eni = metadataOf(reading);
    if (eni === null) throw new Error('the good tree is not good');
    // Distinct link indexes by number, on whatever card.
    return eni;
  });
};

async function start({ victim, wasKnown }: Disturbance, all: readonly EniMetadata[]): Promise<Host> {
  const host = new Host();
  const present = all.filter((_, index) => wasKnown || index !== victim);
  for (const eni of present) plug(host, eni);
  for (let count = 0; count < 3; count++) await host.read(wasKnown ? goodTree : without(victim));
  host.settle();
  return host;
}

const linkIndexOf = (eni: EniMetadata) => 10 + eni.deviceNumber;

function plug(host: Host, eni: EniMetadata): void {
  plugIn(host.world, eni);
  giveLease(host.world, eni);
}

const far = ['8.8.8.8', '10.0.1.200', '10.0.2.200', '10.0.5.200', '10.0.9.9', '2606:4700::9', '2001:db8:0:2::200'];

/** All that one ENI has, and where its packets go. */
function look({ world: { state } }: Host, eni: EniMetadata) {
  const index = linkIndexOf(eni);
  const table = 10_000 + 100 * eni.networkCard + eni.deviceNumber;
  const sources = [...eni.ipv4Addresses, ...eni.ipv6Addresses];
  const prefixes = [...eni.ipv4Prefixes, ...eni.ipv6Prefixes];
  const rules = [...kernelRules, ...state.rules];
  const ways = [...sources, ...prefixes.map((prefix) => addressAt(prefix, 5n))].flatMap((source) =>
    far
      .filter((destination) => familyOf(destination) === familyOf(source))
      .map((destination) => {
        const inputInterface = sources.includes(source) ? 'lo' : 'docker0';
        const result = lookUp(
          { rules, routes: state.routes, links: state.links },
          { source, destination, inputInterface },
        );
        const way = result.kind === 'route' ? `${result.route.linkIndex} via ${result.route.gateway}` : result.errno;
        return `${source} → ${destination}: ${way}`;
      }),
  );
  // Whose mark it bears depends on who made it first.
  const text = (values: readonly { readonly protocol: number | null }[]) =>
    values.map(({ protocol: _, ...value }) => JSON.stringify(value)).sort();
  return {
    ways,
    addresses: text(state.addresses.filter(({ linkIndex }) => linkIndex === index)),
    rules: text(
      state.rules.filter(
        (rule) => rule.table === table || prefixes.concat(sources, eni.subnetIpv4 ?? '').includes(rule.source ?? ''),
      ),
    ),
    routes: text(state.routes.filter((route) => route.table === table)),
  };
}

function expectNothingTaken(host: Host, intruder: EniMetadata, others: readonly EniMetadata[]): void {
  const { state } = host.world;
  const own = state.addresses.filter(({ linkIndex }) => linkIndex === linkIndexOf(intruder));
  const local = state.routes.filter(({ linkIndex, table }) => linkIndex === linkIndexOf(intruder) && table === 255);
  const taken = [...own.map(({ address }) => address), ...local.map(({ destination }) => destination)].filter((one) =>
    others.some((eni) =>
      [
        ...[...eni.ipv4Addresses, ...eni.ipv6Addresses, ...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
        addressAt(eni.subnetIpv4 ?? '', 1n),
      ].some((theirs) => overlaps(theirs, one)),
    ),
  );
  expect(taken).toEqual([]);
}

/** A refusal says which leaf, and what stands there. */
function expectNamed(reading: EniReading | undefined, tree: MetadataTree, mac: string): void {
  if (reading === undefined || reading.kind === 'ready') return;
  const leaf = leafNames.find((name) => reading.reason.includes(name));
  expect({ reason: reading.reason, leaf }).not.toMatchObject({ leaf: undefined });
  if (reading.kind === 'pending') return;
  const value = /got (?<text>".*")/su.exec(reading.reason)?.groups?.['text'] ?? 'nothing';
  const words = String(leavesOf(tree, mac)[leaf ?? ''] ?? '');
  const shown = JSON.parse(value) as string;
  const canonical = words
    .split(/\s+/)
    .some((word) => word.startsWith(shown) || shown.includes(word) || isSame(word, shown));
  expect({ reason: reading.reason, isNamed: words.trim().startsWith(shown) || canonical }).toMatchObject({
    isNamed: true,
  });
}

function isSame(word: string, shown: string): boolean {
  try {
    return contains(word, shown) && contains(shown, word);
  } catch {
    return false;
  }
}

async function expectIsolated(story: Disturbance): Promise<void> {
  const all = await known();
  const { victim, wasKnown, reads } = story;
  if (!wasKnown && victim === 0) return;
  const intruder = all[victim];
  if (intruder === undefined) throw new Error(`no ENI ${victim}`);
  const others = all.filter((eni) => eni !== intruder);
  const host = await start(story, all);
  const before = others.map((eni) => look(host, eni));
  const subnetsOf = () => {
    const eni = metadataOf(host.accepted?.enis.find((reading) => metadataOf(reading)?.mac === intruder.mac));
    return JSON.stringify([eni?.subnetIpv4, eni?.subnetIpv6]);
  };
  const blocks = subnetsOf();
  const tree = disturb(story);
  if (!wasKnown) plug(host, intruder);
  for (let count = 0; count < reads; count++) {
    const read = await host.read(tree);
    const reading = read.enis.find((one) => (one.kind === 'ready' ? one.eni.mac : one.mac) === intruder.mac);
    expectNamed(reading, tree, intruder.mac);
    for (const eni of others) expect(host.accepted?.enis).toContainEqual({ kind: 'ready', eni });
    const after = others.map((eni) => look(host, eni));
    // Another subnet of the intruder's may change in how many rules the same is said, and nothing
    // else.
    if (wasKnown && subnetsOf() === blocks) expect(after).toEqual(before);
    const seen = (looks: typeof after) => looks.map(({ ways, addresses }) => ({ ways, addresses }));
    expect(seen(after)).toEqual(seen(before));
    expectNothingTaken(host, intruder, others);
  }
  host.forget(intruder.mac);
  for (let count = 0; count < 4; count++) await host.read(goodTree);
  host.settle();
  const good = await start({ ...story, wasKnown: true }, all);
  expect(all.map((eni) => look(host, eni))).toEqual(all.map((eni) => look(good, eni)));
}

const usualRuns = 60;

describe('whatever one ENI lists', () => {
  it(
    'takes nothing from another one',
    () => fc.assert(fc.asyncProperty(disturbance, expectIsolated), { numRuns: countRuns(usualRuns) }),
    limitRuns(usualRuns),
  );
});
