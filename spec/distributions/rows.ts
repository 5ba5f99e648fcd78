/**
 * The hosts of the matrix: a Debian tree each, with its bus, polkit, IPv6 and the tool that
 * installs the package. Pure.
 */

export const treeNames = ['bullseye', 'bookworm', 'bookworm-backports', 'bookworm-rpm', 'trixie', 'forky'] as const;
/** Of `distribution_tree` (fixtures/machine/tree.sh). */
export type TreeName = (typeof treeNames)[number];

export interface Row {
  readonly tree: TreeName;
  readonly bus: 'dbus-daemon' | 'dbus-broker';
  readonly polkit: 'yes' | 'no';
  /**
   * `off`: net.ipv6.conf.*.disable_ipv6=1 on all links; a kernel without IPv6 needs a machine of
   * its own.
   */
  readonly ipv6: 'on' | 'off';
}

function listRows(tree: TreeName, ...kinds: readonly string[]): Row[] {
  return kinds.map((kind) => ({
    tree,
    bus: kind.includes('broker') ? 'dbus-broker' : 'dbus-daemon',
    polkit: kind.includes('no polkit') ? 'no' : 'yes',
    ipv6: kind.includes('no IPv6') ? 'off' : 'on',
  }));
}

export const rows: readonly Row[] = [
  ...listRows('bullseye', 'daemon'),
  ...listRows('bookworm', 'daemon', 'broker', 'daemon, no polkit', 'broker, no polkit', 'broker, no polkit, no IPv6'),
  ...listRows('bookworm-rpm', 'broker', 'broker, no polkit'),
  ...listRows('bookworm-backports', 'daemon', 'broker, no polkit'),
  ...listRows('trixie', 'daemon', 'broker', 'daemon, no polkit', 'broker, no polkit'),
  ...listRows('forky', 'daemon', 'broker', 'daemon, no polkit', 'broker, no polkit', 'broker, no polkit, no IPv6'),
];

/** Part of `npm test`: the oldest systemd of a distribution with users, and the newest. */
export const shortRows: readonly Row[] = [
  ...listRows('bookworm', 'broker, no polkit'),
  ...listRows('forky', 'broker, no polkit'),
];

const distributions: Readonly<Record<TreeName, string>> = {
  bullseye: 'Debian 11',
  bookworm: 'Debian 12',
  'bookworm-backports': 'Debian 12, backports',
  'bookworm-rpm': 'Debian 12 as an rpm system',
  trixie: 'Debian 13',
  forky: 'Debian forky',
};

/**
 * `name=path …`: where spec/…/run.sh has the trees, of rows and of deploy/'s recipes. Throws where
 * it is not there.
 */
export function findTree({ tree }: { readonly tree: TreeName | 'bookworm-recipes' }, pairs: string): string {
  const found = pairs.split(' ').find((pair) => pair.startsWith(`${tree}=`));
  if (found === undefined) throw new Error(`expected a tree ${tree} in ENID_MATRIX, got "${pairs}"`);
  return found.slice(tree.length + 1);
}

export function nameDistribution(tree: TreeName): string {
  return distributions[tree];
}

/** The package's own tool on such a host. */
export function chooseTool(tree: TreeName): 'apt' | 'dnf' {
  return tree === 'bookworm-rpm' ? 'dnf' : 'apt';
}

/**
 * Whether the systemd there is one that the package asks for (units/package/control, enid.spec).
 */
export function isSupported(tree: TreeName): boolean {
  return tree !== 'bullseye';
}

/** `bookworm:broker:no-polkit:no-ipv6`, as the command line of the matrix takes it in parts. */
export function nameRow({ tree, bus, polkit, ipv6 }: Row): string {
  return [tree, bus, ...(polkit === 'no' ? ['no-polkit'] : []), ...(ipv6 === 'off' ? ['no-ipv6'] : [])].join(':');
}
