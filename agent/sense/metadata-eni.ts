/** One ENI's leaves as read → what they mean. Pure. */

import { canonicalAddress } from '../../lib/ip/address.ts';
import { canonicalCidr } from '../../lib/ip/cidr.ts';
import type { EniReading } from '../model.ts';

export interface EniLeaves {
  readonly mac: string;
  /** Names that `macs/<mac>/` lists, without a trailing slash. */
  readonly listed: ReadonlySet<string>;
  /** Text of each leaf that was read; null: listed, but 404. */
  readonly values: ReadonlyMap<string, string | null>;
  readonly publicIpv4: Readonly<Record<string, readonly string[]>>;
}

class InvalidLeaf extends Error {}

export function parseEni(
  leaves: EniLeaves,
  { isPrimary, hasCards }: { readonly isPrimary: boolean; readonly hasCards: boolean },
): EniReading {
  const { mac, listed, values } = leaves;
  const pending = (reason: string): EniReading => ({ kind: 'pending', mac, reason });
  for (const [name, value] of values) if (value === null) return pending(`${name} is listed, but not there yet`);
  if (!listed.has('device-number')) return pending('device-number is not listed yet');
  if (hasCards && !listed.has('network-card')) return pending('network-card is not listed yet');
  try {
    const deviceNumber = parseNumber('device-number', values.get('device-number') ?? '');
    const networkCard = listed.has('network-card') ? parseNumber('network-card', values.get('network-card') ?? '') : 0;
    // Only the primary is device 0 on card 0: another ENI reads so before its attachment has propagated.
    if (!isPrimary && deviceNumber === 0 && networkCard === 0) return pending('device-number still reads 0');
    const list = (name: string, parse: (text: string) => string | null) =>
      (values.get(name) ?? '')
        .split(/\s+/)
        .filter((word) => word !== '')
        .map((word) => requireParsed(name, word, parse(word)));
    const subnetsIpv4 = list('subnet-ipv4-cidr-block', canonicalCidr);
    return {
      kind: 'ready',
      eni: {
        mac,
        eniId: values.get('interface-id') ?? null,
        deviceNumber,
        networkCard,
        subnetId: values.get('subnet-id') ?? null,
        vpcId: values.get('vpc-id') ?? null,
        ipv4Addresses: list('local-ipv4s', (word) => requireFamily(4, word)),
        ipv6Addresses: list('ipv6s', (word) => requireFamily(6, word)),
        ipv4Prefixes: list('ipv4-prefix', canonicalCidr).sort(),
        ipv6Prefixes: list('ipv6-prefix', canonicalCidr).sort(),
        subnetIpv4: subnetsIpv4[0] ?? null,
        subnetIpv6: list('subnet-ipv6-cidr-blocks', canonicalCidr),
        publicIpv4: leaves.publicIpv4,
      },
    };
  } catch (error) {
    if (!(error instanceof InvalidLeaf)) throw error;
    return { kind: 'invalid', mac, reason: error.message };
  }
}

function requireFamily(family: 4 | 6, word: string): string | null {
  const address = canonicalAddress(word);
  return address !== null && address.includes(':') === (family === 6) ? address : null;
}

function requireParsed(name: string, word: string, parsed: string | null): string {
  if (parsed !== null) return parsed;
  const expected = name.includes('cidr') || name.includes('prefix') ? 'a CIDR prefix' : 'an address';
  throw new InvalidLeaf(
    `metadata ${name}: expected ${expected}, got ${JSON.stringify(word.slice(0, 60))}; what was known before is kept`,
  );
}

function parseNumber(name: string, text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidLeaf(
    `metadata ${name}: expected a number below 1000, got ${JSON.stringify(text.slice(0, 60))}; what was known before is kept`,
  );
}
