/** One ENI's leaves as read → what they mean. Pure. */

import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { canonicalCidr, contains, overlaps, requireCidr } from '../../lib/ip/cidr.ts';
import { listReserved, nameSpecialRange } from '../../lib/ip/special.ts';
import type { EniReading, Family } from '../model.ts';

export interface EniLeaves {
  readonly mac: string;
  /**
   * Names that `macs/<mac>/` lists, without a trailing slash; null: the MAC is listed, its list is
   * 404.
   */
  readonly listed: ReadonlySet<string> | null;
  /** Text of each leaf that was read; null: listed, but 404. */
  readonly values: ReadonlyMap<string, string | null>;
  readonly publicIpv4: Readonly<Record<string, readonly string[]>>;
}

export interface EniContext {
  readonly isPrimary: boolean;
  /** Some ENI of the instance lists a network card: then every ENI lists one sooner or later. */
  readonly hasCards: boolean;
  /** It had IPv4 addresses in an earlier read of this process. */
  readonly hadIpv4: boolean;
  /** Leaves that were empty in so many reads that they count as absent. No key: none. */
  readonly settledEmpty?: ReadonlySet<string>;
  /** The blocks of the VPC were read. No key: they were not. */
  readonly readsVpc?: boolean;
}

/**
 * These may be listed without a value (EFA-only ENIs; IPv6 removed). Any other leaf without a value
 * has not propagated yet: a delegated prefix that was removed is not listed, and answers 404
 * (amazon-ec2-net-utils).
 */
const possiblyEmpty: ReadonlySet<string> = new Set([
  'local-ipv4s',
  'ipv6s',
  'subnet-ipv4-cidr-block',
  'subnet-ipv6-cidr-blocks',
  'vpc-ipv6-cidr-blocks',
]);

/**
 * The greatest numbers that tables and rule priorities have room for: a table per ENI allows
 * devices below 100 on a card, and the rules of card 36 would be among the primary's
 * (agent/decide/base/numbers.ts). EC2 has at most 32 cards.
 */
const greatest = { 'device-number': 99, 'network-card': 35 } as const;

/** Limits of a subnet's prefix length (Amazon VPC user guide, "Subnet CIDR blocks"). */
const subnetLengths = { 4: [16, 28], 6: [44, 64] } as const;
/** And the blocks of a VPC as this ("VPC CIDR blocks" there). */
const vpcLengths = { 4: [16, 28], 6: [44, 60] } as const;

class InvalidLeaf extends Error {}

/**
 * Not listed means absent, so an ENI whose list has no address is ready without addresses, whether
 * it is EFA-only or its addresses come later (cloud-init issue 5373: IPv6 some seconds after IPv4).
 * The two cannot be distinguished, and additions take effect with the read that shows them, so
 * waiting gains nothing.
 */
export function parseEni(leaves: EniLeaves, context: EniContext): EniReading {
  const { isPrimary, hasCards, hadIpv4, settledEmpty, readsVpc = false } = context;
  const { mac, listed, values } = leaves;
  const pending = (reason: string): EniReading => ({ kind: 'pending', mac, reason });
  if (listed === null) return pending('the ENI is listed, but not there yet');
  for (const [name, value] of values) {
    if (value === null) return pending(`${name} is listed, but not there yet`);
    if (value === '' && !possiblyEmpty.has(name) && settledEmpty?.has(name) !== true)
      return pending(`${name} is listed, but empty`);
  }
  if (!listed.has('device-number')) return pending('device-number is not listed yet');
  if (hasCards && !listed.has('network-card')) return pending('network-card is not listed yet');
  try {
    const leaf = new LeafParser(values);
    const deviceNumber = leaf.parseNumber('device-number');
    const networkCard = listed.has('network-card') ? leaf.parseNumber('network-card') : 0;
    // Only the primary is device 0 on card 0: another ENI reads 0/0 until its attachment has
    // propagated.
    if (!isPrimary && deviceNumber === 0 && networkCard === 0) return pending('device-number still reads 0');
    if (isPrimary && deviceNumber !== 0) refuse('device-number', 'the primary to be device 0', String(deviceNumber));
    if (isPrimary && networkCard !== 0) refuse('network-card', 'the primary on card 0', String(networkCard));
    const [subnetIpv4 = null, second] = leaf.parseSubnets('subnet-ipv4-cidr-block', 4);
    if (second !== undefined) refuse('subnet-ipv4-cidr-block', 'one CIDR prefix', `${subnetIpv4} ${second}`);
    const subnetIpv6 = leaf.parseSubnets('subnet-ipv6-cidr-blocks', 6);
    const ipv4Addresses = leaf.parseAddresses('local-ipv4s', subnetIpv4 === null ? [] : [subnetIpv4], 4);
    // An ENI keeps its primary private address as long as it lives (EC2 user guide, "Elastic
    // network interfaces").
    if (hadIpv4 && ipv4Addresses.length === 0)
      return pending('local-ipv4s is gone, though an ENI keeps its first address');
    return {
      kind: 'ready',
      eni: {
        mac,
        eniId: leaf.parseId('interface-id'),
        deviceNumber,
        networkCard,
        subnetId: leaf.parseId('subnet-id'),
        vpcId: leaf.parseId('vpc-id'),
        ipv4Addresses,
        ipv6Addresses: leaf.parseAddresses('ipv6s', subnetIpv6, 6),
        ipv4Prefixes: leaf.parsePrefixes('ipv4-prefix', subnetIpv4 === null ? [] : [subnetIpv4], 4).sort(),
        ipv6Prefixes: leaf.parsePrefixes('ipv6-prefix', subnetIpv6, 6).sort(),
        subnetIpv4,
        subnetIpv6,
        ...(readsVpc ? { vpcCidrs: leaf.parseVpc() } : {}),
        publicIpv4: filterAssociations(leaves.publicIpv4),
      },
    };
  } catch (error) {
    if (!(error instanceof InvalidLeaf)) throw error;
    return { kind: 'invalid', mac, reason: error.message };
  }
}

/**
 * Until an ENI's subnet is listed, nothing confirms that an address belongs to it. In the subnet of
 * another ENI of the VPC the address may be that subnet's router, so the ENI waits until its own
 * subnet is listed.
 */
export function withholdUnplaced(readings: readonly EniReading[]): EniReading[] {
  const ready = readings.flatMap((reading) => (reading.kind === 'ready' ? [reading.eni] : []));
  return readings.map((reading) => {
    if (reading.kind !== 'ready') return reading;
    const { mac, vpcId, ...eni } = reading.eni;
    const others = ready.filter((other) => other.mac !== mac && other.vpcId === vpcId);
    const subnets = others.flatMap((other) => [
      ...(other.subnetIpv4 === null ? [] : [other.subnetIpv4]),
      ...other.subnetIpv6,
    ]);
    const unplaced = [
      ...(eni.subnetIpv4 === null
        ? [{ leaf: 'subnet-ipv4-cidr-block', cidrs: [...eni.ipv4Addresses, ...eni.ipv4Prefixes] }]
        : []),
      ...(eni.subnetIpv6.length === 0
        ? [{ leaf: 'subnet-ipv6-cidr-blocks', cidrs: [...eni.ipv6Addresses, ...eni.ipv6Prefixes] }]
        : []),
    ];
    for (const { leaf, cidrs } of unplaced) {
      const cidr = cidrs.find((one) => subnets.some((subnet) => overlaps(subnet, one)));
      if (cidr === undefined) continue;
      const reason = `${leaf} is not listed yet, and ${cidr} is in the subnet of another ENI`;
      return { kind: 'pending', mac, reason };
    }
    return reading;
  });
}

/** Each method throws an InvalidLeaf on the first invalid word. */
class LeafParser {
  readonly #values: ReadonlyMap<string, string | null>;

  constructor(values: ReadonlyMap<string, string | null>) {
    this.#values = values;
  }

  parseNumber(name: keyof typeof greatest): number {
    const text = this.#values.get(name) ?? '';
    const isNumber = /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= greatest[name];
    return isNumber ? Number(text) : refuse(name, `a number up to ${greatest[name]}`, text);
  }

  /**
   * It becomes part of names and files: only characters of an id are accepted. Null: not listed.
   */
  parseId(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined || text === null) return null;
    const kind = name === 'interface-id' ? 'eni' : name.replace('-id', '');
    const isId = text.startsWith(`${kind}-`) && /^[a-z]+-[0-9A-Za-z-]{1,40}$/.test(text);
    return isId ? text : refuse(name, `an id ${kind}-…`, text);
  }

  /** `subnets`: the ENI's own of that family; empty if they are not listed. */
  parseAddresses(name: string, subnets: readonly string[], family: Family): string[] {
    return this.#parseWords(name, family, address, (text) => objectToPlace(text, subnets));
  }

  parsePrefixes(name: string, subnets: readonly string[], family: Family): string[] {
    return this.#parseWords(name, family, prefix, (cidr) => objectToPlace(cidr, subnets));
  }

  parseSubnets(name: string, family: Family): string[] {
    return this.#parseBlocks(name, family, { kind: 'a subnet', lengths: subnetLengths[family] });
  }

  parseVpc(): string[] {
    const kind = 'a block';
    return [
      ...this.#parseBlocks('vpc-ipv4-cidr-blocks', 4, { kind, lengths: vpcLengths[4] }),
      ...this.#parseBlocks('vpc-ipv6-cidr-blocks', 6, { kind, lengths: vpcLengths[6] }),
    ].sort();
  }

  #parseBlocks(
    name: string,
    family: Family,
    { kind, lengths: [shortest, longest] }: { readonly kind: string; readonly lengths: readonly [number, number] },
  ): string[] {
    return this.#parseWords(name, family, prefix, (cidr) => {
      const { length } = requireCidr(cidr);
      return length < shortest || length > longest ? `${kind} of /${shortest} to /${longest}` : undefined;
    });
  }

  /**
   * Canonical, without duplicates, in the order of the service. `object`: returns what is expected
   * if a word is not acceptable.
   */
  #parseWords(
    name: string,
    family: Family,
    { kind, parse }: Kind,
    object: (text: string) => string | undefined,
  ): string[] {
    const words = (this.#values.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    const parsed = words.map((word) => {
      const text = parse(word);
      if (text === null || familyOf(text) !== family) return refuse(name, kind, word);
      const range = nameSpecialRange(text);
      if (range !== null) return refuse(name, `${kind} that is not ${range}`, word);
      const expected = object(text);
      return expected === undefined ? text : refuse(name, expected, word);
    });
    return [...new Set(parsed)];
  }
}

interface Kind {
  readonly kind: string;
  readonly parse: (word: string) => string | null;
}

const address: Kind = { kind: 'an address', parse: canonicalAddress };
const prefix: Kind = { kind: 'a CIDR prefix', parse: canonicalCidr };

/**
 * What is expected if an address or prefix is not in the ENI's subnets; undefined if it is, or if
 * they are not listed. An IPv6 prefix may contain the first address: EC2 does not exclude it, and
 * nothing sends from that address.
 */
function objectToPlace(cidr: string, subnets: readonly string[]): string | undefined {
  if (subnets.length === 0) return undefined;
  const own = subnets.find((subnet) => contains(subnet, cidr));
  if (own === undefined) return `something in the ENI's own subnet ${subnets.join(' ')}`;
  const isIpv6Prefix = cidr.includes(':') && cidr.includes('/');
  const holdsReserved = !isIpv6Prefix && listReserved(own).some((one) => overlaps(cidr, one));
  return holdsReserved ? `nothing that EC2 keeps for itself in ${own}` : undefined;
}

function refuse(name: string, expected: string, got: string): never {
  const shown = JSON.stringify(got.slice(0, 60));
  throw new InvalidLeaf(`metadata ${name}: expected ${expected}, got ${shown}; what was known before is kept`);
}

/** No decision uses these: anything that is no address is left out. */
function filterAssociations(associations: EniLeaves['publicIpv4']): EniLeaves['publicIpv4'] {
  const isIpv4 = (text: string) => {
    const address = canonicalAddress(text);
    return address !== null && familyOf(address) === 4;
  };
  const entries = Object.entries(associations).filter(([address]) => isIpv4(address));
  return Object.fromEntries(entries.map(([address, carriers]) => [address, carriers.filter(isIpv4)]));
}
