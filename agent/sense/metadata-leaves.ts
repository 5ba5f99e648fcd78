/** Reads the leaves of one ENI: the list first, then the listed leaves that are not known yet. */

import type { ImdsAnswer } from '../../lib/imds/client.ts';
import type { EniLeaves } from './metadata-eni.ts';

/** Where the ENIs are listed by MAC. */
export const macsPath = 'meta-data/network/interfaces/macs/';

/** Leaves that change live: read each time. */
const liveLeaves = ['local-ipv4s', 'ipv6s', 'ipv4-prefix', 'ipv6-prefix'] as const;
/** Live, too; read only where the configuration asks for them. */
export const vpcLeaves = ['vpc-ipv4-cidr-blocks', 'vpc-ipv6-cidr-blocks'] as const;
export const prefixLeaves = ['ipv4-prefix', 'ipv6-prefix'] as const;
/**
 * Leaves that do not change while an ENI is attached and its list has the same keys: read once,
 * then checked in turn.
 */
export const staticLeaves = [
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
 * What one additional request checks of a known ENI. A static leaf: an ENI that was detached and
 * attached at another place between two reads has the same MAC and the same keys, and a wrong
 * answer must not last. `public`: its public addresses may have changed.
 */
export type Check = (typeof staticLeaves)[number] | 'public' | null;

export interface ReadOptions {
  /** What was read of it when it was last whole, or null. */
  readonly known: EniLeaves | null;
  readonly check: Check;
  readonly readsVpc: boolean;
}

/** Reads an ENI. The same object as before where nothing is new. */
export async function readEniLeaves(
  mac: string,
  read: ReadPath,
  { known, check, readsVpc }: ReadOptions,
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
    (check === null ||
      check === 'public' ||
      !listed.has(check) ||
      (await readLeaf(check))[1] === known.values.get(check));
  const names: readonly string[] = readsVpc ? [...liveLeaves, ...vpcLeaves] : liveLeaves;
  const live = names.filter((name) => listed.has(name)).map(readLeaf);
  const associate = async (before: EniLeaves['publicIpv4']) =>
    listed.has(associationsName) ? await readAssociations(`${base}${associationsName}/`, read, before) : {};
  if (isKnown) {
    const [values, publicIpv4] = await Promise.all([
      Promise.all(live),
      check === 'public' ? associate(known.publicIpv4) : known.publicIpv4,
    ]);
    const isSame = publicIpv4 === known.publicIpv4 && values.every(([name, text]) => known.values.get(name) === text);
    return isSame ? known : { ...known, values: new Map([...known.values, ...values]), publicIpv4 };
  }
  const fixed = staticLeaves.filter((name) => listed.has(name)).map(readLeaf);
  // All in one Promise.all: a promise that is not awaited for a moment would end the process when
  // it rejects.
  const [values, publicIpv4] = await Promise.all([Promise.all([...live, ...fixed]), associate({})]);
  return { mac, listed, values: new Map(values), publicIpv4 };
}

/** Whether static leaves need not be read again: a subnet block without text may still get one. */
export function isSettled({ values }: EniLeaves): boolean {
  return staticLeaves.every((name) => values.get(name) !== '');
}

/** Lines of a list; `text` may be empty. */
export function parseList(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/**
 * Public address → private addresses; `before` if the list is the same. An address that vanished
 * between list and leaf is left out: the operator sees these, no decision uses them.
 */
async function readAssociations(
  path: string,
  read: ReadPath,
  before: EniLeaves['publicIpv4'],
): Promise<EniLeaves['publicIpv4']> {
  const list = await read(path);
  const names = list.kind === 'value' ? parseList(list.text) : [];
  if (hasSameNames(new Set(Object.keys(before)), new Set(names))) return before;
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
