/** What somebody probably meant by a value that is refused. Pure. */

import { canonicalAddress } from '../../lib/ip/address.ts';
import { canonicalCidr, networkOf } from '../../lib/ip/cidr.ts';

const truths: Readonly<Record<string, boolean>> = { yes: true, on: true, no: false, off: false };

/**
 * What to write instead, to be put behind `; write `; null: it cannot be guessed. `expected`: the
 * words of the schema.
 */
export function adviseOnValue(expected: string, value: unknown): string | null {
  if (typeof value === 'number') return adviseOnNumber(expected, value);
  if (typeof value !== 'string') return null;
  const truth = truths[value.toLowerCase()];
  // YAML 1.2 knows `true` and `false` only.
  if (expected.startsWith('`true`') && truth !== undefined) return `\`${truth}\``;
  if (expected.startsWith('a list of')) return `\`[${value}]\``;
  if (expected.startsWith('an http:// URL') && canonicalAddress(value) !== null)
    return `\`"http://${value.includes(':') ? `[${value}]` : value}"\``;
  return expected.includes('a prefix without host bits') ? adviseOnPrefix(value) : null;
}

function adviseOnNumber(expected: string, value: number): string | null {
  if (!Number.isInteger(value) || value < 0) return null;
  if (expected.startsWith('a duration')) return `\`${value}s\``;
  if (expected.startsWith('a mark')) return `\`"0x${value.toString(16)}"\` in quotes`;
  return /in quotes|^a user id/.test(expected) ? `\`"${value}"\` in quotes` : null;
}

function adviseOnPrefix(value: string): string | null {
  if (value === 'default') return '`0.0.0.0/0` or `"::/0"`';
  const [, address = '', length = ''] = /^(\S+)\/(\d{1,3})$/.exec(value) ?? [];
  if (canonicalAddress(value) !== null) return `\`${value}/${value.includes(':') ? 128 : 32}\``;
  if (canonicalAddress(address) === null || Number(length) > (address.includes(':') ? 128 : 32)) return null;
  return canonicalCidr(value) === null ? `\`${networkOf(address, Number(length))}\`` : null;
}
