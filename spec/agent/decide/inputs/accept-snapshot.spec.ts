import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AcceptState,
  acceptSnapshot,
  initialAcceptState,
} from '../../../../agent/decide/inputs/accept-snapshot.ts';
import type { EniMetadata, EniReading, Snapshot } from '../../../../agent/model.ts';

const primaryMac = '06:00:00:00:00:01';
const secondMac = '06:00:00:00:00:02';

function makeEni(mac: string, rest: Partial<EniMetadata> = {}): EniMetadata {
  return {
    mac,
    eniId: `eni-${mac.slice(-2)}`,
    deviceNumber: Number(mac.slice(-2)) - 1,
    networkCard: 0,
    subnetId: 'subnet-1',
    vpcId: 'vpc-1',
    ipv4Addresses: [],
    ipv6Addresses: [],
    ipv4Prefixes: [],
    ipv6Prefixes: [],
    subnetIpv4: '10.0.1.0/24',
    subnetIpv6: [],
    publicIpv4: {},
    ...rest,
  };
}

const ready = (eni: EniMetadata): EniReading => ({ kind: 'ready', eni });
const pending = (mac: string): EniReading => ({ kind: 'pending', mac, reason: 'late' });
const invalid = (mac: string): EniReading => ({ kind: 'invalid', mac, reason: 'garbage' });
const snapshot = (enis: readonly EniReading[], rest: Partial<Snapshot> = {}): Snapshot => ({
  primaryMac,
  instanceId: 'i-1',
  enis,
  ...rest,
});

/** Accepts the reads one after the other; the result of the last. */
function acceptAll(...reads: Snapshot[]) {
  let state: AcceptState = initialAcceptState;
  let last: ReturnType<typeof acceptSnapshot> | null = null;
  for (const read of reads) {
    last = acceptSnapshot(state, read);
    state = last.state;
  }
  if (last === null) throw new Error('no read');
  return last;
}

const two = (first: Partial<EniMetadata>, second: Partial<EniMetadata>, rest: Partial<Snapshot> = {}) =>
  snapshot([ready(makeEni(primaryMac, first)), ready(makeEni(secondMac, second))], rest);

const full = two(
  { ipv4Addresses: ['10.0.1.10', '10.0.1.11'] },
  {
    ipv4Addresses: ['10.0.1.20', '10.0.1.21'],
    ipv6Addresses: ['2001:db8::20'],
    ipv4Prefixes: ['10.0.1.32/28'],
    ipv6Prefixes: ['2001:db8:0:0:1::/80'],
    subnetIpv6: ['2001:db8::/64'],
  },
  { tags: { role: 'gateway', tier: 'one' } },
);
const second = full.enis[1]?.kind === 'ready' ? full.enis[1].eni : makeEni(secondMac);
const withSecond = (reading: EniReading | null, rest: Partial<Snapshot> = {}): Snapshot =>
  snapshot([...full.enis.slice(0, 1), ...(reading === null ? [] : [reading])], { tags: { ...full.tags }, ...rest });
const changed = (rest: Partial<EniMetadata>): Snapshot => withSecond(ready({ ...second, ...rest }));

/** Another value for each field that a decision uses: a new field does not compile without one. */
const otherValues: Omit<EniMetadata, 'mac' | 'publicIpv4'> = {
  eniId: 'eni-99',
  deviceNumber: 7,
  networkCard: 1,
  subnetId: 'subnet-2',
  vpcId: 'vpc-2',
  ipv4Addresses: [],
  ipv6Addresses: [],
  ipv4Prefixes: [],
  ipv6Prefixes: [],
  subnetIpv4: '10.0.2.0/24',
  subnetIpv6: [],
};
const fields = Object.keys(otherValues) as (keyof typeof otherValues)[];

describe('what a read lacks or alters', () => {
  it.each<[string, Snapshot]>([
    ['an IPv4 address', changed({ ipv4Addresses: ['10.0.1.20'] })],
    ['the first IPv4 address', changed({ ipv4Addresses: ['10.0.1.21'] })],
    ['the order of IPv4 addresses', changed({ ipv4Addresses: ['10.0.1.21', '10.0.1.20'] })],
    ['the IPv4 subnet', changed({ subnetIpv4: null })],
    ...fields.map((field): [string, Snapshot] => [field, changed({ [field]: otherValues[field] })]),
    ['an ENI', withSecond(null)],
    ['another primary', { ...full, primaryMac: secondMac }],
    ['a tag', { ...full, tags: { role: 'gateway', tier: null } }],
    ["another tag's value", { ...full, tags: { role: 'gateway', tier: 'two' } }],
    ['all tags', { ...full, tags: null }],
  ])('%s: waits for the second read, then is believed', (_name, read) => {
    const once = acceptAll(full, read);
    expect(once.accepted).toEqual(full);
    expect(once.unconfirmed).not.toEqual([]);
    const twice = acceptAll(full, read, read);
    expect(twice.accepted).toEqual(read);
    expect(twice.unconfirmed).toEqual([]);
    // What is back in between was never gone, and the count begins again.
    expect(acceptAll(full, read, full, read).accepted).toEqual(full);
  });
});

describe('what is new', () => {
  it.each<[string, Snapshot]>([
    ['an address', changed({ ipv4Addresses: [...second.ipv4Addresses, '10.0.1.22'] })],
    ['a prefix', changed({ ipv6Prefixes: [...second.ipv6Prefixes, '2001:db8:0:0:2::/80'] })],
    ['an ENI', { ...full, enis: [...full.enis, ready(makeEni('06:00:00:00:00:03'))] }],
    ['a tag', { ...full, tags: { ...full.tags, more: 'x' } }],
    ['a tag that is not asked for any more', { ...full, tags: { role: 'gateway' } }],
    ['a public address', changed({ publicIpv4: { '203.0.113.5': ['10.0.1.20'] } })],
  ])('%s: is believed at once', (_name, read) => {
    expect(acceptAll(full, read)).toMatchObject({ accepted: read, unconfirmed: [], problems: [] });
  });

  it('a value instead of none is believed at once', () => {
    const late = changed({ subnetIpv4: null, eniId: null });
    expect(acceptAll(late, full)).toMatchObject({ accepted: full, unconfirmed: [] });
  });

  it('comes with what is kept: an added address beside a missing one', () => {
    const { accepted } = acceptAll(full, changed({ ipv4Addresses: ['10.0.1.22', '10.0.1.21'] }));
    expect(accepted).toEqual(changed({ ipv4Addresses: ['10.0.1.20', '10.0.1.21', '10.0.1.22'] }));
  });
});

describe('what has moved to another ENI', () => {
  const moved = two(
    { ipv4Addresses: ['10.0.1.10', '10.0.1.11', '10.0.1.21'] },
    { ...second, ipv4Addresses: ['10.0.1.20'] },
  );

  it('leaves the old one at once', () => {
    expect(acceptAll(full, moved)).toMatchObject({ accepted: moved, unconfirmed: [] });
  });

  it.each<[string, EniReading | null]>([
    ['pending', pending(secondMac)],
    ['invalid', invalid(secondMac)],
    ['not listed', null],
  ])('leaves the old one at once, even where that is %s', (_name, reading) => {
    const read = snapshot([...moved.enis.slice(0, 1), ...(reading === null ? [] : [reading])]);
    expect(acceptAll(full, read).accepted).toEqual(moved);
  });

  it('is no evidence in another VPC, nor where the VPC is not known', () => {
    for (const vpcId of ['vpc-2', null]) {
      const before = two({ vpcId }, second);
      const read = two({ vpcId, ipv4Addresses: ['10.0.1.21'] }, { ...second, ipv4Addresses: ['10.0.1.20'] });
      expect(acceptAll(before, read).accepted.enis[1]).toEqual(ready(second));
    }
  });
});

describe('readings that cannot be used', () => {
  it.each([pending(secondMac), invalid(secondMac)])('keep the last good one and say so, however often', (reading) => {
    const read = withSecond(reading);
    const { accepted, unconfirmed, problems } = acceptAll(full, read, read, read);
    expect(accepted).toEqual(full);
    expect(unconfirmed).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(`^ENI ${secondMac}: `)]);
  });

  it('are passed on where nothing was known before', () => {
    const read = withSecond(pending(secondMac));
    expect(acceptAll(read, read)).toMatchObject({ accepted: read, problems: [] });
    expect(acceptAll(read, full).accepted).toEqual(full);
  });

  it('in between leave a missing address unconfirmed', () => {
    const less = changed({ ipv4Addresses: ['10.0.1.20'] });
    expect(acceptAll(full, less, withSecond(pending(secondMac)), less).accepted).toEqual(full);
  });
});

/** Few values, so that lists overlap, shrink, reorder and move. */
const eniFields = fc.record({
  ipv4Addresses: fc.uniqueArray(fc.constantFrom('10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.1.4'), { maxLength: 4 }),
  ipv6Addresses: fc.uniqueArray(fc.constantFrom('2001:db8::1', '2001:db8::2'), { maxLength: 2 }),
  ipv4Prefixes: fc.uniqueArray(fc.constantFrom('10.0.1.16/28', '10.0.1.32/28'), { maxLength: 2 }),
  subnetIpv4: fc.constantFrom(null, '10.0.1.0/24'),
  subnetIpv6: fc.uniqueArray(fc.constantFrom('2001:db8::/64', '2001:db8:0:1::/64'), { maxLength: 2 }),
  deviceNumber: fc.integer({ min: 0, max: 2 }),
  vpcId: fc.constantFrom('vpc-1', 'vpc-2', null),
});
const readingOf = (mac: string): fc.Arbitrary<EniReading | null> =>
  fc.oneof(
    { weight: 6, arbitrary: eniFields.map((fields) => ready(makeEni(mac, fields))) },
    { weight: 1, arbitrary: fc.constantFrom(pending(mac), invalid(mac), null) },
  );
const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    primary: fc.constantFrom(primaryMac, secondMac),
    enis: fc.tuple(...[primaryMac, secondMac, '06:00:00:00:00:03'].map(readingOf)),
  })
  .map(({ primary, enis }) =>
    snapshot(
      enis.filter((reading) => reading !== null),
      { primaryMac: primary },
    ),
  );
const history = fc.array(anySnapshot, { minLength: 1, maxLength: 4 });

const readyOf = (read: Snapshot) => read.enis.flatMap((reading) => (reading.kind === 'ready' ? [reading.eni] : []));
const thingsOf = (eni: EniMetadata) =>
  [eni.ipv4Addresses, eni.ipv6Addresses, eni.ipv4Prefixes, eni.ipv6Prefixes].flat();

describe('for any history', () => {
  it('a read that differs from the one before removes nothing but what it shows elsewhere', () => {
    fc.assert(
      fc.property(history, anySnapshot, (reads, read) => {
        // A full read of the accepted state in between: nothing is half confirmed.
        const before = acceptAll(...reads);
        const settled = acceptSnapshot(before.state, before.accepted);
        expect(settled.accepted).toEqual(before.accepted);
        const { accepted } = acceptSnapshot(settled.state, read);
        expect(accepted.primaryMac).toBe(before.accepted.primaryMac);
        const shown = readyOf(read);
        for (const eni of readyOf(before.accepted)) {
          const now = readyOf(accepted).find(({ mac }) => mac === eni.mac);
          expect(now).toBeDefined();
          const isElsewhere = (thing: string) =>
            shown.some(
              (other) => other.mac !== eni.mac && other.vpcId === eni.vpcId && thingsOf(other).includes(thing),
            );
          const gone = thingsOf(eni).filter((thing) => now === undefined || !thingsOf(now).includes(thing));
          expect(gone.filter((thing) => !isElsewhere(thing))).toEqual([]);
          if (eni.subnetIpv4 !== null) expect(now?.subnetIpv4).toBe(eni.subnetIpv4);
          expect(now?.subnetIpv6).toEqual(expect.arrayContaining([...eni.subnetIpv6]));
          expect(now?.deviceNumber).toBe(eni.deviceNumber);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('two equal reads are believed whole, but for pending and invalid ENIs', () => {
    fc.assert(
      fc.property(history, anySnapshot, (reads, read) => {
        const { accepted, unconfirmed } = acceptAll(...reads, read, read);
        expect(unconfirmed).toEqual([]);
        expect(accepted.primaryMac).toBe(read.primaryMac);
        expect(accepted.enis.map((one) => (one.kind === 'ready' ? one.eni.mac : one.mac))).toEqual(
          read.enis.map((one) => (one.kind === 'ready' ? one.eni.mac : one.mac)),
        );
        for (const reading of read.enis) if (reading.kind === 'ready') expect(accepted.enis).toContainEqual(reading);
      }),
      { numRuns: 300 },
    );
  });

  it('identical reads are a fixpoint', () => {
    fc.assert(
      fc.property(history, anySnapshot, (reads, read) => {
        const twice = acceptAll(...reads, read, read);
        expect(acceptSnapshot(twice.state, read)).toEqual(twice);
      }),
      { numRuns: 300 },
    );
  });
});
