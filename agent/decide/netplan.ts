/** Judges the files of netplan: which configure ENIs only, and by DHCP only, can be put aside whole. Pure. */

export interface NetplanResult {
  /** Files that configure an ENI. */
  readonly paths: readonly string[];
  readonly obstacles: readonly string[];
}

interface NetplanInput {
  readonly files: readonly { readonly path: string; readonly document: unknown }[];
  readonly eniLinks: readonly string[];
  readonly otherLinks: readonly string[];
}

const harmlessKeys = [
  'match',
  'set-name',
  'dhcp4',
  'dhcp6',
  'dhcp4-overrides',
  'dhcp6-overrides',
  'dhcp-identifier',
  'accept-ra',
  'optional',
  'critical',
  'mtu',
];

export function judgeNetplan({ files, eniLinks, otherLinks }: NetplanInput): NetplanResult {
  const results = files.flatMap(({ path, document }) => {
    const network = readRecord(readRecord(document)?.['network']);
    if (network === null) return [{ path, obstacles: [`${path} cannot be read`] }];
    const ethernets = Object.entries(readRecord(network['ethernets']) ?? {});
    const entries = ethernets.map(([id, value]) => ({ id, value: readRecord(value) ?? {} }));
    if (!entries.some((entry) => eniLinks.some((link) => isMeant(entry, link)))) return [];
    const others = Object.keys(network).filter((key) => !['version', 'renderer', 'ethernets'].includes(key));
    const obstacles = others.map((key) => `${path}: network.${key} would be lost with the file`);
    if ((network['renderer'] ?? 'networkd') !== 'networkd') obstacles.push(`${path}: renderer: ${network['renderer']}`);
    for (const entry of entries) {
      for (const link of otherLinks) {
        if (isMeant(entry, link)) obstacles.push(`${path}: ethernets.${entry.id} is for ${link}, too, which is no ENI`);
      }
      for (const key of Object.keys(entry.value)) {
        if (!harmlessKeys.includes(key)) obstacles.push(`${path}: ethernets.${entry.id}.${key} would be lost`);
      }
    }
    return [{ path, obstacles }];
  });
  return { paths: results.map(({ path }) => path), obstacles: results.flatMap(({ obstacles }) => obstacles) };
}

/** By the name that it has now: what matches by MAC or driver only is taken for meant. */
function isMeant({ id, value }: { id: string; value: Record<string, unknown> }, link: string): boolean {
  const match = readRecord(value['match']);
  if (match === null) return id === link;
  if (value['set-name'] === link) return true;
  const name = match['name'];
  if (typeof name !== 'string') return value['set-name'] === undefined;
  const pattern = name
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(link);
}

function readRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
