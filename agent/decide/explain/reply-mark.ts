/** Which mark the reply of a connection gets that was opened to an address. Pure. */

import { familyOf } from '../../../lib/ip/address.ts';
import { contains, hostCidr } from '../../../lib/ip/cidr.ts';
import { type Desired, replyNames, type TableRecord } from '../../model.ts';

/** As it is desired; null: it is not marked. */
export function findWantedMark(address: string, { replies = null }: Pick<Desired, 'replies'>): number | null {
  if (replies === null) return null;
  const chain = findChain(address, replies.sources[familyOf(address)]);
  return (chain === null ? undefined : replies.chains.get(chain)) ?? null;
}

/** As the kernel's table has it. */
export function findActualMark(address: string, { chains, maps }: TableRecord): number | null {
  const map = maps.find(({ name }) => name === replyNames.maps[familyOf(address)]);
  const name = map === undefined ? null : findChain(address, map.elements);
  const comment = chains.find((chain) => chain.name === name)?.rules[0]?.comment ?? '';
  const mark = /fwmark 0x([0-9a-f]+)\//.exec(comment)?.[1];
  return mark === undefined ? null : Number.parseInt(mark, 16);
}

/** A range that is no prefix is another program's, and is not read. */
function findChain(address: string, elements: ReadonlyMap<string, string>): string | null {
  const host = hostCidr(address);
  const found = [...elements].find(([cidr]) => !cidr.includes('-') && contains(cidr, host));
  return found?.[1] ?? null;
}
