/**
 * The largest instance: 64 ENIs over 32 network cards, with 50 addresses of each family and 16
 * prefixes each.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, installInto } from '../../fixtures/enid-process.ts';
import type { EniSpec, SubnetSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { testMs, until } from '../lab/lab.ts';

const eniCount = 64;
const addressCount = 50;
const prefixCount = 8;

const subnets: SubnetSpec[] = Array.from({ length: eniCount }, (_, index) => ({
  id: `subnet-${index}`,
  ipv4: `10.${index}.0.0/20`,
  ipv6: `2001:db8:0:${index.toString(16)}::/64`,
}));

function makeSpec(index: number): EniSpec {
  const hex = index.toString(16).padStart(2, '0');
  const list = <Item>(count: number, make: (number: number) => Item) =>
    Array.from({ length: count }, (_, n) => make(n));
  const network = index.toString(16);
  return {
    id: `eni-000000000000000${hex}`,
    mac: `06:53:e1:00:02:${hex}`,
    linkName: `ens${5 + index}`,
    subnetId: `subnet-${index}`,
    deviceNumber: index % 2,
    networkCard: Math.floor(index / 2),
    ipv4: list(addressCount, (n) => `10.${index}.0.${10 + n}`),
    ipv6: list(addressCount, (n) => `2001:db8:0:${network}::${(16 + n).toString(16)}`),
    ipv4Prefixes: list(prefixCount, (n) => `10.${index}.1.${16 * n}/28`),
    ipv6Prefixes: list(prefixCount, (n) => `2001:db8:0:${network}:${(n + 1).toString(16)}::/80`),
  };
}

let vpc: Vpc;

beforeAll(async () => {
  vpc = await Vpc.create({ name: 'large', subnets });
  await installInto(vpc.guest);
  await vpc.attach(makeSpec(0));
  await vpc.guest.networkd.start();
}, testMs);
afterAll(() => vpc?.destroy());

it(
  'every ENI has its table, its metric, its names and all its addresses',
  async () => {
    const specs = Array.from({ length: eniCount }, (_, index) => makeSpec(index));
    const enid = EnidProcess.start(vpc.guest);
    for (const spec of specs.slice(1)) await vpc.attach(spec);
    const sources = specs.flatMap(({ ipv4, ipv6 }) => [ipv4?.at(-1) ?? '', ipv6?.at(-1) ?? '']);
    const reached = new Set<string>();
    await until(
      'the last address of each ENI and family',
      async () => {
        const missing = sources.filter((source) => !reached.has(source));
        const answers = await Promise.all(missing.map((source) => vpc.reaches(source, { timeoutMs: 1_000 })));
        for (const [index, source] of missing.entries()) if (answers[index] === true) reached.add(source);
        return reached.size === sources.length;
      },
      240_000,
    );
    await enid.converged(120_000);
    const addresses = await vpc.guest.check(['ip', '-o', 'address', 'show', 'scope', 'global']);
    expect(addresses.match(/ inet /g)).toHaveLength(eniCount * addressCount);
    expect(addresses.match(/ inet6 /g)).toHaveLength(eniCount * addressCount);
    const rules = await vpc.guest.check(['ip', 'rule']);
    const tables = new Set([...rules.matchAll(/lookup (1\d{4})/g)].map(([, table]) => table));
    expect(tables.size).toBe(eniCount);
    expect(tables).toContain('13101');
    const defaults = await vpc.guest.check(['ip', 'route', 'show', 'default']);
    expect(new Set(defaults.match(/metric \d+/g))).toHaveProperty('size', eniCount);
    expect(await vpc.guest.check(['ip', 'link', 'show', 'dev', 'ens68'])).toContain('altname device-number-1.31');
    // One change among all these: it takes effect with the next poll.
    await vpc.assign(makeSpec(40).id, { ipv4: ['10.40.0.99'] });
    await until('the assigned address', () => vpc.reaches('10.40.0.99', { timeoutMs: 1_000 }));
    await enid.converged(120_000);
  },
  6 * testMs,
);
