/** One ENI's leaves as read → what they mean. Pure. */

import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { canonicalCidr } from '../../lib/ip/cidr.ts';
import type { EniReading } from '../model.ts';

export interface EniLeaves {
  readonly mac: string;
  /** Names that `macs/<mac>/` lists, without a trailing slash; null: the MAC is listed, its list is 404. */
  readonly listed: ReadonlySet<string> | null;
  /** Text of each leaf that was read; null: listed, but 404. */
  readonly values: ReadonlyMap<string, string | null>;
  readonly publicIpv4: Readonly<Record<string, readonly string[]>>;
}

export interface EniContext {
  readonly isPrimary: boolean;
  /** Some ENI of the instance lists a network card: then each does, sooner or later. */
  readonly hasCards: boolean;
  /** It had IPv4 addresses in an earlier read of this process. */
  readonly hadIpv4: boolean;
}

/**
 * These may be there without a value (EFA-only ENIs; IPv6 taken away). Any other leaf with none is not told yet: a
 * delegated prefix that is gone is not listed, and answers 404 (amazon-ec2-net-utils).
 */
const possiblyEmpty: ReadonlySet<string> = new Set([
  'local-ipv4s',
  'ipv6s',
  'subnet-ipv4-cidr-block',
  'subnet-ipv6-cidr-blocks',
]);

class InvalidLeaf extends Error {}

/**
 * Not listed means absent, so an ENI whose list names no address is ready without addresses, be it EFA-only or one
 * whose addresses come later (cloud-init issue 5373: IPv6 some seconds after IPv4). The two cannot be told apart, and
 * additions take effect with the read that shows them, so nothing is gained by waiting.
 */
export function parseEni(leaves: EniLeaves, { isPrimary, hasCards, hadIpv4 }: EniContext): EniReading {
  const { mac, listed, values } = leaves;
  const pending = (reason: string): EniReading => ({ kind: 'pending', mac, reason });
  if (listed === null) return pending('the ENI is listed, but not there yet');
  for (const [name, value] of values) {
    if (value === null) return pending(`${name} is listed, but not there yet`);
    if (value === '' && !possiblyEmpty.has(name)) return pending(`${name} is listed, but empty`);
  }
  if (!listed.has('device-number')) return pending('device-number is not listed yet');
  if (hasCards && !listed.has('network-card')) return pending('network-card is not listed yet');
  try {
    const leaf = new LeafParser(values);
    const deviceNumber = leaf.parseNumber('device-number');
    const networkCard = listed.has('network-card') ? leaf.parseNumber('network-card') : 0;
    // Only the primary is device 0 on card 0: another ENI reads so before its attachment has propagated.
    if (!isPrimary && deviceNumber === 0 && networkCard === 0) return pending('device-number still reads 0');
    const ipv4Addresses = leaf.parseAddresses('local-ipv4s', 4);
    // An ENI keeps its primary private address as long as it lives (EC2 user guide, "Elastic network interfaces").
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
        ipv6Addresses: leaf.parseAddresses('ipv6s', 6),
        ipv4Prefixes: leaf.parseCidrs('ipv4-prefix', 4).sort(),
        ipv6Prefixes: leaf.parseCidrs('ipv6-prefix', 6).sort(),
        subnetIpv4: leaf.parseCidrs('subnet-ipv4-cidr-block', 4)[0] ?? null,
        subnetIpv6: leaf.parseCidrs('subnet-ipv6-cidr-blocks', 6),
        publicIpv4: filterAssociations(leaves.publicIpv4),
      },
    };
  } catch (error) {
    if (!(error instanceof InvalidLeaf)) throw error;
    return { kind: 'invalid', mac, reason: error.message };
  }
}

/** Each method throws an InvalidLeaf on the first word that cannot be. */
class LeafParser {
  readonly #values: ReadonlyMap<string, string | null>;

  constructor(values: ReadonlyMap<string, string | null>) {
    this.#values = values;
  }

  parseNumber(name: string): number {
    const text = this.#values.get(name) ?? '';
    return /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : refuse(name, 'a number below 1000', text);
  }

  /** It becomes part of names and files: nothing but what an id is made of. Null: not listed. */
  parseId(name: string): string | null {
    const text = this.#values.get(name);
    if (text === undefined || text === null) return null;
    const kind = name === 'interface-id' ? 'eni' : name.replace('-id', '');
    const isId = text.startsWith(`${kind}-`) && /^[a-z]+-[0-9A-Za-z-]{1,40}$/.test(text);
    return isId ? text : refuse(name, `an id ${kind}-…`, text);
  }

  parseAddresses(name: string, family: 4 | 6): string[] {
    return this.#parseWords(name, family, 'an address', canonicalAddress);
  }

  parseCidrs(name: string, family: 4 | 6): string[] {
    return this.#parseWords(name, family, 'a CIDR prefix', canonicalCidr);
  }

  /** Canonical, each once, in the order of the service. */
  #parseWords(name: string, family: 4 | 6, expected: string, parse: (word: string) => string | null): string[] {
    const words = (this.#values.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    const parsed = words.map((word) => {
      const text = parse(word);
      return text !== null && familyOf(text) === family ? text : refuse(name, expected, word);
    });
    return [...new Set(parsed)];
  }
}

function refuse(name: string, expected: string, got: string): never {
  const shown = JSON.stringify(got.slice(0, 60));
  throw new InvalidLeaf(`metadata ${name}: expected ${expected}, got ${shown}; what was known before is kept`);
}

/** Nothing is decided by these: what is no address is left out. */
function filterAssociations(associations: EniLeaves['publicIpv4']): EniLeaves['publicIpv4'] {
  const isIpv4 = (text: string) => {
    const address = canonicalAddress(text);
    return address !== null && familyOf(address) === 4;
  };
  const entries = Object.entries(associations).filter(([address]) => isIpv4(address));
  return Object.fromEntries(entries.map(([address, carriers]) => [address, carriers.filter(isIpv4)]));
}
