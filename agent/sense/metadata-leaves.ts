/** Reads the leaves of one ENI: the list first, then what is listed and not known already. */

import type { ImdsAnswer } from '../../lib/imds/client.ts';
import type { EniLeaves } from './metadata-eni.ts';

/** Where the ENIs are listed by MAC. */
export const macsPath = 'meta-data/network/interfaces/macs/';

/** Leaves that change live: read each time. */
const liveLeaves = ['local-ipv4s', 'ipv6s', 'ipv4-prefix', 'ipv6-prefix'] as const;
/** Leaves that stay while an ENI is attached and its list names the same keys: read once. */
const staticLeaves = [
  'device-number',
  'network-card',
  'interface-id',
  'subnet-id',
  'vpc-id',
  'subnet-ipv4-cidr-block',
  'subnet-ipv6-cidr-blocks',
] as const;
const associationsName = 'ipv4-associations';

/** Reads a path below `latest/`, within the bounds of the snapshot it belongs to. */
export type ReadPath = (path: string) => Promise<ImdsAnswer>;

/**
 * Reads an ENI. `known` is what was read of it when it was last whole, or null; `isChecked` asks to see whether that
 * still holds (one more request): an ENI that was detached and attached at another place between two reads has the
 * same MAC and the same keys.
 */
export async function readEniLeaves(
  mac: string,
  read: ReadPath,
  { known, isChecked }: { readonly known: EniLeaves | null; readonly isChecked: boolean },
): Promise<EniLeaves> {
  const base = `${macsPath}${mac}/`;
  const list = await read(base);
  if (list.kind === 'absent') return { mac, listed: null, values: new Map(), publicIpv4: {} };
  const listed = new Set(parseList(list.text).map((name) => name.replace(/\/$/, '')));
  const readLeaf = async (name: string): Promise<[string, string | null]> => {
    const answer = await read(base + name);
    return [name, answer.kind === 'value' ? answer.text.trim() : null];
  };
  const isKnown =
    known !== null &&
    hasSameNames(known.listed, listed) &&
    (!isChecked || (await readLeaf('device-number'))[1] === known.values.get('device-number'));
  const live = liveLeaves.filter((name) => listed.has(name)).map(readLeaf);
  if (isKnown) return { ...known, values: new Map([...known.values, ...(await Promise.all(live))]) };
  const fixed = staticLeaves.filter((name) => listed.has(name)).map(readLeaf);
  // All in one: a promise left alone for a moment would end the process with its rejection.
  const [values, publicIpv4] = await Promise.all([
    Promise.all([...live, ...fixed]),
    listed.has(associationsName) ? readAssociations(`${base}${associationsName}/`, read) : {},
  ]);
  return { mac, listed, values: new Map(values), publicIpv4 };
}

/** Whether what was read need not be read again: a subnet block without text may still get one. */
export function isSettled({ values }: EniLeaves): boolean {
  return staticLeaves.every((name) => values.get(name) !== '');
}

/** Lines of a list; `text` may be empty. */
export function parseList(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/**
 * Public address → private addresses. What is gone between list and leaf is left out: this is for the operator's eyes,
 * nothing is decided by it.
 */
async function readAssociations(path: string, read: ReadPath): Promise<Record<string, readonly string[]>> {
  const list = await read(path);
  const names = list.kind === 'value' ? parseList(list.text) : [];
  const entries = await Promise.all(
    names.map(async (name): Promise<[string, readonly string[]][]> => {
      const answer = await read(path + encodeURIComponent(name));
      return answer.kind === 'value' ? [[name, parseList(answer.text)]] : [];
    }),
  );
  return Object.fromEntries(entries.flat());
}

function hasSameNames(left: ReadonlySet<string> | null, right: ReadonlySet<string>): boolean {
  return left !== null && left.size === right.size && [...left].every((name) => right.has(name));
}
